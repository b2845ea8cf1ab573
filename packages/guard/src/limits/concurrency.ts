/** Counts what runs at once, by key, and refuses what would be too much. */
import type { Lease } from '../exchange.ts';

/** Places for things that run at once. */
export interface Concurrency {
  /**
   * Takes a place.
   *
   * @param key whose places are counted.
   * @param max most places of that key at once; a changed number counts from now on.
   * @returns the place, which is given back once however often `release` is called; `undefined` when all are taken.
   */
  acquire(key: string, max: number): Lease | undefined;
  /** Places of `key` taken now. */
  count(key: string): number;
  /** Keys with a place taken now. */
  readonly size: number;
}

/** Makes a counter without any place taken. Keys without a place take no memory. */
export function createConcurrency(): Concurrency {
  const taken = new Map<string, number>();
  return {
    acquire(key, max) {
      const count = taken.get(key) ?? 0;
      if (count >= max) return undefined;
      taken.set(key, count + 1);
      let isHeld = true;
      return {
        release() {
          if (!isHeld) return;
          isHeld = false;
          const held = taken.get(key) ?? 0;
          if (held <= 1) taken.delete(key);
          else taken.set(key, held - 1);
        },
      };
    },
    count: (key) => taken.get(key) ?? 0,
    get size() {
      return taken.size;
    },
  };
}
