/** Asks an HTTP proxy for a tunnel (CONNECT, RFC 9110 §9.3.6). Every request goes through one, plain http too. */
import { Socket } from 'node:net';
import { Client, buildConnector } from 'undici';
import { EgressError } from './egress-error.ts';
import { contextOf } from './secure-context.ts';

/** The proxy of an operator. */
export interface Proxy {
  readonly url: URL;
  /** `Proxy-Authorization`, where the URL held a user. */
  readonly authorization: string | undefined;
  /** PEM certificates to trust besides the system's own. */
  readonly ca: string | undefined;
}

/** What a tunnel is to lead to. */
export interface TunnelEnd {
  /** What the proxy is told: an address, or an operator's name. */
  readonly asked: string;
  /** For messages. */
  readonly host: string;
  readonly port: number;
}

/** Reads the URL of a proxy; returns what is wrong with it as a text. The text never holds the URL. */
export function readProxy(text: string, ca: string | undefined): Proxy | string {
  if (!URL.canParse(text)) return 'it is not a URL such as http://proxy.example.com:3128';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `${url.protocol} proxies are not supported, only http: and https: ones`;
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'a proxy has no path';
  const isUser = url.username !== '' || url.password !== '';
  let authorization: string | undefined;
  try {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    if (isUser) authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  } catch {
    return 'the user or password in it is not encoded as URLs want it';
  }
  url.username = '';
  url.password = '';
  return { url, authorization, ca };
}

/** Says why a text is not the URL of a proxy that can be used; the words never repeat it. */
export function findProxyFault(text: string): string | undefined {
  const proxy = readProxy(text, undefined);
  return typeof proxy === 'string' ? proxy : undefined;
}

/**
 * Opens a tunnel.
 *
 * @param reach - opens a plain connection to the proxy itself
 * @returns a connection whose other end is the destination; rejects with `EgressError` when the proxy will not
 */
export async function openTunnel(
  proxy: Proxy,
  end: TunnelEnd,
  reach: (host: string, port: number) => Promise<Socket>,
  signal: AbortSignal,
): Promise<Socket> {
  const { url, authorization, ca } = proxy;
  const isSecure = url.protocol === 'https:';
  const secure = buildConnector({ secureContext: contextOf({ ca }), rejectUnauthorized: true, allowH2: false });
  const client = new Client(url.origin, {
    connect: (options, tell) => {
      const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
      reach(options.hostname, port).then(
        (socket) => (isSecure ? secure({ ...options, httpSocket: socket }, tell) : tell(null, socket)),
        (cause: unknown) => tell(errorOf(cause), null),
      );
    },
  });
  const authority = `${end.asked.includes(':') ? `[${end.asked}]` : end.asked}:${end.port}`;
  try {
    const { statusCode, socket } = await client.connect({
      path: authority,
      headers: { host: authority, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
      signal,
    });
    if (statusCode >= 200 && statusCode < 300 && socket instanceof Socket) return socket;
    socket.destroy();
    throw new EgressError('connection', refusalOf(proxy, end, authority, statusCode));
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof EgressError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer';
    throw new EgressError('connection', `The proxy ${url.host} could not be used: ${code}.`, { cause });
  } finally {
    void client.close();
  }
}

function refusalOf({ url }: Proxy, end: TunnelEnd, authority: string, status: number): string {
  const asked = end.asked === end.host ? authority : `${authority} (${end.host})`;
  const why = status === 407 ? 'it wants a user and password: http://USER:PASSWORD@HOST:PORT' : `HTTP ${status}`;
  return `The proxy ${url.host} opens no connection to ${asked}: ${why}.`;
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
