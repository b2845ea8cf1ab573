/** A seeded generator (SplitMix64), so that a failing random test can be repeated by its seed. Not for keys. */

import type { Random } from '@sallyport/guard';

/** Repeatable randomness for tests; fits guard's `Random` port. */
export interface SeededRandom extends Random {
  /** Returns a whole number from 0 to `below - 1`; `below` is at most 2³². */
  integer(below: number): number;
  /** Returns true with the given probability, 0.5 by default. */
  chance(probability?: number): boolean;
  /** Returns one element of a list that is not empty. */
  pick<T>(from: readonly T[]): T;
  /** Returns a string of `length` characters taken from `alphabet`, lower-case letters by default. */
  text(length: number, alphabet?: string): string;
}

const mask = 0xffff_ffff_ffff_ffffn;
const golden = 0x9e37_79b9_7f4a_7c15n;

/**
 * Makes a generator whose whole sequence follows from its seed.
 * @param seed any integer.
 */
export function createRandom(seed: number): SeededRandom {
  let state = BigInt.asUintN(64, BigInt(Math.trunc(seed)));

  function next(): bigint {
    state = (state + golden) & mask;
    let value = state;
    value = ((value ^ (value >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & mask;
    value = ((value ^ (value >> 27n)) * 0x94d0_49bb_1331_11ebn) & mask;
    return value ^ (value >> 31n);
  }

  function integer(below: number): number {
    if (!Number.isInteger(below) || below < 1) throw new RangeError(`below must be a positive integer, got ${below}`);
    return Number((next() >> 32n) % BigInt(below));
  }

  function pick<T>(from: readonly T[]): T {
    const index = integer(from.length);
    // `integer` refused an empty list, so the element is there.
    return from[index] as T;
  }

  return {
    integer,
    pick,
    chance: (probability = 0.5) => integer(1_000_000) < probability * 1_000_000,
    text: (length, alphabet = 'abcdefghijklmnopqrstuvwxyz') =>
      Array.from({ length }, () => pick([...alphabet])).join(''),
    bytes: (length) => Uint8Array.from({ length }, () => integer(256)),
  };
}
