/** Checks API keys on the hot path: from memory, in constant time for any number of keys. */
import { hash, timingSafeEqual } from 'node:crypto';
import { macKey } from './keys.ts';
import type { KeyRow, Pepper } from './keys.ts';

export interface KeyIndex {
  /**
   * Checks a key.
   *
   * @param token what the caller sent
   * @param now wall time, milliseconds
   */
  verify(token: string, now: number): KeyRow | 'invalid' | 'expired';
}

const FORM = /^sp_([a-z0-9]{12})_[A-Za-z0-9_-]{43}$/;
const TOKEN_LENGTH = 59;
/** Most keys whose proof is remembered. */
const REMEMBERED = 10_000;

function judge(row: KeyRow, now: number): KeyRow | 'expired' {
  return row.expiresAt !== undefined && now >= row.expiresAt ? 'expired' : row;
}

/**
 * Builds an index over a snapshot. A change of keys needs a new index, which forgets what was remembered.
 *
 * @param peppers by which the keys may have been hashed, current generation first
 */
export function createKeyIndex(rows: readonly KeyRow[], peppers: readonly [Pepper, ...Pepper[]]): KeyIndex {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const pepperById = new Map(peppers.map((pepper) => [pepper.id, pepper]));
  // Keyed by digest, so that no copy of a caller's key is kept. Only keys that were proven right get in.
  const remembered = new Map<string, KeyRow>();
  const nobody = Buffer.alloc(32);
  return {
    verify: (token, now) => {
      if (token.length !== TOKEN_LENGTH) return 'invalid';
      const digest = hash('sha256', token, 'base64url');
      const known = remembered.get(digest);
      if (known !== undefined) return judge(known, now);
      const id = FORM.exec(token)?.[1];
      if (id === undefined) return 'invalid';
      const row = byId.get(id);
      const pepper = row === undefined ? undefined : pepperById.get(row.pepper);
      // An id that does not exist costs the same as one that does.
      const mac = macKey(token, pepper ?? peppers[0]);
      const isEqual = timingSafeEqual(mac, pepper === undefined || row?.mac.length !== 32 ? nobody : row.mac);
      if (row === undefined || pepper === undefined || !isEqual) return 'invalid';
      if (remembered.size >= REMEMBERED) {
        const oldest = remembered.keys().next();
        if (oldest.done !== true) remembered.delete(oldest.value);
      }
      remembered.set(digest, row);
      return judge(row, now);
    },
  };
}
