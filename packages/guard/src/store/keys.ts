/** API keys in the store (design §4.2): `sp_<12 of a-z0-9>_<43 of base64url>`, shown once, kept as a keyed hash only. */
import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';
import type { Transaction } from 'kysely';
import { findNetworkFault } from '../addresses.ts';
import { noteChange } from './changes.ts';
import type { KeyTable, StoreTables } from './schema.ts';
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
  /** Networks that it may be used from; anywhere when absent. */
  readonly from?: readonly string[];
}

/** A key as lists show it. */
export type KeyInfo = Omit<KeyRow, 'mac' | 'pepper'>;

/** What is known of a key's time without any secret. */
export interface KeyDates extends Pick<KeyRow, 'id' | 'name' | 'createdAt' | 'expiresAt'> {
  /** Milliseconds since the epoch; absent for a key that was never used. */
  readonly lastUsedAt?: number;
}

/** A key of a list: `isSealed` is false for a row that other hands have changed, which is ignored. */
export interface ListedKey extends KeyInfo {
  readonly isSealed: boolean;
  /** Milliseconds since the epoch, to a minute while a gateway runs; absent for a key that was never used. */
  readonly lastUsedAt?: number;
}

/** A key that was just made. `key` is shown once and kept nowhere. */
export interface CreatedKey extends KeyInfo {
  readonly key: string;
}

export interface KeyFault {
  readonly fault: 'name taken' | 'bad name' | 'no roles' | 'bad network' | 'unknown name' | 'broken seal';
  readonly message: string;
}

export interface NewKey {
  /** `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`; the principal is `key:<name>`. */
  readonly name: string;
  readonly roles: readonly string[];
  /** Milliseconds since the epoch. Default: never. */
  readonly expiresAt?: number | undefined;
  /** Networks that it may be used from, in CIDR form. Default: anywhere. */
  readonly from?: readonly string[] | undefined;
}

/** A secret for hashing keys, and its id. */
export interface Pepper {
  readonly id: string;
  readonly secret: KeyObject;
}

export interface KeyRepository {
  /** Makes a key. Refuses a name that a live key has. */
  create(key: NewKey): Promise<CreatedKey | KeyFault>;
  /** All keys, also expired ones and such as are ignored, by name. */
  list(): Promise<ListedKey[]>;
  /**
   * Makes a new key of the same name, roles and networks; the old one works for another `overlapMs`. Refuses rows that
   * are not sealed.
   */
  rotate(name: string, overlapMs: number): Promise<CreatedKey | KeyFault>;
  /** Removes all keys of a name; returns how many there were. */
  revoke(name: string): Promise<number>;
  /** Removes one key by its id; returns its name, or `undefined` when there is none. */
  revokeOne(id: string): Promise<string | undefined>;
  /** Notes when keys were last used, by their ids, milliseconds since the epoch. A key that is gone is passed over. */
  noteUses(uses: ReadonlyMap<string, number>): Promise<void>;
  /** Everything that checking keys needs: the rows whose seal holds. */
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

/** HMAC over a whole row: whoever can write the database but has not the pepper can then change no key. */
function sealRow(row: Omit<KeyTable, 'seal'>, pepper: Pepper): Buffer {
  const { id, name, roles, mac, created_at, expires_at, allowed_from } = row;
  const parts = [id, name, roles, Buffer.from(mac).toString('hex'), pepper.id, created_at, expires_at];
  // Left out where there is none, so that seals from before there were networks hold.
  if (allowed_from !== null) parts.push(allowed_from);
  // A list in JSON begins with a bracket and a key with `sp_`: no seal is the MAC of a key.
  return createHmac('sha256', pepper.secret).update(JSON.stringify(parts)).digest();
}

/** The row with its seal. */
function withSeal(row: Omit<KeyTable, 'seal'>, pepper: Pepper): KeyTable {
  return { ...row, seal: sealRow(row, pepper) };
}

/** SQLite keeps a value of any type in any column, so what was changed may be no list of names. */
function parseTexts(written: unknown): string[] {
  try {
    const texts: unknown = JSON.parse(String(written));
    return Array.isArray(texts) ? texts.map(String) : [];
  } catch {
    return [];
  }
}

function toRow(row: KeyTable): KeyRow {
  return {
    id: row.id,
    name: row.name,
    roles: parseTexts(row.roles),
    mac: row.mac,
    pepper: row.pepper,
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.allowed_from === null ? {} : { from: parseTexts(row.allowed_from) }),
  };
}

function toInfo({ mac: _mac, pepper: _pepper, ...info }: KeyRow): KeyInfo {
  return info;
}

async function forgetUse(transaction: Transaction<StoreTables>, id: string): Promise<void> {
  await transaction.deleteFrom('guard_key_uses').where('id', '=', id).execute();
}

/** Says why a text is no network: none or one message. */
function faultOf(network: string): string[] {
  const fault = findNetworkFault(network);
  return fault === undefined ? [] : [`${JSON.stringify(network)} is no network: ${fault.message}`];
}

/**
 * API keys of a store.
 *
 * @param peppers the first hashes new keys; keys hashed with one of the others stay as they are
 * @param onIgnored told once of each row whose seal does not hold, when a snapshot passes it over
 */
export function createKeyRepository(
  store: Store,
  peppers: readonly [Pepper, ...Pepper[]],
  clock: Clock,
  random: Random,
  onIgnored: (key: KeyInfo) => void = () => undefined,
): KeyRepository {
  const { database } = store;
  const [pepper] = peppers;
  const pepperById = new Map(peppers.map((known) => [known.id, known]));
  const ignored = new Set<string>();

  function isSealed(row: KeyTable): boolean {
    const known = pepperById.get(row.pepper);
    if (known === undefined || !(row.mac instanceof Uint8Array) || !(row.seal instanceof Uint8Array)) return false;
    const expected = sealRow(row, known);
    return row.seal.length === expected.length && timingSafeEqual(row.seal, expected);
  }

  function prepare({ name, roles, expiresAt, from }: NewKey) {
    const key = `sp_${makeId(random)}_${Buffer.from(random.bytes(32)).toString('base64url')}`;
    const id = key.slice(3, 3 + ID_LENGTH);
    const createdAt = clock.now();
    const info: KeyInfo = {
      ...{ id, name, roles, createdAt },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(from === undefined ? {} : { from }),
    };
    const facts = {
      id,
      name,
      roles: JSON.stringify(roles),
      mac: macKey(key, pepper),
      pepper: pepper.id,
      created_at: createdAt,
      expires_at: expiresAt ?? null,
      allowed_from: from === undefined ? null : JSON.stringify(from),
    };
    const row = withSeal(facts, pepper);
    return { row, created: { ...info, key } };
  }

  function note(transaction: Transaction<StoreTables>, action: string, subject: string): Promise<void> {
    return noteChange(transaction, { time: clock.now(), actor: store.actor, action, kind: 'key', subject });
  }

  function readAll(): Promise<KeyTable[]> {
    return database.selectFrom('guard_keys').selectAll().orderBy('name').orderBy('created_at').execute();
  }

  async function snapshot(): Promise<KeyRow[]> {
    const kept: KeyRow[] = [];
    for (const row of await readAll()) {
      if (isSealed(row)) kept.push(toRow(row));
      else if (!ignored.has(row.id)) {
        ignored.add(row.id);
        onIgnored(toInfo(toRow(row)));
      }
    }
    return kept;
  }

  /** Ends a key earlier. Its row must have been checked: a seal over a changed row would make the change good. */
  async function shorten(transaction: Transaction<StoreTables>, row: KeyTable, end: number): Promise<void> {
    const known = pepperById.get(row.pepper);
    if (known === undefined || (row.expires_at !== null && row.expires_at <= end)) return;
    const { expires_at, seal } = withSeal({ ...row, expires_at: end }, known);
    await transaction.updateTable('guard_keys').set({ expires_at, seal }).where('id', '=', row.id).execute();
  }

  return {
    create: (wanted) => {
      const { name, roles, from } = wanted;
      if (!NAME.test(name)) {
        const rule = 'letters, digits, dot, underscore and dash, at most 64, beginning with a letter or digit';
        return Promise.resolve({ fault: 'bad name', message: `${JSON.stringify(name)} is not a key name: ${rule}` });
      }
      if (roles.length === 0) return Promise.resolve({ fault: 'no roles', message: 'a key needs at least one role' });
      const network = from?.length === 0 ? 'a list of networks names at least one' : from?.flatMap(faultOf)[0];
      if (network !== undefined) return Promise.resolve({ fault: 'bad network', message: network });
      return database.transaction().execute(async (transaction): Promise<CreatedKey | KeyFault> => {
        const found = await transaction
          .selectFrom('guard_keys')
          .select('id')
          .where('name', '=', name)
          .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', clock.now())]))
          .executeTakeFirst();
        if (found !== undefined) return { fault: 'name taken', message: `there is a key named ${name} already` };
        const { row, created } = prepare(wanted);
        await transaction.insertInto('guard_keys').values(row).execute();
        await note(transaction, 'keys.create', name);
        return created;
      });
    },
    list: async () => {
      const rows = await readAll();
      const uses = await database.selectFrom('guard_key_uses').selectAll().execute();
      const usedAt = new Map(uses.map(({ id, used_at }) => [id, used_at]));
      return rows.map((row) => {
        const lastUsedAt = usedAt.get(row.id);
        return {
          ...toInfo(toRow(row)),
          isSealed: isSealed(row),
          ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
        };
      });
    },
    rotate: (name, overlapMs) =>
      database.transaction().execute(async (transaction): Promise<CreatedKey | KeyFault> => {
        const found = await transaction.selectFrom('guard_keys').selectAll().where('name', '=', name).execute();
        const rows = found.filter(isSealed);
        if (rows.length < found.length) {
          const reason = 'was changed by other hands, or made under another master key';
          return { fault: 'broken seal', message: `the key ${name} ${reason}` };
        }
        const newest = rows.toSorted(
          (a, b) => b.created_at - a.created_at || (b.expires_at ?? Infinity) - (a.expires_at ?? Infinity),
        )[0];
        if (newest === undefined) return { fault: 'unknown name', message: `there is no key named ${name}` };
        const end = clock.now() + overlapMs;
        for (const row of rows) await shorten(transaction, row, end);
        // The new key lives as long as the one before was made to live.
        const lifetime = newest.expires_at === null ? undefined : newest.expires_at - newest.created_at;
        const expiresAt = lifetime === undefined ? undefined : clock.now() + lifetime;
        const { roles, from } = toRow(newest);
        const { row, created } = prepare({ name, roles, expiresAt, from });
        await transaction.insertInto('guard_keys').values(row).execute();
        await note(transaction, 'keys.rotate', name);
        return created;
      }),
    revoke: (name) =>
      database.transaction().execute(async (transaction) => {
        const removed = await transaction.deleteFrom('guard_keys').where('name', '=', name).returning('id').execute();
        for (const { id } of removed) await forgetUse(transaction, id);
        if (removed.length > 0) await note(transaction, 'keys.revoke', name);
        return removed.length;
      }),
    revokeOne: (id) =>
      database.transaction().execute(async (transaction) => {
        const removed = await transaction.deleteFrom('guard_keys').where('id', '=', id).returning('name').execute();
        const name = removed[0]?.name;
        if (name === undefined) return undefined;
        await forgetUse(transaction, id);
        await note(transaction, 'keys.revoke', name);
        return name;
      }),
    noteUses: (uses) =>
      database.transaction().execute(async (transaction) => {
        const kept = new Set((await transaction.selectFrom('guard_keys').select('id').execute()).map(({ id }) => id));
        for (const [id, used_at] of uses) {
          if (!kept.has(id)) continue;
          await transaction
            .insertInto('guard_key_uses')
            .values({ id, used_at })
            .onConflict((conflict) => conflict.column('id').doUpdateSet({ used_at }))
            .execute();
        }
      }),
    snapshot,
  };
}
