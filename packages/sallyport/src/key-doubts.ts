/** What there is to say of API keys before it is too late: those that end soon, and those that nobody uses. Pure. */
import type { KeyDates } from '@sallyport/guard';
import { count } from './banner.ts';

const dayMs = 24 * 3_600_000;

/** Days before its end from which on a key is told of. */
const soonDays = 7;

/** Days without any use after which a key is told of. */
const unusedDays = 7;

/** One thing to say. */
export interface KeyDoubt {
  readonly message: string;
  readonly suggestion: string;
}

/**
 * Finds keys that end within a week, unless another of their name goes on, and keys that have not been used since they
 * were made a week ago or earlier.
 *
 * @param keys - of the store, also expired ones, which are passed over
 * @param now - milliseconds since the epoch
 */
export function findKeyDoubts(keys: readonly KeyDates[], now: number): KeyDoubt[] {
  const live = keys.filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt > now);
  const lastDay = new Map<string, number>();
  for (const { name, expiresAt = Number.POSITIVE_INFINITY } of live) {
    lastDay.set(name, Math.max(lastDay.get(name) ?? 0, expiresAt));
  }
  const ending = [...lastDay].flatMap(([name, end]): KeyDoubt[] => {
    if (end - now > soonDays * dayMs) return [];
    const message = `the key ${name} expires in ${remaining(end - now)}`;
    return [{ message, suggestion: `replace it:  sallyport keys rotate ${name} --overlap 24h` }];
  });
  const unused = live.flatMap(({ name, id, createdAt, lastUsedAt }): KeyDoubt[] => {
    if (lastUsedAt !== undefined || now - createdAt < unusedDays * dayMs) return [];
    const message = `the key ${name} (sp_${id}_…) was never used since ${new Date(createdAt).toISOString().slice(0, 10)}`;
    return [{ message, suggestion: `end it if nobody needs it:  sallyport keys revoke ${id}` }];
  });
  return [...ending, ...unused];
}

function remaining(ms: number): string {
  if (ms >= dayMs) return count(Math.floor(ms / dayMs), 'day');
  return ms >= 3_600_000 ? count(Math.floor(ms / 3_600_000), 'hour') : 'less than an hour';
}
