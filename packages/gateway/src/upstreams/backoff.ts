/** Waits that double after each failure, with jitter so that many waiters do not return together. */
import type { Random } from '@sallyport/guard';
import { fraction } from './ports.ts';

/**
 * Returns how long to wait before the next try, in milliseconds: between half and all of `firstMs * 2^failures`.
 *
 * @param failures - failures in a row so far, from 0
 * @param firstMs - the wait after the first failure
 * @param maxMs - the longest wait
 */
export const backoffMs = (failures: number, firstMs: number, maxMs: number, random: Random): number => {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return full / 2 + (full / 2) * fraction(random);
};
