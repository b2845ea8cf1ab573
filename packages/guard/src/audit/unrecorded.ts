/** Counts refusals of nameless callers that were not recorded one by one, and records the counts once a second. */
import type { AuditPort } from '../ports.ts';

export interface Unrecorded {
  count(address: string, reason: string): void;
  /** Writes one record for each address and reason counted since the last call. */
  flush(audit: AuditPort): void;
}

/** Addresses counted apart at once; further ones are counted together. */
const maxEntries = 1000;

/** Makes the counter. */
export function createUnrecorded(): Unrecorded {
  let counts = new Map<string, { address: string; reason: string; count: number }>();
  return {
    count(address, reason) {
      const asked = `${address} ${reason}`;
      const isFull = counts.size >= maxEntries && !counts.has(asked);
      const key = isFull ? `others ${reason}` : asked;
      const entry = counts.get(key) ?? { address: isFull ? 'others' : address, reason, count: 0 };
      entry.count += 1;
      counts.set(key, entry);
    },
    flush(audit) {
      if (counts.size === 0) return;
      const pending = counts;
      counts = new Map();
      for (const { address, reason, count } of pending.values()) {
        audit.append({ kind: 'refusal', address, outcome: { status: 'counted', reason: `${reason} ×${count}` } });
      }
    },
  };
}
