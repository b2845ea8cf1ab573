/**
 * Local servers of a gateway that was killed before it could stop them: each gateway process notes a mark that all its
 * children bear, and the next one on the same state ends what still bears the mark of a dead one. Linux only: elsewhere
 * nothing shows which process bears a mark, so nothing is noted and nothing is ended.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findUnsafety } from '@sallyport/guard';
import { isObject } from '@sallyport/protocol';
import { realProcessTable, type ProcessRow, type ProcessTable } from './family.ts';

/** What a gateway process holds so that its children can be told from all others. */
export interface Custody {
  /** What the marks of this process's children begin with: 32 hexadecimal digits. */
  readonly mark: string;
  /** Processes of dead gateways that were ended. */
  readonly ended: number;
  /** Forgets the note about this process; to be called when its children are gone. */
  release(): Promise<void>;
}

/** What custody needs from the machine; each has a real default. */
export interface CustodyPorts {
  readonly table?: ProcessTable;
  /** Waits so many milliseconds, and keeps the process alive meanwhile: nothing else may be running yet. */
  readonly pause?: (ms: number) => Promise<unknown>;
  /** The name of this machine. */
  readonly host?: string;
  /** Wall time, milliseconds since the epoch. */
  readonly now?: () => number;
}

const MARK_BYTES = 16;
const NOTE_NAME = /^\d{1,10}-[0-9a-f]{32}\.json$/;
const MARK = /^[0-9a-f]{32}$/;
const ROUND_MS = 100;
/** How long a note of another machine is kept. Whatever it speaks of has been dealt with there, or never will be. */
const FOREIGN_MS = 30 * 24 * 3_600_000;
/** Rounds for each of the two signals. */
const ROUNDS = 20;

/** What a note says of the gateway process that wrote it. */
interface Note {
  /** Boot and process number space: outside of it the number means another process. */
  readonly realm: string;
  /** The machine's name; absent in old notes. */
  readonly host?: string | undefined;
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly started: string;
  readonly mark: string;
}

/**
 * Notes this process and ends what dead gateways left behind: SIGTERM, two seconds later SIGKILL. Only processes are
 * touched whose environment bears a mark that a dead gateway of the same boot noted here.
 *
 * @param folder - where the notes of all gateways on one state lie, one file for each; made when absent, mode 0700
 * @param log - told what was ended and what is wrong with the folder
 */
export const takeCustody = async (
  folder: string,
  log: (text: string) => void,
  { table = realProcessTable, pause = setTimeout, host = hostname(), now = Date.now }: CustodyPorts = {},
): Promise<Custody> => {
  const mark = randomBytes(MARK_BYTES).toString('hex');
  const unnoted: Custody = { mark, ended: 0, release: () => Promise.resolve() };
  const realm = await table.realm();
  const own = (await table.list()).find(({ pid }) => pid === process.pid);
  if (realm === undefined || own === undefined) return unnoted;
  const path = join(folder, `${own.pid}-${mark}.json`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const unsafe = await findUnsafety(folder, 'private folder');
    if (unsafe !== undefined) {
      log(`servers that a killed gateway left behind are not ended: ${unsafe}`);
      return unnoted;
    }
    const note: Note = { realm, host, pid: own.pid, started: own.started, mark };
    await writeFile(path, `${JSON.stringify(note)}\n`, { flag: 'wx', mode: 0o600 });
    await forgetForeign(folder, note, now());
    const ended = await endOrphans(folder, note, table, pause);
    if (ended > 0) log(`ended ${ended} processes of servers that a killed gateway left behind`);
    return { mark, ended, release: () => rm(path, { force: true }) };
  } catch (cause) {
    log(`servers that a killed gateway left behind are not ended: ${String(cause)}`);
    return unnoted;
  }
};

/**
 * Removes the notes whose processes cannot be here any more: those of this machine before it was started anew, or of a
 * container that is gone; and very old ones of other machines.
 */
const forgetForeign = async (folder: string, own: Note, now: number): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!NOTE_NAME.test(name)) continue;
    const path = join(folder, name);
    const note = await readNote(path);
    if (note === undefined || note.realm === own.realm) continue;
    const age =
      now -
      (await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => now,
      ));
    if (note.host === own.host || age > FOREIGN_MS) await rm(path, { force: true });
  }
};

/** Ends the children of all dead gateways and forgets these once nothing of theirs is left. */
const endOrphans = async (
  folder: string,
  own: Note,
  table: ProcessTable,
  pause: NonNullable<CustodyPorts['pause']>,
): Promise<number> => {
  const rows = await table.list();
  const dead = new Map<string, string>();
  for (const name of await readdir(folder)) {
    if (!NOTE_NAME.test(name)) continue;
    const path = join(folder, name);
    const note = await readNote(path);
    if (note === undefined || note.mark === own.mark || note.realm !== own.realm) continue;
    if (!rows.some((row) => row.pid === note.pid && row.started === note.started && !row.isZombie)) {
      dead.set(note.mark, path);
    }
  }
  if (dead.size === 0) return 0;
  const touched = new Set<string>();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const orphans = await findOrphans(dead, table);
      if (orphans.length === 0) {
        for (const path of dead.values()) await rm(path, { force: true });
        return touched.size;
      }
      for (const row of orphans) {
        touched.add(`${row.pid} ${row.started}`);
        table.signal(row.pid, signal);
      }
      await pause(ROUND_MS);
    }
  }
  return touched.size;
};

/** A number may be given to another process while it is looked at, so what bore the mark must still be the same one. */
const findOrphans = async (dead: ReadonlyMap<string, string>, table: ProcessTable): Promise<ProcessRow[]> => {
  const living = (await table.list()).filter((row) => !row.isZombie && row.pid !== process.pid);
  const found: ProcessRow[] = [];
  for (const row of living) {
    const mark = (await table.mark(row.pid))?.split('.')[0];
    if (mark === undefined || !dead.has(mark)) continue;
    if ((await table.find(row.pid))?.started === row.started) found.push(row);
  }
  return found;
};

const readNote = async (path: string): Promise<Note | undefined> => {
  if ((await findUnsafety(path, 'file')) !== undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(() => '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { realm, host, pid, started, mark } = value;
  if (host !== undefined && typeof host !== 'string') return undefined;
  if (typeof realm !== 'string' || typeof pid !== 'number' || typeof started !== 'string') return undefined;
  return typeof mark === 'string' && MARK.test(mark) ? { realm, host, pid, started, mark } : undefined;
};
