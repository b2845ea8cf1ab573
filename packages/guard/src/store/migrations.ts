/** Schema changes, registered per package: each package owns the tables under its prefix and an ordered list of steps. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** One step. Names sort in the order of application. */
export interface Migration {
  readonly name: string;
  up(database: Kysely<unknown>): Promise<void>;
}

/** The steps of one package. */
export interface MigrationSet {
  /** What the package's table names begin with, e.g. `guard_`. */
  readonly prefix: string;
  readonly migrations: readonly Migration[];
}

interface MigrationTables {
  sallyport_migrations: { prefix: string; name: string; applied_at: number };
}

/**
 * Applies what has not been applied yet, all or nothing. Processes that start at once wait for each other.
 *
 * @param now wall time in milliseconds, noted beside each step
 * @throws when the database has steps that this version does not know: it was written by a newer one
 */
export async function migrate(database: Kysely<unknown>, sets: readonly MigrationSet[], now: number): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await sql`CREATE TABLE IF NOT EXISTS sallyport_migrations (
      prefix TEXT NOT NULL, name TEXT NOT NULL, applied_at INTEGER NOT NULL, PRIMARY KEY (prefix, name))`.execute(
      transaction,
    );
    const tables = transaction as unknown as Kysely<MigrationTables>;
    const rows = await tables.selectFrom('sallyport_migrations').select(['prefix', 'name']).execute();
    for (const { prefix, migrations } of sets) {
      const applied = new Set(rows.filter((row) => row.prefix === prefix).map((row) => row.name));
      refuseNewer(prefix, applied, migrations);
      for (const { name, up } of migrations) {
        if (applied.has(name)) continue;
        await up(transaction);
        await tables.insertInto('sallyport_migrations').values({ prefix, name, applied_at: now }).execute();
      }
    }
  });
}

/** Says whether a database has every step already; asks without changing anything. @throws as `migrate` */
export async function isMigrated(database: Kysely<unknown>, sets: readonly MigrationSet[]): Promise<boolean> {
  const tables = database as Kysely<MigrationTables>;
  const rows = await tables.selectFrom('sallyport_migrations').select(['prefix', 'name']).execute();
  return sets.every(({ prefix, migrations }) => {
    const applied = new Set(rows.filter((row) => row.prefix === prefix).map((row) => row.name));
    refuseNewer(prefix, applied, migrations);
    return migrations.every(({ name }) => applied.has(name));
  });
}

function refuseNewer(prefix: string, applied: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...applied].find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new Error(`The store was written by a newer version: it has the schema step ${prefix}${unknown}`);
  }
}
