/**
 * The conversations of an upstream that belong to one scope each (a principal, a caller's session). Opened when first
 * wanted, once however many want it, kept while used, bounded in number: in all, and for each principal, so that nobody
 * can take the places of all others. A principal whose conversations fail waits before the next one is opened.
 */
import { Backlog } from './backlog.ts';
import { linkFailure, type Link, type LinkFailure } from './link.ts';
import type { Timer, UpstreamPorts } from './ports.ts';
import { STABLE_MS } from './supervisor.ts';
import type { Opening } from './transport.ts';

/** How a pool is bounded. */
export interface PoolOptions {
  /** The upstream's name, for texts. */
  readonly name: string;
  readonly maxLinks: number;
  /** Milliseconds without use after which a conversation is ended. */
  readonly idleMs: number;
  /** First wait after a failure, milliseconds; doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** The part of all conversations that one principal may have. */
const OWNER_SHARE = 1 / 4;
/** The part of the idle time after which a conversation may make room for another principal's. */
const PARKED_SHARE = 1 / 10;
/** What is said against a conversation sooner than this after its start does not end it: its successor would not differ. */
const YOUNG_MS = 5_000;
const DRAIN_MS = 1_000;
/** What the caller can change at once, so that its next try is not made to wait. */
const OWN_FAULTS: ReadonlySet<LinkFailure['reason']> = new Set(['consent', 'identity', 'credentials']);
/** When room may be there again, milliseconds. */
const ROOM_MS = 1_000;

/** Which conversation is wanted. */
export interface PoolWish {
  /** Tells conversations apart. */
  readonly key: string;
  /** Whose it is; all of one scope are ended together. */
  readonly scope: string;
  /** The principal whose share it counts against. */
  readonly owner: string;
  /** True for a conversation that cannot serve this wish now, so that another one is opened beside it. */
  readonly isTaken?: ((link: Link) => boolean) | undefined;
}

/** Conversations of one key that may stand beside each other. */
const MAX_BESIDE = 8;

interface Slot {
  readonly owner: string;
  readonly scope: string;
  opening: Promise<Opening>;
  link: Link | undefined;
  openedAt: number;
  usedAt: number;
}

/** The conversations of one upstream, by scope. */
export class LinkPool {
  readonly #options: PoolOptions;
  readonly #ports: UpstreamPorts;
  readonly #slots = new Map<string, Slot>();
  /** Out of use, but something still waits on them. */
  readonly #retired = new Set<Link>();
  readonly #backlog: Backlog;
  /** Conversations that are being ended, and whose they were: until then each costs what an open one does. */
  readonly #endings = new Map<Promise<void>, string>();
  #sweep: Timer | undefined;
  #isClosed = false;

  constructor(options: PoolOptions, ports: UpstreamPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#backlog = new Backlog(options, ports);
  }

  /** Conversations open or opening. */
  get size(): number {
    return this.#slots.size;
  }

  /** Principals that wait before the next conversation is opened for them. */
  get waiting(): number {
    return this.#backlog.size;
  }

  /** Requests in flight on all of them. */
  get pending(): number {
    let pending = 0;
    for (const slot of this.#slots.values()) pending += slot.link?.pending ?? 0;
    return pending;
  }

  /**
   * Returns the scope's conversation, opening it when there is none, or one beside it while it is taken. Room for it is made at the cost of its owner's own
   * idle ones, or of what nobody has used for some time; otherwise it is refused as `exhausted`.
   *
   * @param open - opens one; not called while another call for the same key is opening
   */
  get(wish: PoolWish, open: () => Promise<Opening>): Promise<Opening> {
    const { scope, owner } = wish;
    const key = this.#keyFor(wish);
    const now = this.#ports.clock.monotonic();
    const known = this.#slots.get(key);
    if (known !== undefined && known.link?.state !== 'closed') {
      known.usedAt = now;
      return known.opening;
    }
    if (this.#isClosed) return Promise.resolve({ kind: 'failure', failure: this.#stopped() });
    this.#slots.delete(key);
    const failure = this.#backlog.refusal(owner, this.#options.name) ?? this.#shortage(owner);
    if (failure !== undefined) {
      // Better a conversation in which nothing can be asked now than none.
      const taken = key === wish.key ? undefined : this.#slots.get(wish.key);
      return taken?.opening ?? Promise.resolve({ kind: 'failure', failure });
    }
    const slot: Slot = { owner, scope, opening: open(), link: undefined, openedAt: 0, usedAt: now };
    this.#slots.set(key, slot);
    void slot.opening.then((opening) => this.#opened(key, slot, opening));
    this.#watch();
    return slot.opening;
  }

  /**
   * Takes conversations out of use: whoever wants one next gets a new one, and the old one ends once nothing waits on it.
   *
   * @param only - one that is retired unless it is quite new; default: all are
   */
  retire(only?: Link): void {
    const youngSince = this.#ports.clock.monotonic() - YOUNG_MS;
    for (const [key, { link, openedAt }] of this.#slots) {
      if (link === undefined || (only !== undefined && (link !== only || openedAt > youngSince))) continue;
      this.#slots.delete(key);
      this.#retired.add(link);
      // Whoever was lent it a moment ago may still be about to use it.
      this.#ports.timers.after(DRAIN_MS, () => this.#drain(link));
    }
  }

  /** Ends the conversations of one scope, whose session or connection is over. */
  release(scope: string, reason: string): void {
    this.#endWhere((slot) => slot.scope === scope, reason);
  }

  /** Ends the conversations of every principal for whom `isWelcome` is false; those that are shared have none. */
  releaseOwners(isWelcome: (owner: string) => boolean, reason: string): void {
    this.#endWhere(({ owner }) => owner !== '' && !isWelcome(owner), reason);
  }

  /** Ends all conversations and opens no more. */
  async close(reason: string): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.cancel();
    this.#endWhere(() => true, reason);
    await Promise.all([...this.#endings.keys(), ...[...this.#retired].map((link) => link.close(reason))]);
  }

  /** The wish's own key, or that of the first place beside it whose conversation can serve it. */
  #keyFor({ key, isTaken }: PoolWish): string {
    if (isTaken === undefined) return key;
    for (let place = 0; place <= MAX_BESIDE; place++) {
      const beside = place === 0 ? key : `${key} ${place}`;
      const link = this.#slots.get(beside)?.link;
      if (link === undefined || link.state === 'closed' || !isTaken(link)) return beside;
    }
    return key;
  }

  #drain(link: Link): void {
    if (link.pending > 0 && link.state === 'open') {
      this.#ports.timers.after(DRAIN_MS, () => this.#drain(link));
      return;
    }
    this.#retired.delete(link);
    void link.close('replaced');
  }

  #opened(key: string, slot: Slot, opening: Opening): void {
    const isWanted = this.#slots.get(key) === slot;
    if (opening.kind === 'failure') {
      if (isWanted) this.#slots.delete(key);
      if (!OWN_FAULTS.has(opening.failure.reason)) this.#backlog.failed(slot.owner, opening.failure);
      return;
    }
    const { link } = opening;
    slot.link = link;
    slot.openedAt = this.#ports.clock.monotonic();
    link.onEvent((event) => {
      // What this pool ends, it has forgotten before.
      if (event.kind !== 'closed' || this.#slots.get(key) !== slot) return;
      this.#slots.delete(key);
      const isStable = this.#ports.clock.monotonic() - slot.openedAt > STABLE_MS;
      if (isStable) this.#backlog.forget(slot.owner);
      else this.#backlog.lost(slot.owner, event.failure);
    });
  }

  #endWhere(mayEnd: (slot: Slot) => boolean, reason: string): void {
    for (const [key, slot] of this.#slots) {
      if (mayEnd(slot)) this.#end(key, slot, reason);
    }
  }

  /** Ends a conversation, also one that is still opening. */
  #end(key: string, slot: Slot, reason: string): void {
    this.#slots.delete(key);
    // It has lasted as long as it was needed.
    if (slot.link?.state === 'open') this.#backlog.forget(slot.owner);
    const ending = slot.opening.then(async (opening) => {
      if (opening.kind === 'open') await opening.link.close(reason);
    });
    this.#endings.set(ending, slot.owner);
    void ending.finally(() => this.#endings.delete(ending));
  }

  /** Sees to it that the owner may have one more, or says why it may not. */
  #shortage(owner: string): LinkFailure | undefined {
    const detail = this.#makeRoom(owner);
    if (detail === undefined) return undefined;
    const text = `${this.#options.name} is too busy.`;
    return linkFailure('exhausted', text, { detail, retryAfterMs: ROOM_MS });
  }

  #makeRoom(owner: string): string | undefined {
    const { maxLinks, idleMs } = this.#options;
    const share = Math.max(1, Math.floor(maxLinks * OWNER_SHARE));
    let [held, leaving] = [0, 0];
    for (const slot of this.#slots.values()) if (slot.owner === owner) held += 1;
    for (const whose of this.#endings.values()) if (whose === owner) leaving += 1;
    if (leaving >= share || this.#endings.size >= maxLinks) return 'conversations are still being ended';
    if (held >= share) {
      return this.#evict((slot) => slot.owner === owner)
        ? undefined
        : `all ${share} conversations of one caller are in use`;
    }
    if (this.#slots.size < maxLinks || this.#evict((slot) => slot.owner === owner)) return undefined;
    const parkedBefore = this.#ports.clock.monotonic() - idleMs * PARKED_SHARE;
    if (this.#evict((slot) => slot.usedAt < parkedBefore)) return undefined;
    return `all ${maxLinks} conversations are in use`;
  }

  /** Ends the conversation that has been idle for longest among those that may be ended; false when there is none. */
  #evict(mayEnd: (slot: Slot) => boolean): boolean {
    let oldest: [string, Slot] | undefined;
    for (const entry of this.#slots) {
      const [, slot] = entry;
      if (slot.link === undefined || slot.link.pending > 0 || !mayEnd(slot)) continue;
      if (oldest === undefined || slot.usedAt < oldest[1].usedAt) oldest = entry;
    }
    if (oldest === undefined) return false;
    this.#end(...oldest, 'another conversation needs the place');
    return true;
  }

  #watch(): void {
    if (this.#sweep !== undefined) return;
    this.#sweep = this.#ports.timers.after(this.#options.idleMs / 2, () => {
      this.#sweep = undefined;
      const now = this.#ports.clock.monotonic();
      const before = now - this.#options.idleMs;
      for (const [key, slot] of this.#slots) {
        if (slot.link === undefined || slot.link.pending > 0) continue;
        if (slot.usedAt <= before) this.#end(key, slot, 'idle');
        else if (now - slot.openedAt > STABLE_MS) this.#backlog.forget(slot.owner);
      }
      this.#backlog.sweep();
      if (this.#slots.size + this.#backlog.size > 0 && !this.#isClosed) this.#watch();
    });
  }

  #stopped(): LinkFailure {
    return linkFailure('closed', `${this.#options.name} is being stopped.`);
  }
}
