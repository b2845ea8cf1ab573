/** What an operator can say about an upstream, as this folder needs it: secrets resolved, paths absolute, units plain. */
import type { Cancellation } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';
import type { LinkCredential } from './credential.ts';
import type { HttpOptions } from './http/options.ts';
import type { AskKind, Link, LinkEvent } from './link.ts';
import type { SseOptions } from './sse/options.ts';
import type { StdioOptions } from './stdio/options.ts';
import type { WebSocketOptions } from './websocket/options.ts';

/** Who shares one conversation: everyone, the requests of one principal, or those of one caller session. */
export type Share = 'all' | 'caller' | 'session';

/** One upstream. */
export interface UpstreamDefinition {
  readonly name: string;
  readonly transport: StdioOptions | HttpOptions | SseOptions | WebSocketOptions;
  /**
   * Default: `all` for stdio, `caller` for servers at a URL. Modern servers at a URL keep nothing between two requests,
   * so this is moot there.
   */
  readonly share?: Share;
  /** What the server may ask of callers. Default: nothing. Shared conversations never ask. */
  readonly ask?: readonly AskKind[];
  readonly tuning?: Partial<Tuning>;
  /** What is presented besides fixed headers. Default: nothing. */
  readonly credentials?: UpstreamCredentials;
}

/** What an upstream is presented, as conversations need to know it. */
export interface UpstreamCredentials {
  /** For every conversation. `undefined`: each caller's wish brings its own, and the gateway itself has none. */
  readonly shared: LinkCredential | undefined;
  /** What is secret in the credentials in use, to be taken out of the server's words. */
  secrets(): readonly string[];
  /** Hears how the server refuses those who bring nothing. */
  challenged?(challenge: string): void;
}

/** Bounds and waits that rarely need changing. Milliseconds and bytes. */
export interface Tuning {
  /** Largest single message taken from the upstream. Default 4 MiB. */
  readonly messageBytes: number;
  /** Deepest nesting taken from the upstream. Default 64. */
  readonly messageDepth: number;
  /** How long a server may stay silent on `server/discover` before it counts as legacy. Default 2 s. */
  readonly probeMs: number;
  /** How long `initialize` and the connection may take. Default 30 s, because package runners install on first start. */
  readonly handshakeMs: number;
  /** How long a server has to end by itself at each step of stopping it. Default 2 s. */
  readonly stopMs: number;
  /** How long a WebSocket or an HTTP+SSE stream may be quiet until the server is asked for a sign. Default 30 s. */
  readonly quietMs: number;
  /** First wait before a restart; doubles up to `maxBackoffMs`. Default 250 ms. */
  readonly backoffMs: number;
  /** Longest wait before a restart. Default 30 s. */
  readonly maxBackoffMs: number;
  /** How long the era verdict of an origin holds before it is probed again. Default 10 min. */
  readonly verdictMs: number;
  /** Conversations of an upstream that is not shared by all. Default 64. */
  readonly maxLinks: number;
  /** How long an unused conversation of one caller is kept. Default 10 min. */
  readonly idleMs: number;
  /** Calls without an answer in a row after which the server is asked whether it is well. Default 5. */
  readonly breakerFailures: number;
  /** How long it may take to say so. Default 5 s. */
  readonly breakerProbeMs: number;
}

/** The defaults of {@link Tuning}. */
export const defaultTuning: Tuning = {
  messageBytes: 4 * 1024 * 1024,
  messageDepth: 64,
  probeMs: 2_000,
  handshakeMs: 30_000,
  stopMs: 2_000,
  quietMs: 30_000,
  backoffMs: 250,
  maxBackoffMs: 30_000,
  verdictMs: 600_000,
  maxLinks: 64,
  idleMs: 600_000,
  breakerFailures: 5,
  breakerProbeMs: 5_000,
};

/** What is settled before a conversation opens. */
export interface OpenOptions {
  /** The upstream's name, for texts. */
  readonly name: string;
  readonly tuning: Tuning;
  /** Client capabilities that we declare when the conversation is legacy; already cut down to what `ask` allows. */
  readonly clientCapabilities: JsonObject;
  /** How we introduce ourselves. */
  readonly clientInfo: JsonObject;
  /** Kinds of asking that may reach a caller on this conversation. */
  readonly ask: readonly AskKind[];
  /** More than one caller speaks here, so nothing unattributed may reach any of them. */
  readonly isShared: boolean;
  /** What every request of the conversation presents besides fixed headers. */
  readonly credential?: LinkCredential | undefined;
  /** Ends an opening that is still under way. */
  readonly cancellation: Cancellation;
  /** Hears every event of the link, also those of its opening. */
  readonly onEvent: (link: Link, event: LinkEvent) => void;
}
