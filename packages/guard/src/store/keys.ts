/** API keys in the store (design §4.2): `sp_<12 of a-z0-9>_<43 of base64url>`, shown once, kept as a keyed hash only. */
import { createHash, createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';
import type { Transaction } from 'kysely';
import { noteChange } from './changes.ts';
import type { StoreTables } from './schema.ts';
import type { Store } from './store.ts';

/** A key as the core knows it. */
export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly mac: Uint8Array;
  /** Id of the pepper that `mac` was made with. */
  readonly pepper: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch; never when absent. */
  readonly expiresAt?: number;
}

/** A key as lists show it. */
export type KeyInfo = Omit<KeyRow, 'mac' | 'pepper'>;

/** A key that was just made. `key` is shown once and kept nowhere. */
export interface CreatedKey extends KeyInfo {
  readonly key: string;
}

export interface KeyFault {
  readonly fault: 'name taken' | 'bad name' | 'no roles' | 'unknown name';
  readonly message: string;
}

export interface NewKey {
  /** `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`; the principal is `key:<name>`. */
  readonly name: string;
  readonly roles: readonly string[];
  /** Milliseconds since the epoch. Default: never. */
  readonly expiresAt?: number | undefined;
}

/** A secret for hashing keys, and its id. */
export interface Pepper {
  readonly id: string;
  readonly secret: KeyObject;
}

export interface KeyRepository {
  /** Makes a key. Refuses a name that a live key has. */
  create(key: NewKey): Promise<CreatedKey | KeyFault>;
  /** All keys, also expired ones, by name. */
  list(): Promise<KeyInfo[]>;
  /** Makes a new key of the same name; the old one works for another `overlapMs`. */
  rotate(name: string, overlapMs: number): Promise<CreatedKey | KeyFault>;
  /** Removes all keys of a name; returns how many there were. */
  revoke(name: string): Promise<number>;
  /** Everything that checking keys needs. */
  snapshot(): Promise<KeyRow[]>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 12;

/** Names a pepper by a hash of it. */
export function createPepper(secret: Uint8Array): Pepper {
  const id = createHash('sha256').update('sallyport pepper id').update(secret).digest('hex').slice(0, 16);
  // A key object spares each HMAC the work of preparing the key.
  return { id, secret: createSecretKey(secret) };
}

/** The keyed hash by which a key is kept. */
export function macKey(key: string, pepper: Pepper): Buffer {
  return createHmac('sha256', pepper.secret).update(key).digest();
}

function makeId(random: Random): string {
  let id = '';
  while (id.length < ID_LENGTH) {
    // 252 is the largest multiple of 36 in a byte: what is above would favour some characters.
    for (const byte of random.bytes(ID_LENGTH)) if (byte < 252 && id.length < ID_LENGTH) id += ALPHABET[byte % 36];
  }
  return id;
}

function toRow(row: {
  id: string;
  name: string;
  roles: string;
  mac: Uint8Array;
  pepper: string;
  created_at: number;
  expires_at: number | null;
}): KeyRow {
  return {
    id: row.id,
    name: row.name,
    roles: JSON.parse(row.roles) as string[],
    mac: row.mac,
    pepper: row.pepper,
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  };
}

function toInfo({ mac: _mac, pepper: _pepper, ...info }: KeyRow): KeyInfo {
  return info;
}

/**
 * API keys of a store.
 *
 * @param pepper hashes new keys; keys hashed with an older one stay as they are
 */
export function createKeyRepository(store: Store, pepper: Pepper, clock: Clock, random: Random): KeyRepository {
  const { database } = store;

  function prepare(name: string, roles: readonly string[], expiresAt: number | undefined) {
    const key = `sp_${makeId(random)}_${Buffer.from(random.bytes(32)).toString('base64url')}`;
    const id = key.slice(3, 3 + ID_LENGTH);
    const createdAt = clock.now();
    const info: KeyInfo = { id, name, roles, createdAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
    const row = {
      id,
      name,
      roles: JSON.stringify(roles),
      mac: macKey(key, pepper),
      pepper: pepper.id,
      created_at: createdAt,
      expires_at: expiresAt ?? null,
    };
    return { row, created: { ...info, key } };
  }

  function note(transaction: Transaction<StoreTables>, action: string, subject: string): Promise<void> {
    return noteChange(transaction, { time: clock.now(), actor: store.actor, action, kind: 'key', subject });
  }

  async function snapshot(): Promise<KeyRow[]> {
    const rows = await database.selectFrom('guard_keys').selectAll().orderBy('name').orderBy('created_at').execute();
    return rows.map(toRow);
  }

  return {
    create: ({ name, roles, expiresAt }) => {
      if (!NAME.test(name)) {
        const rule = 'letters, digits, dot, underscore and dash, at most 64, beginning with a letter or digit';
        return Promise.resolve({ fault: 'bad name', message: `${JSON.stringify(name)} is not a key name: ${rule}` });
      }
      if (roles.length === 0) return Promise.resolve({ fault: 'no roles', message: 'a key needs at least one role' });
      return database.transaction().execute(async (transaction): Promise<CreatedKey | KeyFault> => {
        const found = await transaction
          .selectFrom('guard_keys')
          .select('id')
          .where('name', '=', name)
          .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', clock.now())]))
          .executeTakeFirst();
        if (found !== undefined) return { fault: 'name taken', message: `there is a key named ${name} already` };
        const { row, created } = prepare(name, roles, expiresAt);
        await transaction.insertInto('guard_keys').values(row).execute();
        await note(transaction, 'keys.create', name);
        return created;
      });
    },
    list: async () => (await snapshot()).map(toInfo),
    rotate: (name, overlapMs) =>
      database.transaction().execute(async (transaction): Promise<CreatedKey | KeyFault> => {
        const rows = await transaction.selectFrom('guard_keys').selectAll().where('name', '=', name).execute();
        const newest = rows.toSorted(
          (a, b) => b.created_at - a.created_at || (b.expires_at ?? Infinity) - (a.expires_at ?? Infinity),
        )[0];
        if (newest === undefined) return { fault: 'unknown name', message: `there is no key named ${name}` };
        const end = clock.now() + overlapMs;
        await transaction
          .updateTable('guard_keys')
          .set({ expires_at: end })
          .where('name', '=', name)
          .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', end)]))
          .execute();
        // The new key lives as long as the one before was made to live.
        const lifetime = newest.expires_at === null ? undefined : newest.expires_at - newest.created_at;
        const expiresAt = lifetime === undefined ? undefined : clock.now() + lifetime;
        const { row, created } = prepare(name, toRow(newest).roles, expiresAt);
        await transaction.insertInto('guard_keys').values(row).execute();
        await note(transaction, 'keys.rotate', name);
        return created;
      }),
    revoke: (name) =>
      database.transaction().execute(async (transaction) => {
        const result = await transaction.deleteFrom('guard_keys').where('name', '=', name).executeTakeFirst();
        const count = Number(result.numDeletedRows);
        if (count > 0) await note(transaction, 'keys.revoke', name);
        return count;
      }),
    snapshot,
  };
}
