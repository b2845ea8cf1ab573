/** What a modern server says about keeping its results: `ttlMs` and `cacheScope` (2026-07-28, "Caching"). */
import type { JsonObject } from '@sallyport/protocol';

/** Who may be given a kept result. */
export type CacheScope = 'public' | 'private';

/** A result's word about how long it may be kept, and for whom. */
export interface CacheHints {
  /** Milliseconds; more than 0. */
  readonly ttlMs: number;
  readonly scope: CacheScope;
}

/** Longest time that anything is kept, milliseconds, whatever its server says. */
const longestTtl = 3_600_000;

/** True for a `ttlMs` that makes sense: a whole number of milliseconds, 0 or more. */
export function isTtl(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/**
 * Reads the hints of a complete result.
 *
 * @returns `undefined` when it may not be kept: no hints, hints that make no sense, a time of 0, or no complete result
 */
export function readHints(result: JsonObject): CacheHints | undefined {
  const { ttlMs, cacheScope, resultType } = result;
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  if (!isTtl(ttlMs) || ttlMs === 0) return undefined;
  if (cacheScope !== 'public' && cacheScope !== 'private') return undefined;
  return { ttlMs: Math.min(ttlMs, longestTtl), scope: cacheScope };
}
