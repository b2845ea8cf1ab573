/**
 * Keeps an upstream's own conversation alive: opens it, notices its end, opens it again after growing waits, and says
 * at any time how things stand. The one that the gateway itself uses; callers share it where that is allowed.
 */
import { backoffMs } from './backoff.ts';
import { linkFailure, type Link, type LinkFailure } from './link.ts';
import type { Tuning } from './options.ts';
import type { Timer, UpstreamPorts } from './ports.ts';
import type { Opening } from './transport.ts';

/** `starting`: being opened. `sick`: waits before the next try, or a try after a failure is under way. */
export type UpstreamState = 'starting' | 'ready' | 'sick' | 'stopped';

/** How long a conversation has to last until its end counts as a first failure again. */
export const STABLE_MS = 10_000;
/** Least time between two openings that only a doubt caused. */
const DOUBT_MS = 5_000;
/** A try that is due this soon is worth waiting for. */
const SOON_MS = 1_000;

/** What a supervisor tells. */
export interface SupervisorEvents {
  onState(): void;
  onOpen(link: Link): void;
  onFailure(failure: LinkFailure): void;
}

/** Keeps one conversation alive. */
export class Supervisor {
  state: UpstreamState = 'stopped';
  /** Wall time of the last change of state, milliseconds since the epoch. */
  since = 0;
  /** Openings after the first. */
  restarts = 0;
  link: Link | undefined;
  lastFailure: LinkFailure | undefined;
  readonly #name: string;
  readonly #open: () => Promise<Opening>;
  readonly #tuning: Tuning;
  readonly #ports: UpstreamPorts;
  readonly #events: SupervisorEvents;
  readonly #retired = new Set<Link>();
  #failures = 0;
  #tries = 0;
  #openedAt = 0;
  #timer: Timer | undefined;
  #dueAt = 0;
  #nextDoubtAt = 0;
  #attempt: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    name: string,
    open: () => Promise<Opening>,
    tuning: Tuning,
    ports: UpstreamPorts,
    events: SupervisorEvents,
  ) {
    this.#name = name;
    this.#open = open;
    this.#tuning = tuning;
    this.#ports = ports;
    this.#events = events;
  }

  /** Milliseconds until the next try; undefined when none is planned. */
  get waitMs(): number | undefined {
    return this.#timer === undefined ? undefined : Math.max(0, this.#dueAt - this.#ports.clock.monotonic());
  }

  /** Begins; does nothing when it has begun already. */
  start(): void {
    if (this.state !== 'stopped') return;
    this.#failures = 0;
    this.#enter('starting');
    this.#try();
  }

  /** Ends the conversation for good and waits for that. */
  async stop(reason: string): Promise<void> {
    const { link } = this;
    this.link = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#enter('stopped');
    this.#wake();
    await Promise.all([this.#attempt, link?.close(reason), ...[...this.#retired].map((old) => old.close(reason))]);
  }

  /**
   * Returns the conversation, or why there is none. Waits only for a first start under way or a try that is due soon,
   * so a sick upstream answers at once.
   */
  get(): Opening | Promise<Opening> {
    const { link } = this;
    if (link !== undefined && link.state === 'open' && this.state === 'ready') return { kind: 'open', link };
    const isSoon = this.#timer !== undefined && this.#dueAt - this.#ports.clock.monotonic() <= SOON_MS;
    const isTrying = this.#timer === undefined && this.#attempt !== undefined && this.#failures <= 1;
    if (this.state === 'stopped' || !(this.state === 'starting' || isSoon || isTrying)) {
      return { kind: 'failure', failure: this.#absence() };
    }
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        const now = this.link;
        if (now !== undefined && now.state === 'open') resolve({ kind: 'open', link: now });
        else resolve({ kind: 'failure', failure: this.#absence() });
      });
    });
  }

  /**
   * Takes a failure that a request met as a sign that the upstream may be gone: the conversation is opened anew beside
   * the present one, which stays in use until its successor is there or has failed. Not more often than every few
   * seconds, whatever fails.
   */
  doubt(): void {
    const now = this.#ports.clock.monotonic();
    if (this.state !== 'ready' || this.#attempt !== undefined || now < this.#nextDoubtAt) return;
    this.#nextDoubtAt = now + DOUBT_MS;
    this.#try();
  }

  #try(): void {
    this.#timer = undefined;
    this.#tries += 1;
    if (this.#tries > 1) this.restarts += 1;
    this.#attempt = this.#open().then((opening) => {
      this.#attempt = undefined;
      return this.#tried(opening);
    });
  }

  async #tried(opening: Opening): Promise<void> {
    if (this.state === 'stopped') {
      if (opening.kind === 'open') await opening.link.close('stopped');
      return;
    }
    if (opening.kind === 'failure') {
      this.#retire();
      this.#failed(opening.failure, false);
    } else if (opening.link.state === 'closed') {
      this.#failed(linkFailure('closed', `${this.#name} stopped at once.`), false);
    } else {
      this.#retire();
      this.#adopt(opening.link);
    }
    this.#wake();
  }

  #adopt(link: Link): void {
    this.link = link;
    this.#openedAt = this.#ports.clock.monotonic();
    link.onEvent((event) => {
      if (event.kind === 'closed') this.#lost(link, event.failure);
    });
    this.#events.onOpen(link);
    this.#enter('ready');
  }

  #lost(link: Link, failure: LinkFailure): void {
    this.#retired.delete(link);
    if (this.link !== link) return;
    this.link = undefined;
    if (this.#ports.clock.monotonic() - this.#openedAt > STABLE_MS) this.#failures = 0;
    if (this.#attempt === undefined) this.#failed(failure, this.#failures === 0);
  }

  /** The first end after a good time is made up for at once; everything else waits, longer each time. */
  #failed(failure: LinkFailure, isAtOnce: boolean): void {
    this.lastFailure = failure;
    this.#events.onFailure(failure);
    const { backoffMs: firstMs, maxBackoffMs } = this.#tuning;
    const wait = isAtOnce ? 0 : backoffMs(this.#failures, firstMs, maxBackoffMs, this.#ports.random);
    this.#failures += 1;
    this.#dueAt = this.#ports.clock.monotonic() + wait;
    this.#timer = this.#ports.timers.after(wait, () => this.#try());
    this.#enter('sick');
  }

  /** Lets the present conversation end by itself once a new one takes its place. */
  #retire(): void {
    const old = this.link;
    this.link = undefined;
    if (old === undefined || old.state === 'closed') return;
    this.#retired.add(old);
    // Whoever was lent it a moment ago may still be about to use it.
    this.#ports.timers.after(SOON_MS, () => this.#drain(old));
  }

  #drain(old: Link): void {
    if (old.pending === 0) {
      this.#retired.delete(old);
      void old.close('replaced');
    } else {
      this.#ports.timers.after(SOON_MS, () => this.#drain(old));
    }
  }

  #absence(): LinkFailure {
    if (this.state === 'stopped') return linkFailure('closed', `${this.#name} is stopped.`);
    const detail = this.lastFailure === undefined ? 'not started' : describe({ ...this.lastFailure, words: undefined });
    const retryAfterMs = this.waitMs;
    return linkFailure('unreachable', `${this.#name} is not available at the moment.`, {
      detail,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #enter(state: UpstreamState): void {
    if (this.state === state) return;
    this.state = state;
    this.since = this.#ports.clock.now();
    this.#events.onState();
  }
}

/** Returns a failure as the operator reads it. */
export const describe = ({ text, detail, words }: LinkFailure): string => {
  const more = [detail, words].filter((part) => part !== undefined).join(': ');
  return more === '' ? text : `${text} (${more})`;
};
