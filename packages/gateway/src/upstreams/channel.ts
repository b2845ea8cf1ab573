/**
 * What carries whole messages both ways between us and one server: the lines of a process, the frames of a WebSocket,
 * or a stream of events one way and POSTs the other. `conversation.ts` makes a link of any of them.
 */
import type { Carrier, LinkFailure } from './link.ts';

/** Hears what comes over a channel. */
export interface ChannelListener {
  /** One message, not yet looked at. Returns false when it turned out to be none. */
  onMessage(bytes: Uint8Array): boolean;
  /** Something came that is no message, or not whole; `detail` is for the log. */
  onDropped(detail: string): void;
  /** Nothing has come for so long that the server should be made to say something, or it counts as gone. */
  onQuiet(): void;
  /** The server is gone, or must be left; called at most once, and nothing comes after it. */
  onEnd(failure: LinkFailure): void;
}

/** What became of a message that was handed over: undefined when it is on its way. */
export type Sent = LinkFailure | undefined | Promise<LinkFailure | undefined>;

/** Carries messages between us and one server. */
export interface Channel {
  readonly carrier: Carrier;
  /** The process number of a local server. */
  readonly pid: number | undefined;
  /** Bytes handed over that the server has not taken yet. */
  readonly unsent: number;
  /** What the server itself last said of trouble, for status and log only. */
  lastWords(): string | undefined;
  /**
   * Connects and begins to hear; called once.
   *
   * @returns undefined when messages can be sent
   */
  open(listener: ChannelListener): Promise<LinkFailure | undefined>;
  /**
   * Hands one message over; only after a successful `open`.
   *
   * @param message - its bytes belong to the channel from now on
   */
  send(message: Buffer): Sent;
  /** Ends the channel, also while it is being opened, and settles when nothing of it is left. */
  close(): Promise<void>;
}
