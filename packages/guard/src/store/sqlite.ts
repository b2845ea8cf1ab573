/** Kysely on node:sqlite: the statement interface that Kysely's SQLite dialect asks for, over DatabaseSync. */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { SqliteDialect } from 'kysely';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** How long a statement waits for another process, milliseconds. */
const BUSY_MS = 5000;

/** One open database file. */
export interface SqliteFile {
  readonly dialect: SqliteDialect;
  /** Changes when this or another process has changed the database. */
  version(): string;
}

function toInput(value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`a ${typeof value} cannot be stored`);
}

function wrapStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(toInput)),
    run: (parameters) => statement.run(...parameters.map(toInput)),
    iterate: (parameters) => statement.iterate(...parameters.map(toInput)),
  };
}

/**
 * Opens a database file in WAL mode with full synchronisation: what was committed survives a power loss.
 *
 * @param path file path, made when absent; or `:memory:`
 */
export function openSqlite(path: string): SqliteFile {
  const database = new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;');
  } catch (cause) {
    database.close();
    throw cause;
  }
  const readVersion = database.prepare('PRAGMA data_version');
  const readChanges = database.prepare('SELECT total_changes() AS own');
  const wrapped: SqliteDatabase = {
    close: () => database.close(),
    // A transaction that reads first and writes later could find its snapshot stale, which no waiting cures.
    prepare: (sql) => wrapStatement(database.prepare(sql === 'begin' ? 'begin immediate' : sql)),
  };
  return {
    dialect: new SqliteDialect({ database: wrapped }),
    version: () => `${readVersion.get()?.['data_version']}:${readChanges.get()?.['own']}`,
  };
}
