// What the runner and the load generator tell each other.
import type { CallShape, Dialect } from './call-template.ts';
import type { EchoEra } from './echo.ts';

/** Starts an echo server in the load generator's process; answered with its port. */
export interface UpstreamOrder {
  readonly kind: 'upstream';
  readonly tools: number;
  /** Default: both. */
  readonly era?: EchoEra;
}

/** One measurement; answered with what it found. */
export interface LoadOrder {
  readonly kind: 'load';
  readonly port: number;
  readonly dialect: Dialect;
  readonly shape: CallShape;
  /** Connections, each of which calls again as soon as it is answered. */
  readonly callers: number;
  /** Calls a second to begin whatever the answers do; without it callers wait for their answers. */
  readonly rate?: number;
  /** Milliseconds before anything counts. */
  readonly warmupMs: number;
  /** Milliseconds that count. */
  readonly ms: number;
  /** Keeps the load generator's event loop from sleeping. */
  readonly isAwake: boolean;
  /** Process whose CPU time is read; 0 for none. */
  readonly pid: number;
}

/** What a measurement found. Times in milliseconds. */
export interface LoadResult {
  readonly calls: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** CPU time of the measured process. */
  readonly cpuMs: number;
  /** Answers that were another call's, refusals, or no answer. Counted in warm-up, too. */
  readonly errors: number;
  /** The first of them. */
  readonly firstError?: string;
}

/** What the load generator answers to an order. */
export type Answer = { readonly port: number } | { readonly found: LoadResult } | { readonly failed: string };
