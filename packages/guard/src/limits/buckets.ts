/**
 * Token buckets by key, exact on the monotonic clock and bounded in memory.
 *
 * Keys are `kind:rest`, and each kind has room of its own: what strangers can make up never takes the room of callers
 * that have proven who they are. A bucket that has filled up again is the same as none, so those make room first. When
 * every bucket of a kind is in use, newcomers share one bucket per rate: strangers then slow each other down, but nobody
 * gets a fresh bucket by making up keys, and no bucket in use is forgotten.
 */
import type { Clock } from '../ports.ts';
import type { Rate } from '../policy/model.ts';
import { createExpiryQueue, type ExpiryQueue } from './expiry-queue.ts';

/** The answer to one request for tokens. `remaining` counts whole tokens left. */
export type Take =
  | { readonly isAllowed: true; readonly remaining: number }
  | { readonly isAllowed: false; readonly retryAfterMs: number };

/** One of several things that must be had together. */
export interface Want {
  readonly key: string;
  readonly rate: Rate;
  /** Default 1. */
  readonly cost?: number;
  /** True for a bucket of many callers, whose level tells of the others. */
  readonly isShared?: boolean;
}

/** The answer to a request for several things at once. */
export type TakeAll =
  | {
      readonly isAllowed: true;
      /** Position of the want of which the fewest tokens are left, those that are shared aside; -1 without any. */
      readonly index: number;
      /** Whole tokens left of it. */
      readonly remaining: number;
      /** Milliseconds until it is full again if nobody takes any. */
      readonly fullAfterMs: number;
    }
  | {
      readonly isAllowed: false;
      /** Position of the want that has to wait longest. */
      readonly index: number;
      readonly retryAfterMs: number;
      /** Milliseconds until that one is full again if nobody takes any. */
      readonly fullAfterMs: number;
    };

/** A set of token buckets. */
export interface Buckets {
  /**
   * Takes tokens if there are enough.
   *
   * @param key names the bucket: its kind, a colon, and for example the principal and the grant.
   * @param rate how it fills; a changed rate counts from now on, and what was saved stays, up to the new burst.
   * @param cost whole tokens, default 1; more than the burst costs the whole burst.
   * @returns what is left, or the milliseconds after which the same request succeeds if nobody else takes tokens.
   */
  take(key: string, rate: Rate, cost?: number): Take;
  /** Answers as `take` would, and takes nothing. */
  peek(key: string, rate: Rate, cost?: number): Take;
  /** Takes everything or nothing. */
  takeAll(wants: readonly Want[]): TakeAll;
  /** Buckets kept now, without the shared ones. */
  readonly size: number;
}

/** What buckets run on. */
export interface BucketOptions {
  readonly clock: Clock;
  /** Most keys of one kind with a bucket of their own; default 50,000. */
  readonly capacity?: number;
}

/** Levels count tokens × perMs, so that a millisecond adds exactly `rate.tokens` and nothing is ever rounded. */
interface Bucket {
  readonly key: string;
  rate: Rate;
  level: number;
  /** Whole monotonic milliseconds. */
  at: number;
}

/** The buckets of one kind. */
interface Pool {
  size: number;
  /** By the rate: what newcomers have while there is no room. */
  readonly shared: Map<string, Bucket>;
  readonly queue: ExpiryQueue<Bucket>;
}

/** Makes an empty set of buckets. */
export function createBuckets(options: BucketOptions): Buckets {
  const { clock, capacity = 50_000 } = options;
  const buckets = new Map<string, Bucket>();
  const pools = new Map<string, Pool>();

  function poolOf(key: string): Pool {
    const kind = key.slice(0, Math.max(0, key.indexOf(':')));
    let pool = pools.get(kind);
    if (pool === undefined) {
      pool = { size: 0, shared: new Map(), queue: createExpiryQueue<Bucket>(fullAt) };
      pools.set(kind, pool);
    }
    return pool;
  }

  /** Says whether a newcomer may have a bucket of its own, after making room if that takes only full buckets. */
  function hasRoom(pool: Pool, now: number): boolean {
    if (pool.size < capacity) return true;
    const expired = pool.queue.takeExpired(now);
    if (expired === undefined) return false;
    buckets.delete(expired.key);
    pool.size -= 1;
    return true;
  }

  function find(key: string, rate: Rate, now: number): Bucket {
    const known = buckets.get(key);
    if (known !== undefined) return known;
    const pool = poolOf(key);
    if (!hasRoom(pool, now)) return sharedBucket(pool.shared, rate, now);
    const made = newcomer(pool, key, rate, now);
    buckets.set(key, made);
    pool.queue.add(made);
    pool.size += 1;
    return made;
  }

  function takeFrom(bucket: Bucket, rate: Rate, cost: number, now: number): Take {
    bring(bucket, rate, now);
    const answer = ask(bucket, cost);
    if (answer.isAllowed) bucket.level -= priceOf(rate, cost);
    return answer;
  }

  return {
    take(key, rate, cost = 1) {
      const now = wholeMilliseconds(clock);
      return takeFrom(find(key, rate, now), rate, cost, now);
    },
    peek(key, rate, cost = 1) {
      const now = wholeMilliseconds(clock);
      const pool = poolOf(key);
      const known = buckets.get(key) ?? (hasRoom(pool, now) ? undefined : sharedBucket(pool.shared, rate, now));
      const bucket = known === undefined ? newcomer(pool, key, rate, now) : { ...known };
      bring(bucket, rate, now);
      return ask(bucket, cost);
    },
    takeAll(wants) {
      const now = wholeMilliseconds(clock);
      const taken: { readonly bucket: Bucket; readonly price: number }[] = [];
      let refusal: { index: number; retryAfterMs: number; fullAfterMs: number } | undefined;
      let tightest = { index: -1, remaining: Number.POSITIVE_INFINITY, fullAfterMs: 0 };
      for (let index = 0; index < wants.length; index += 1) {
        const want = wants[index];
        if (want === undefined) break;
        const { key, rate, cost = 1 } = want;
        const bucket = find(key, rate, now);
        const answer = takeFrom(bucket, rate, cost, now);
        const fullAfterMs = fullAt(bucket) - now;
        if (answer.isAllowed) {
          taken.push({ bucket, price: priceOf(rate, cost) });
          const { remaining } = answer;
          const isTighter =
            remaining < tightest.remaining || (remaining === tightest.remaining && fullAfterMs > tightest.fullAfterMs);
          if (want.isShared !== true && isTighter) tightest = { index, remaining, fullAfterMs };
        } else if (refusal === undefined || answer.retryAfterMs > refusal.retryAfterMs) {
          refusal = { index, retryAfterMs: answer.retryAfterMs, fullAfterMs };
        }
      }
      if (refusal === undefined) return { isAllowed: true, ...tightest };
      for (const { bucket, price } of taken) bucket.level += price;
      return { isAllowed: false, ...refusal };
    },
    get size() {
      return buckets.size;
    },
  };
}

/** A fraction of a millisecond never counts, so that waiting whole milliseconds always gets the whole refill. */
function wholeMilliseconds(clock: Clock): number {
  return Math.floor(clock.monotonic());
}

function freshBucket(key: string, rate: Rate, now: number): Bucket {
  return { key, rate, level: rate.burst * rate.perMs, at: now };
}

/** A newcomer may have drawn from the shared bucket before there was room: it has no more than is left in that. */
function newcomer({ shared }: Pool, key: string, rate: Rate, now: number): Bucket {
  const made = freshBucket(key, rate, now);
  const common = shared.size === 0 ? undefined : shared.get(rateKey(rate));
  if (common === undefined) return made;
  bring(common, rate, now);
  made.level = common.level;
  return made;
}

function rateKey({ tokens, perMs, burst }: Rate): string {
  return `${tokens}/${perMs}/${burst}`;
}

const KEPT_SHARED = 1024;

function sharedBucket(shared: Map<string, Bucket>, rate: Rate, now: number): Bucket {
  const key = rateKey(rate);
  const known = shared.get(key);
  if (known !== undefined) return known;
  if (shared.size >= KEPT_SHARED) {
    for (const bucket of shared.values()) if (fullAt(bucket) <= now) shared.delete(bucket.key);
  }
  const made = freshBucket(key, rate, now);
  shared.set(key, made);
  return made;
}

/** Monotonic time at which a bucket is full again. */
function fullAt(bucket: Bucket): number {
  const { rate, level, at } = bucket;
  return at + Math.ceil((rate.burst * rate.perMs - level) / rate.tokens);
}

/** Brings a bucket up to now, under the rate that counts from now on. */
function bring(bucket: Bucket, rate: Rate, now: number): void {
  const old = bucket.rate;
  const elapsed = now > bucket.at ? now - bucket.at : 0;
  const filled = Math.min(old.burst * old.perMs, bucket.level + elapsed * old.tokens);
  // A clock that has gone back does not fill the same time twice.
  if (now > bucket.at) bucket.at = now;
  if (old === rate || (old.tokens === rate.tokens && old.perMs === rate.perMs && old.burst === rate.burst)) {
    bucket.level = filled;
    return;
  }
  // A full bucket is the same as none, and a caller without a bucket would start full under the new rate.
  const isFull = filled === old.burst * old.perMs;
  const full = rate.burst * rate.perMs;
  bucket.level = isFull ? full : Math.min(full, Math.floor(filled / old.perMs) * rate.perMs);
  bucket.rate = rate;
}

function priceOf(rate: Rate, cost: number): number {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError('a cost is a whole number from 1');
  return Math.min(cost, rate.burst) * rate.perMs;
}

function ask(bucket: Bucket, cost: number): Take {
  const { rate, level } = bucket;
  const left = level - priceOf(rate, cost);
  if (left < 0) return { isAllowed: false, retryAfterMs: Math.ceil(-left / rate.tokens) };
  return { isAllowed: true, remaining: Math.floor(left / rate.perMs) };
}
