/** One request that waits for its answer: it settles once, by an answer, a deadline or a caller who gave up. */
import { createCanceller, type Canceller, type Clock } from '@sallyport/guard';
import { INTERNAL_ERROR, type Message } from '@sallyport/protocol';
import {
  linkFailure,
  type AskAnswer,
  type LinkAnswer,
  type LinkFailure,
  type LinkListener,
  type LinkRequest,
} from './link.ts';
import type { Timer, Timers } from './ports.ts';
import { encodeJson } from './wire.ts';

/** Called when the wait ends without an answer from the other side, so that the transport can call the work off. */
export type Abandon = (failure: LinkFailure) => void;

/** Questions of one request that may be open at once. */
const MAX_QUESTIONS = 64;

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
  /** Questions to the caller that are open. */
  readonly #questions = new Set<Canceller>();
  #askedAt = 0;
  /** Milliseconds in which at least one question was open, of those that have ended. */
  #askedFor = 0;
  #askTimer: Timer | undefined;
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

  /**
   * Passes a server's request on to the caller. The time that the caller takes does not count against the server, but it
   * has a bound of its own: all questions of one request together may take `maxTimeMs`. Then, and when the request ends,
   * the server is told that there is no answer.
   */
  async ask(message: Message): Promise<AskAnswer> {
    const isRefused = this.#askedFor >= this.request.maxTimeMs || this.#questions.size >= MAX_QUESTIONS;
    if (this.#settled || isRefused) return UNANSWERED;
    if (this.#questions.size === 0) this.#suspend();
    const over = createCanceller();
    this.#questions.add(over);
    const ended = new Promise<AskAnswer>((resolve) => {
      over.subscribe(() => resolve(UNANSWERED));
    });
    try {
      return await Promise.race([this.#listener.onRequest(message, over), ended]);
    } finally {
      this.#questions.delete(over);
      if (this.#questions.size === 0) this.#resume();
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
    this.#endQuestions('the request has ended');
    this.#resolve(answer);
  }

  /** The request's own deadline stands still while a question is open. */
  #suspend(): void {
    this.#askedAt = this.#clock.monotonic();
    this.#timer?.cancel();
    const left = this.request.maxTimeMs - this.#askedFor;
    if (left !== Infinity) this.#askTimer = this.#timers.after(left, () => this.#endQuestions('no answer in time'));
  }

  #resume(): void {
    this.#askTimer?.cancel();
    const took = this.#clock.monotonic() - this.#askedAt;
    this.#askedFor += took;
    this.#started += took;
    if (!this.#settled) this.#extend();
  }

  #endQuestions(reason: string): void {
    this.#askTimer?.cancel();
    for (const question of [...this.#questions]) question.cancel(reason);
  }

  #extend(): void {
    const { timeoutMs, maxTimeMs } = this.request;
    if (this.#timer === undefined || this.#questions.size > 0) return;
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

const UNANSWERED: AskAnswer = {
  kind: 'error',
  body: encodeJson({ code: INTERNAL_ERROR, message: 'The caller did not answer' }),
};
