/** The store: what changes at run time (keys, blocks), in one database that several processes share. */
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { findUnsafety } from '../file-safety.ts';
import type { Clock } from '../ports.ts';
import { GUARD_MIGRATIONS } from './schema.ts';
import type { StoreTables } from './schema.ts';
import { migrate } from './migrations.ts';
import type { MigrationSet } from './migrations.ts';
import { openSqlite } from './sqlite.ts';

/** An open store. */
export interface Store {
  /** Query builder over the core's tables; other packages narrow it to theirs. */
  readonly database: Kysely<StoreTables>;
  /** Principal id that changes are noted under. */
  readonly actor: string;
  /** Changes when this or another process has changed the store. */
  version(): string;
  close(): Promise<void>;
}

/** Why a store could not be opened. The message is for the operator. */
export interface StoreFault {
  readonly fault: 'unsupported' | 'unusable' | 'unsafe';
  readonly message: string;
  readonly cause?: unknown;
}

export interface StoreOptions {
  readonly clock: Clock;
  /** Principal id that changes are noted under; default `local:unknown`. */
  readonly actor?: string | undefined;
  /** Schema steps of other packages, applied after the core's own. */
  readonly migrations?: readonly MigrationSet[] | undefined;
}

const SQLITE = 'sqlite:';

/**
 * Opens a store and brings its schema up to date.
 *
 * @param url `sqlite:<path>`; the file (mode 0600) and its folder (0700) are made when absent
 * @returns a fault also when others can change the file or replace it, or it is a symbolic link
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store | StoreFault> {
  const path = url.slice(SQLITE.length);
  if (!url.startsWith(SQLITE) || path === '') {
    return {
      fault: 'unsupported',
      message: `store ${JSON.stringify(url.split(':')[0])} is not known: use sqlite:<path>`,
    };
  }
  let database: Kysely<StoreTables> | undefined;
  try {
    if (path !== ':memory:') {
      const unsafe = await secureFile(path);
      if (unsafe !== undefined) return { fault: 'unsafe', message: `The store is not safe: ${unsafe}` };
    }
    const { dialect, version } = openSqlite(path);
    database = new Kysely<StoreTables>({ dialect });
    const steps = [GUARD_MIGRATIONS, ...(options.migrations ?? [])];
    await migrate(database as unknown as Kysely<unknown>, steps, options.clock.now());
    const opened = database;
    return { database: opened, actor: options.actor ?? 'local:unknown', version, close: () => opened.destroy() };
  } catch (cause) {
    await database?.destroy();
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    return { fault: 'unusable', message: `The store ${path} cannot be opened${reason}`, cause };
  }
}

const CREATE = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
/** What SQLite keeps beside a database and reads changes from. */
const SIDE_FILES = ['-wal', '-shm', '-journal'];

/**
 * Makes the file when absent: SQLite would make it with the mode that the process's mask allows, and its side files take
 * the mode of this one.
 *
 * @returns why it is not to be trusted
 */
async function secureFile(path: string): Promise<string | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unsafe = await findStoreDanger(path);
  if (unsafe !== undefined) return unsafe;
  const handle = await open(path, CREATE, 0o600);
  await handle.close();
  return undefined;
}

/** Says why a database file is not to be trusted; `undefined` when it is, or is not there. */
export async function findStoreDanger(path: string): Promise<string | undefined> {
  const unsafe = (await findUnsafety(dirname(path), 'folder')) ?? (await findUnsafety(path, 'file'));
  if (unsafe !== undefined) return unsafe;
  for (const side of SIDE_FILES) {
    const found = await findUnsafety(path + side, 'file');
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Stops watching. */
export type StopWatching = () => void;

/**
 * Calls back when the store has changed, by this process or another.
 *
 * @param intervalMs how often to look; 250 lets a change act well within a second
 * @param onChange not called again before what it returned has settled
 * @param onError told of a failed look or a failed callback; watching goes on
 */
export function watchStore(
  store: Store,
  intervalMs: number,
  onChange: () => void | Promise<void>,
  onError: (cause: unknown) => void,
): StopWatching {
  let seen = store.version();
  let isBusy = false;
  const look = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    const before = seen;
    try {
      const version = store.version();
      if (version !== seen) {
        seen = version;
        await onChange();
      }
    } catch (cause) {
      // What changed has not been taken over, so it counts as not seen.
      seen = before;
      onError(cause);
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void look(), intervalMs).unref();
  return () => clearInterval(timer);
}
