/**
 * A stream of events that outlives its connections: it comes back with `Last-Event-ID` after each break
 * (2025-11-25 transports, resumability), waiting as the server hinted or longer and longer.
 */
import { backoffMs } from '../backoff.ts';
import type { Timer } from '../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { EventGet, type EventGetEnd } from './event-get.ts';

/** How a stream that comes back is set up. */
export interface ListeningOptions {
  readonly endpoint: Endpoint;
  /** Headers of each GET, without `last-event-id`; names and values in turn. */
  headers(): string[];
  /** Where to resume. */
  readonly lastEventId?: string;
  /** The server's wish how long to wait before the first connection, milliseconds. */
  readonly retryMs?: number;
  /** Breaks in a row without an event before it gives up. Default: never. */
  readonly maxFailures?: number;
  onMessage(bytes: Uint8Array): void;
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
    if (this.#isStopped) return;
    const { clock } = this.#options.endpoint.ports;
    const headers = this.#options.headers();
    if (this.#lastEventId !== '') headers.push('last-event-id', this.#lastEventId);
    this.#get = new EventGet(this.#options.endpoint, headers, {
      onOpen: () => {
        this.#opened = clock.monotonic();
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
    this.#lastEventId = this.#get?.lastEventId || this.#lastEventId;
    this.#hintMs = this.#get?.retryMs ?? this.#hintMs;
    const isRefused = !end.isStream && end.status !== 0 && end.status < 500 && end.status !== 429;
    const lasted = end.isStream ? this.#options.endpoint.ports.clock.monotonic() - this.#opened : 0;
    this.#failures = lasted > MAX_WAIT_MS ? 1 : this.#failures + 1;
    if (isRefused || this.#failures > (this.#options.maxFailures ?? Infinity)) {
      this.#isStopped = true;
      this.#options.onGivenUp(end);
    } else {
      this.#wait();
    }
  }

  #wait(): void {
    const { timers, random } = this.#options.endpoint.ports;
    const own = this.#failures === 0 ? 0 : backoffMs(this.#failures - 1, FIRST_WAIT_MS, MAX_WAIT_MS, random);
    const hint = Math.min(this.#hintMs ?? 0, MAX_HINT_MS);
    this.#timer = timers.after(Math.max(hint, own), () => this.#connect());
  }
}
