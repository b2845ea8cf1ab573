/** Checks API keys on the hot path: from memory, in constant time for any number of keys. */
import { hash, timingSafeEqual } from 'node:crypto';
import { compileNetworks } from '../addresses.ts';
import { macKey } from './keys.ts';
import type { KeyRow, Pepper } from './keys.ts';

export interface KeyIndex {
  /**
   * Checks a key.
   *
   * @param token what the caller sent
   * @param now wall time, milliseconds
   * @param address of the caller; a key that is bound to networks needs it
   */
  verify(token: string, now: number, address?: string): KeyRow | 'invalid' | 'expired' | 'elsewhere';
  /** Wall time of the last use of each key since the last call, milliseconds, by the keys' ids. */
  takeUses(): Map<string, number>;
}

const FORM = /^sp_([a-z0-9]{12})_[A-Za-z0-9_-]{43}$/;
const TOKEN_LENGTH = 59;
/** Most keys whose proof is remembered. */
const REMEMBERED = 10_000;

/** A key, and what is known of its use. */
interface Entry {
  readonly row: KeyRow;
  readonly isFrom: ((address: string) => boolean) | undefined;
  /** Wall time of the last use that nobody took, milliseconds; 0 for none. */
  usedAt: number;
}

function judge(entry: Entry, now: number, address: string | undefined): KeyRow | 'expired' | 'elsewhere' {
  const { row, isFrom } = entry;
  if (row.expiresAt !== undefined && now >= row.expiresAt) return 'expired';
  if (isFrom !== undefined && (address === undefined || !isFrom(address))) return 'elsewhere';
  entry.usedAt = now;
  return row;
}

/**
 * Builds an index over a snapshot. A change of keys needs a new index, which forgets what was remembered.
 *
 * @param peppers by which the keys may have been hashed, current generation first
 */
export function createKeyIndex(rows: readonly KeyRow[], peppers: readonly [Pepper, ...Pepper[]]): KeyIndex {
  const byId = new Map(
    rows.map((row): [string, Entry] => [
      row.id,
      { row, isFrom: row.from === undefined ? undefined : compileNetworks(row.from), usedAt: 0 },
    ]),
  );
  const pepperById = new Map(peppers.map((pepper) => [pepper.id, pepper]));
  // Keyed by digest, so that no copy of a caller's key is kept. Only keys that were proven right get in.
  const remembered = new Map<string, Entry>();
  const nobody = Buffer.alloc(32);
  return {
    verify: (token, now, address) => {
      if (token.length !== TOKEN_LENGTH) return 'invalid';
      const digest = hash('sha256', token, 'base64url');
      const known = remembered.get(digest);
      if (known !== undefined) return judge(known, now, address);
      const id = FORM.exec(token)?.[1];
      if (id === undefined) return 'invalid';
      const entry = byId.get(id);
      const row = entry?.row;
      const pepper = row === undefined ? undefined : pepperById.get(row.pepper);
      // An id that does not exist costs the same as one that does.
      const mac = macKey(token, pepper ?? peppers[0]);
      const isEqual = timingSafeEqual(mac, pepper === undefined || row?.mac.length !== 32 ? nobody : row.mac);
      if (entry === undefined || row === undefined || pepper === undefined || !isEqual) return 'invalid';
      if (remembered.size >= REMEMBERED) {
        const oldest = remembered.keys().next();
        if (oldest.done !== true) remembered.delete(oldest.value);
      }
      remembered.set(digest, entry);
      return judge(entry, now, address);
    },
    takeUses() {
      const uses = new Map<string, number>();
      for (const [id, entry] of byId) {
        if (entry.usedAt === 0) continue;
        uses.set(id, entry.usedAt);
        entry.usedAt = 0;
      }
      return uses;
    },
  };
}
