/** One request that waits for its answer: it settles once, by an answer, a deadline or a caller who gave up. */
import type { Clock } from '@sallyport/guard';
import type { Message } from '@sallyport/protocol';
import {
  linkFailure,
  type AskAnswer,
  type LinkAnswer,
  type LinkFailure,
  type LinkListener,
  type LinkRequest,
} from './link.ts';
import type { Timer, Timers } from './ports.ts';

/** Called when the wait ends without an answer from the other side, so that the transport can call the work off. */
export type Abandon = (failure: LinkFailure) => void;

/** One request that waits. */
export class PendingCall {
  readonly request: LinkRequest;
  readonly #listener: LinkListener;
  readonly #resolve: (answer: LinkAnswer) => void;
  readonly #abandon: Abandon;
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #name: string;
  #timer: Timer | undefined;
  #started = 0;
  #asking = 0;
  #forget: (() => void) | undefined;
  #settled = false;
  #streamed = false;

  constructor(
    request: LinkRequest,
    listener: LinkListener,
    resolve: (answer: LinkAnswer) => void,
    abandon: Abandon,
    environment: { readonly timers: Timers; readonly clock: Clock; readonly name: string },
  ) {
    this.request = request;
    this.#listener = listener;
    this.#resolve = resolve;
    this.#abandon = abandon;
    this.#timers = environment.timers;
    this.#clock = environment.clock;
    this.#name = environment.name;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** Starts the deadline and listens for the caller; false when the caller has given up already. */
  begin(): boolean {
    const { timeoutMs, maxTimeMs, cancellation } = this.request;
    this.#forget = cancellation.subscribe(this.#cancelled);
    if (this.#settled) return false;
    const wait = Math.min(timeoutMs, maxTimeMs);
    if (wait !== Infinity) {
      this.#started = this.#clock.monotonic();
      this.#timer = this.#timers.after(wait, this.#expired);
    }
    return true;
  }

  /** Hands a notification of this request to whoever waits; progress extends the wait up to its ceiling. */
  deliver(message: Message): void {
    if (this.#settled) return;
    if (message.method === 'notifications/progress') this.#extend();
    this.#listener.onMessage(message);
  }

  /** Says, once, that the upstream answers with a stream. */
  openStream(): void {
    if (this.#settled || this.#streamed) return;
    this.#streamed = true;
    this.#listener.onStream?.();
  }

  /** Passes a server's request on to the caller. The time that the caller takes does not count against the server. */
  async ask(message: Message): Promise<AskAnswer> {
    const asked = this.#clock.monotonic();
    this.#asking += 1;
    this.#timer?.cancel();
    try {
      return await this.#listener.onRequest(message);
    } finally {
      this.#asking -= 1;
      if (this.#asking === 0) {
        this.#started += this.#clock.monotonic() - asked;
        if (!this.#settled) this.#extend();
      }
    }
  }

  /** Ends the wait with the upstream's answer. */
  answer(message: Message, httpStatus: number | undefined): void {
    this.#settle({ kind: 'answer', message, httpStatus });
  }

  /** Ends the wait with a failure that the transport found. */
  fail(failure: LinkFailure): void {
    this.#settle({ kind: 'failure', failure });
  }

  #settle(answer: LinkAnswer): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    this.#forget?.();
    this.#resolve(answer);
  }

  #extend(): void {
    const { timeoutMs, maxTimeMs } = this.request;
    if (this.#timer === undefined || this.#asking > 0) return;
    const left = Math.max(0, maxTimeMs - (this.#clock.monotonic() - this.#started));
    this.#timer.cancel();
    this.#timer = this.#timers.after(Math.min(timeoutMs, left), this.#expired);
  }

  readonly #expired = (): void => {
    this.#giveUp(linkFailure('timeout', `${this.#name} did not answer in time.`));
  };

  readonly #cancelled = (reason: string): void => {
    this.#giveUp(linkFailure('cancelled', 'The caller gave up.', { detail: reason }));
  };

  #giveUp(failure: LinkFailure): void {
    if (this.#settled) return;
    this.#settle({ kind: 'failure', failure });
    this.#abandon(failure);
  }
}
