/** HTTP connections to one origin, at undici's dispatch level: no fetch, no streams, no redirects, no retries. */
import { Pool, type Dispatcher } from 'undici';

/** The part of undici's dispatcher that links use. */
export interface HttpClient {
  /** Starts a request; what becomes of it reaches the handler. Throws only for requests that no one may send. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean;
  /** Breaks all connections. */
  destroy(): Promise<void>;
}

/** How an origin is reached. */
export interface HttpClientOptions {
  /** Connections at once; null for no bound. */
  readonly connections: number | null;
  /** Milliseconds to connect. */
  readonly connectTimeoutMs: number;
  /** PEM certificates to trust besides the system's own. */
  readonly ca: string | undefined;
}

/** Opens connections to `origin` as they are needed. */
export type OpenHttpClient = (origin: string, options: HttpClientOptions) => HttpClient;

const IDLE_CONNECTION_MS = 10_000;

/** The real connections. Waiting is bounded by the links' own deadlines, so undici's are off. */
export const openHttpClient: OpenHttpClient = (origin, options) =>
  new Pool(origin, {
    connections: options.connections,
    connectTimeout: options.connectTimeoutMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    allowH2: false,
    pipelining: 1,
    ...(options.ca === undefined ? {} : { connect: { ca: options.ca } }),
  });
