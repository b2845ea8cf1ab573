/**
 * Results of modern servers, kept as long as their hints allow (2026-07-28, "Caching"). What is kept for one
 * authorization is found by no other, and callers who want the same at once wait for one request.
 */
import { createCanceller, type Canceller, type Cancellation, type Clock } from '@sallyport/guard';
import { isObject } from '@sallyport/protocol';
import { linkFailure, type Link, type LinkAnswer } from '../upstreams/link.ts';
import { readHints, type CacheHints } from './hints.ts';
import { createShelf, type Shelf } from './shelf.ts';

/** What is wanted, by whom. */
export interface CacheWish {
  readonly server: string;
  /** The conversation that would be asked. What came over one is never given out for another. */
  readonly link: Link;
  /** Resource that the answer is about. */
  readonly uri: string;
  /** Everything else that the answer depends on. */
  readonly variant: string;
  /** Who asks with which rights; the same text for the same authorization only. */
  readonly authorization: string;
  readonly cancellation: Cancellation;
}

/** An answer, and how long it may be kept from now on. */
export interface Taken {
  readonly answer: LinkAnswer;
  /** Milliseconds; `undefined` for what may not be kept. */
  readonly leftMs: number | undefined;
  /** `kept`: from memory. `shared`: another caller's request brought it. `own`: this caller's did. */
  readonly source: 'kept' | 'shared' | 'own';
}

/** What the cache has done since it was made, and what it holds. */
export interface CacheStats {
  readonly kept: number;
  readonly shared: number;
  readonly own: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Kept results. */
export interface ResultCache {
  /**
   * Gives what is kept, or has it fetched.
   *
   * @param fetch - asks the server; called at most once, and called off when nobody waits any more
   */
  take(wish: CacheWish, fetch: (over: Cancellation) => Promise<LinkAnswer>): Taken | Promise<Taken>;
  /** Forgets what a server said, of one resource or of all; what is on its way is not kept either. */
  drop(server: string, uri?: string): void;
  stats(): CacheStats;
}

export interface ResultCacheOptions {
  readonly clock: Clock;
  /** Bytes that all kept results may take; default 32 MiB. */
  readonly maxBytes?: number;
}

/** Requests whose last answer's scope is remembered, so that their next callers know whether to wait for each other. */
const mostVerdicts = 4000;

/** Longest resource and variant that anything is remembered of, in characters: nobody can fill the memory with names. */
const longestRequest = 2048;

/** How often one caller waits for others' requests before it makes its own. */
const mostWaits = 2;

type Verdict = CacheHints['scope'] | 'none';

/** One request on its way. */
interface Flight {
  readonly server: string;
  readonly uri: string;
  readonly authorization: string;
  readonly canceller: Canceller;
  readonly done: Promise<Landed>;
  waiting: number;
  /** What was asked for has changed meanwhile. */
  isStale: boolean;
}

interface Landed {
  readonly answer: LinkAnswer;
  readonly hints: CacheHints | undefined;
}

/** Makes an empty cache. */
export function createResultCache(options: ResultCacheOptions): ResultCache {
  return new SharedResults(options);
}

class SharedResults implements ResultCache {
  readonly #shelf: Shelf;
  readonly #flights = new Map<string, Flight>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #links = new WeakMap<Link, number>();
  readonly #counts = { kept: 0, shared: 0, own: 0 };
  #lastLink = 0;

  constructor({ clock, maxBytes = 32 * 1024 * 1024 }: ResultCacheOptions) {
    this.#shelf = createShelf({ clock, maxBytes });
  }

  take(wish: CacheWish, fetch: (over: Cancellation) => Promise<LinkAnswer>): Taken | Promise<Taken> {
    if (wish.uri.length + wish.variant.length > longestRequest) return this.#pass(wish, fetch);
    return this.#find(wish) ?? this.#fetch(wish, fetch);
  }

  drop(server: string, uri?: string): void {
    // Of a name that is too long nothing is kept.
    if (uri === undefined || uri.length <= longestRequest) this.#shelf.drop(server, uri);
    for (const [key, flight] of this.#flights) {
      if (flight.server !== server || (uri !== undefined && flight.uri !== uri)) continue;
      // Whoever asks from now on wants what is there now.
      flight.isStale = true;
      this.#flights.delete(key);
    }
  }

  stats(): CacheStats {
    return { ...this.#counts, entries: this.#shelf.size, bytes: this.#shelf.bytes };
  }

  /** Asks for one caller alone and remembers nothing. */
  async #pass({ cancellation }: CacheWish, fetch: (over: Cancellation) => Promise<LinkAnswer>): Promise<Taken> {
    this.#counts.own += 1;
    return { answer: await fetch(cancellation), leftMs: undefined, source: 'own' };
  }

  #find(wish: CacheWish): Taken | undefined {
    const request = this.#requestOf(wish);
    const found = this.#shelf.find(`public ${request}`) ?? this.#shelf.find(privateKey(wish, request));
    if (found === undefined) return undefined;
    this.#counts.kept += 1;
    return { answer: found.answer, leftMs: found.leftMs, source: 'kept' };
  }

  async #fetch(wish: CacheWish, fetch: (over: Cancellation) => Promise<LinkAnswer>): Promise<Taken> {
    const request = this.#requestOf(wish);
    for (let waits = 0; waits < mostWaits; waits++) {
      const verdict = this.#verdicts.get(request);
      if (verdict === 'none') break;
      const key = verdict === 'private' ? privateKey(wish, request) : request;
      const under = this.#flights.get(key);
      if (under === undefined) {
        const flight = this.#begin(wish, request, key, fetch);
        const landed = await this.#wait(flight, wish.cancellation);
        this.#counts.own += 1;
        return { answer: landed.answer, leftMs: landed.hints?.ttlMs, source: 'own' };
      }
      const landed = await this.#wait(under, wish.cancellation);
      if (isForAll(landed, under, wish)) {
        this.#counts.shared += 1;
        return { answer: landed.answer, leftMs: landed.hints?.ttlMs, source: 'shared' };
      }
      const found = this.#find(wish);
      if (found !== undefined) return found;
    }
    const { answer, hints } = await this.#land(wish, request, () => false, fetch(wish.cancellation));
    this.#counts.own += 1;
    return { answer, leftMs: hints?.ttlMs, source: 'own' };
  }

  #begin(wish: CacheWish, request: string, key: string, fetch: (over: Cancellation) => Promise<LinkAnswer>): Flight {
    const canceller = createCanceller();
    const { server, uri, authorization } = wish;
    const isStale = (): boolean => flight.isStale;
    const done = this.#land(wish, request, isStale, fetch(canceller)).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    const flight: Flight = { server, uri, authorization, canceller, done, waiting: 0, isStale: false };
    this.#flights.set(key, flight);
    return flight;
  }

  /** Waits as long as the caller wants to; the request is called off when its last caller has gone. */
  #wait(flight: Flight, cancellation: Cancellation): Promise<Landed> {
    flight.waiting += 1;
    return new Promise((resolve, reject) => {
      let forget: () => void = () => undefined;
      const leave = (): void => {
        flight.waiting -= 1;
        if (flight.waiting > 0) return;
        for (const [key, other] of this.#flights) if (other === flight) this.#flights.delete(key);
        flight.canceller.cancel('nobody waits for the answer');
      };
      forget = cancellation.subscribe((reason) => {
        leave();
        const failure = linkFailure('cancelled', 'The caller gave up.', { detail: reason });
        resolve({ answer: { kind: 'failure', failure }, hints: undefined });
      });
      flight.done.then((landed) => {
        forget();
        resolve(landed);
      }, reject);
    });
  }

  async #land(
    wish: CacheWish,
    request: string,
    isStale: () => boolean,
    fetching: Promise<LinkAnswer>,
  ): Promise<Landed> {
    const { server, uri, authorization } = wish;
    const generation = this.#shelf.generation(server, uri);
    const answer = await fetching;
    if (answer.kind === 'failure') return { answer, hints: undefined };
    const { result } = answer.message.value;
    const hints = isObject(result) ? readHints(result) : undefined;
    this.#remember(request, hints?.scope ?? 'none');
    if (hints === undefined || isStale() || generation !== this.#shelf.generation(server, uri)) {
      return { answer, hints: undefined };
    }
    const isPublic = hints.scope === 'public';
    const key = isPublic ? `public ${request}` : privateKey(wish, request);
    this.#shelf.put(key, { answer, server, uri, owner: isPublic ? undefined : authorization, ttlMs: hints.ttlMs });
    return { answer, hints };
  }

  #remember(request: string, verdict: Verdict): void {
    this.#verdicts.delete(request);
    const [oldest] = this.#verdicts.size >= mostVerdicts ? this.#verdicts.keys() : [];
    if (oldest !== undefined) this.#verdicts.delete(oldest);
    this.#verdicts.set(request, verdict);
  }

  #requestOf({ link, variant, uri }: CacheWish): string {
    let id = this.#links.get(link);
    if (id === undefined) {
      id = this.#lastLink += 1;
      this.#links.set(link, id);
    }
    return JSON.stringify([id, variant, uri]);
  }
}

function privateKey({ authorization }: CacheWish, request: string): string {
  return `private ${JSON.stringify(authorization)} ${request}`;
}

/** Others' answers are taken where they may be kept for this caller, too; that nobody could be reached is true for all. */
function isForAll({ answer, hints }: Landed, flight: Flight, { authorization, cancellation }: CacheWish): boolean {
  if (answer.kind === 'failure') return cancellation.isCancelled || answer.failure.reason !== 'cancelled';
  if (hints === undefined) return false;
  return hints.scope === 'public' || flight.authorization === authorization;
}
