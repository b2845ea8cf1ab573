/** Looks at a store without making or changing it: for whoever must know before anything is done. */
import { stat } from 'node:fs/promises';
import { Kysely, sql } from 'kysely';
import { isMigrated } from './migrations.ts';
import type { KeyDates } from './keys.ts';
import { GUARD_MIGRATIONS, type StoreTables } from './schema.ts';
import { openSqlite } from './sqlite.ts';
import { findStoreDanger, type StoreFault } from './store.ts';

/** What is there. */
export interface StoreLook {
  readonly isThere: boolean;
  /** API keys, also expired ones. */
  readonly keys: number;
  /** The times of these keys, none where the schema is not current; their seals are not looked at. */
  readonly dates: readonly KeyDates[];
  /** False when opening it will bring its schema up to date. */
  readonly isCurrent: boolean;
}

/**
 * Looks at a store.
 *
 * @param path of the database file
 * @returns a fault where opening it would give one: others can change it, it is no database, or one of a newer version
 */
export async function lookAtStore(path: string): Promise<StoreLook | StoreFault> {
  let database: Kysely<StoreTables> | undefined;
  try {
    const unsafe = await findStoreDanger(path);
    if (unsafe !== undefined) return { fault: 'unsafe', message: `The store is not safe: ${unsafe}` };
    const found = await stat(path).catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw cause;
    });
    if (found === undefined) return { isThere: false, keys: 0, dates: [], isCurrent: false };
    if (found.size === 0) return { isThere: true, keys: 0, dates: [], isCurrent: false };
    database = new Kysely<StoreTables>({ dialect: openSqlite(path).dialect });
    const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`.execute(database);
    const tables = new Set(rows.map(({ name }) => name));
    const isCurrent =
      tables.has('sallyport_migrations') &&
      (await isMigrated(database as unknown as Kysely<unknown>, [GUARD_MIGRATIONS]));
    const keys = tables.has('guard_keys') ? await countKeys(database) : 0;
    return { isThere: true, keys, dates: isCurrent ? await readDates(database) : [], isCurrent };
  } catch (cause) {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    return { fault: 'unusable', message: `The store ${path} cannot be opened${reason}`, cause };
  } finally {
    await database?.destroy();
  }
}

async function countKeys(database: Kysely<StoreTables>): Promise<number> {
  const [row] = await database
    .selectFrom('guard_keys')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .execute();
  return row?.count ?? 0;
}

async function readDates(database: Kysely<StoreTables>): Promise<KeyDates[]> {
  const rows = await database
    .selectFrom('guard_keys')
    .leftJoin('guard_key_uses', 'guard_key_uses.id', 'guard_keys.id')
    .select(['guard_keys.id', 'name', 'created_at', 'expires_at', 'used_at'])
    .orderBy('name')
    .orderBy('created_at')
    .execute();
  return rows.map(({ id, name, created_at, expires_at, used_at }) => ({
    ...{ id, name, createdAt: created_at },
    ...(expires_at === null ? {} : { expiresAt: expires_at }),
    ...(used_at === null ? {} : { lastUsedAt: used_at }),
  }));
}
