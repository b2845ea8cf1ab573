/** What all conversations with one HTTP upstream share: its endpoint, its connections and the fixed headers. */
import type { Connections } from '@sallyport/guard';
import type { JsonBounds } from '@sallyport/protocol';
import type { Tuning } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import { checkAddress } from '../address.ts';
import type { HttpOptions } from './options.ts';
import { createRedaction, secretsIn } from '../redact.ts';
import type { SseOptions } from '../sse/options.ts';

const DEFAULT_CONNECTIONS = 1024;
const NOTICE_CONNECTIONS = 8;

/** What all conversations with one HTTP upstream share. */
export interface Endpoint {
  readonly name: string;
  readonly url: string;
  readonly path: string;
  /** Connections for requests. */
  readonly calls: Connections;
  /** Few connections for what gets no answer of its own, so that a server that takes none of it still takes calls. */
  readonly notices: Connections;
  /** Connections for streams that stay open, so that those never take a request's place. */
  readonly streams: Connections;
  /** Names and values in turn: content type, accept, and the operator's own headers. */
  readonly headers: readonly string[];
  /** The operator's own headers alone. */
  readonly credentials: readonly string[];
  /** Takes them out of what the server says. */
  readonly redact: (text: string) => string;
  readonly tuning: Tuning;
  readonly bounds: JsonBounds;
  readonly ports: UpstreamPorts;
}

/** Prepares the connections to an endpoint; none is opened yet. Throws for options that `checkAddress` faults. */
export const createEndpoint = (
  name: string,
  options: HttpOptions | SseOptions,
  tuning: Tuning,
  ports: UpstreamPorts,
): Endpoint => {
  const fault = checkAddress(options, ['http:', 'https:']);
  if (fault !== undefined) throw new Error(fault);
  const url = new URL(options.url);
  const credentials = Object.entries(options.headers).flatMap(([header, value]) => [header.toLowerCase(), value]);
  const client = { connectTimeoutMs: tuning.handshakeMs, ca: options.ca, clientCertificate: options.clientCertificate };
  return {
    name,
    url: url.href,
    path: url.pathname + url.search,
    calls: ports.http(url.origin, { ...client, connections: options.connections ?? DEFAULT_CONNECTIONS }),
    notices: ports.http(url.origin, { ...client, connections: NOTICE_CONNECTIONS }),
    streams: ports.http(url.origin, { ...client, connections: null }),
    headers: ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...credentials],
    credentials,
    redact: createRedaction(secretsIn(options.headers)),
    tuning,
    bounds: { maxDepth: tuning.messageDepth },
    ports,
  };
};

/** Breaks all connections to an endpoint. */
export const closeEndpoint = async (endpoint: Endpoint): Promise<void> => {
  await Promise.all([endpoint.calls, endpoint.notices, endpoint.streams].map((client) => client.destroy()));
};
