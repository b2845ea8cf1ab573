/** What all conversations with one HTTP upstream share: its endpoint, its connections and the fixed headers. */
import type { JsonBounds } from '@sallyport/protocol';
import type { Tuning } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { HttpClient } from './client.ts';
import type { HttpOptions } from './options.ts';

const DEFAULT_CONNECTIONS = 1024;

/** What all conversations with one HTTP upstream share. */
export interface Channel {
  readonly name: string;
  readonly path: string;
  /** Connections for requests. */
  readonly calls: HttpClient;
  /** Connections for streams that stay open, so that those never take a request's place. */
  readonly streams: HttpClient;
  /** Names and values in turn: content type, accept, and the operator's own headers. */
  readonly headers: readonly string[];
  readonly tuning: Tuning;
  readonly bounds: JsonBounds;
  readonly ports: UpstreamPorts;
}

/** Headers that the link itself sets; an operator's value would break the protocol or the connection. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'connection',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Says what is wrong with an endpoint before anything connects to it.
 *
 * @returns a sentence without secrets, or undefined when nothing is wrong
 */
export const checkHttpOptions = (options: HttpOptions): string | undefined => {
  if (!URL.canParse(options.url)) return 'The URL cannot be read.';
  const url = new URL(options.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'The URL must begin with http:// or https://.';
  if (url.username !== '' || url.password !== '') return 'The URL must not hold credentials; use headers.';
  for (const [name, value] of Object.entries(options.headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `"${name}" is not a header name.`;
    if (OWN_HEADERS.has(name.toLowerCase())) return `The header "${name}" is set by the gateway itself.`;
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return `The value of the header "${name}" cannot be sent.`;
  }
  return undefined;
};

/** Prepares the connections to an endpoint; none is opened yet. Throws for options that `checkHttpOptions` faults. */
export const createChannel = (name: string, options: HttpOptions, tuning: Tuning, ports: UpstreamPorts): Channel => {
  const fault = checkHttpOptions(options);
  if (fault !== undefined) throw new Error(fault);
  const url = new URL(options.url);
  const headers = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
  for (const [header, value] of Object.entries(options.headers)) headers.push(header.toLowerCase(), value);
  const client = { connectTimeoutMs: tuning.handshakeMs, ca: options.ca };
  return {
    name,
    path: url.pathname + url.search,
    calls: ports.http(url.origin, { ...client, connections: options.connections ?? DEFAULT_CONNECTIONS }),
    streams: ports.http(url.origin, { ...client, connections: null }),
    headers,
    tuning,
    bounds: { maxDepth: tuning.messageDepth },
    ports,
  };
};
