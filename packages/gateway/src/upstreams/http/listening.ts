/**
 * A stream of events that outlives its connections: it comes back with `Last-Event-ID` after each break
 * (2025-11-25 transports, resumability), waiting as the server hinted or longer and longer.
 */
import { backoffMs } from '../backoff.ts';
import type { LinkCredential } from '../credential.ts';
import type { Timer } from '../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { EventGet, type EventGetEnd } from './event-get.ts';

/** How a stream that comes back is set up. */
export interface ListeningOptions {
  readonly endpoint: Endpoint;
  /** Headers of each GET, without `last-event-id`; names and values in turn. */
  headers(): string[];
  /** What `headers` presents, where that can change: it is made good before each connection. */
  readonly credential?: LinkCredential | undefined;
  /** Where to resume. */
  readonly lastEventId?: string;
  /** The server's wish how long to wait before the first connection, milliseconds. */
  readonly retryMs?: number;
  /** Breaks in a row without an event before it gives up. Default: never. */
  readonly maxFailures?: number;
  onMessage(bytes: Uint8Array): void;
  /** The first connection was answered, or came to nothing. Called at most once. */
  onFirst?(): void;
  /** It cannot go on: the server offers no such stream, or it broke too often. Called at most once. */
  onGivenUp(end: EventGetEnd): void;
}

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
const MAX_HINT_MS = 60_000;

/** A stream of events that comes back. */
export class Listening {
  readonly #options: ListeningOptions;
  #get: EventGet | undefined;
  #timer: Timer | undefined;
  #lastEventId: string;
  #hintMs: number | undefined;
  #failures = 0;
  #opened = 0;
  #isStopped = false;
  #hasTold = false;
  /** The server refused the credential since the stream was last open. */
  #isRefused = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
    this.#lastEventId = options.lastEventId ?? '';
    this.#hintMs = options.retryMs;
  }

  /** Connects, after the server's hinted wait where there is one. */
  start(): void {
    if (this.#hintMs === undefined) this.#connect();
    else this.#wait();
  }

  /** Ends the stream for good. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#get?.stop();
  }

  #connect(): void {
    const readying = this.#options.credential?.ready();
    if (readying === undefined) this.#open();
    else void readying.then(() => this.#open());
  }

  #open(): void {
    if (this.#isStopped) return;
    const { clock } = this.#options.endpoint.ports;
    const headers = this.#options.headers();
    if (this.#lastEventId !== '') headers.push('last-event-id', this.#lastEventId);
    this.#get = new EventGet(this.#options.endpoint, headers, {
      onOpen: () => {
        this.#isRefused = false;
        this.#opened = clock.monotonic();
        this.#tellFirst();
      },
      onMessage: (bytes) => {
        this.#failures = 0;
        this.#options.onMessage(bytes);
      },
      onEnd: (end) => this.#ended(end),
    });
  }

  #ended(end: EventGetEnd): void {
    if (this.#isStopped) return;
    this.#tellFirst();
    this.#lastEventId = this.#get?.lastEventId || this.#lastEventId;
    this.#hintMs = this.#get?.retryMs ?? this.#hintMs;
    const { credential } = this.#options;
    if (end.status === 401 && credential !== undefined && !this.#isRefused) {
      this.#isRefused = true;
      void credential.refused({ status: 401, challenge: undefined, sent: credential.headers() }).then((failure) => {
        if (failure === undefined) this.#connect();
        else this.#giveUp(end);
      });
      return;
    }
    const isRefused = !end.isStream && end.status !== 0 && end.status < 500 && end.status !== 429;
    const lasted = end.isStream ? this.#options.endpoint.ports.clock.monotonic() - this.#opened : 0;
    this.#failures = lasted > MAX_WAIT_MS ? 1 : this.#failures + 1;
    if (isRefused || this.#failures > (this.#options.maxFailures ?? Infinity)) {
      this.#giveUp(end);
    } else {
      this.#wait();
    }
  }

  #giveUp(end: EventGetEnd): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#options.onGivenUp(end);
  }

  #tellFirst(): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.#options.onFirst?.();
  }

  #wait(): void {
    const { timers, random } = this.#options.endpoint.ports;
    const own = this.#failures === 0 ? 0 : backoffMs(this.#failures - 1, FIRST_WAIT_MS, MAX_WAIT_MS, random);
    const hint = Math.min(this.#hintMs ?? 0, MAX_HINT_MS);
    this.#timer = timers.after(Math.max(hint, own), () => this.#connect());
  }
}
