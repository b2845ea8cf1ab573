/** Connections to an origin that an operator wrote, at undici's dispatch level: no streams, no redirects, no retries. */
import { Pool, type Dispatcher } from 'undici';
import { createConnector } from './connector.ts';
import type { Surroundings } from './route.ts';
import type { TlsIdentity } from './secure-context.ts';

/** The part of undici's dispatcher that is used. */
export interface Connections {
  /** Starts a request; what becomes of it reaches the handler. Throws only for requests that no one may send. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean;
  /** Breaks all connections. */
  destroy(): Promise<void>;
}

/** How an origin is reached. */
export interface ConnectionsOptions extends TlsIdentity {
  /** Connections at once; null for no bound. */
  readonly connections: number | null;
  /** Milliseconds to connect. */
  readonly connectTimeoutMs: number;
}

const IDLE_CONNECTION_MS = 10_000;

/** Opens connections to `origin` as they are needed. Waiting is bounded by whoever dispatches, so undici's is off. */
export function openConnections(around: Surroundings, origin: string, options: ConnectionsOptions): Connections {
  const { connections, ...rest } = options;
  return new Pool(origin, {
    connect: createConnector(around, { ...rest, trust: 'operator' }),
    connections,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    allowH2: false,
    pipelining: 1,
  });
}
