/** The one shape of an upstream kind: it opens conversations. `stdio/`, `http/`, `sse/` and `websocket/` each give one. */
import type { Carrier, Link, LinkFailure } from './link.ts';
import type { OpenOptions } from './options.ts';

/**
 * Which era to open: `probe` asks the server first (`server/discover`); `legacy` goes straight to `initialize`, because
 * an earlier probe said so or because a legacy caller prefers it.
 */
export type EraWish = 'probe' | 'legacy';

/** How opening went. */
export type Opening =
  /** `isLent`: it is a caller's, lent for reading what the server publishes to everybody and for nothing else. */
  | { readonly kind: 'open'; readonly link: Link; readonly isLent?: true }
  | { readonly kind: 'failure'; readonly failure: LinkFailure };

/** Opens conversations with one upstream. */
export interface Transport {
  readonly kind: Carrier;
  /** Never rejects for what the other side does. */
  open(options: OpenOptions, wish: EraWish): Promise<Opening>;
  /**
   * Says whether a server answers as a modern one now, without opening anything. Absent where a server cannot change
   * while a conversation with it lasts.
   */
  readonly recheck?: (options: OpenOptions) => Promise<boolean>;
  /** Ends what the links leave open (connections). Links are closed by whoever opened them. */
  close(): Promise<void>;
}
