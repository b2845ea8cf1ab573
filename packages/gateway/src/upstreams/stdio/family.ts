/**
 * Who belongs to a child process: everything in its group, its session or below it, and everything that bears its mark,
 * a variable that all descendants inherit unless they wipe their environment. Found through /proc on Linux; elsewhere
 * only the group is known.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { readProc, visitAll } from './proc.ts';

/** One process as /proc/<pid>/stat shows it. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly isZombie: boolean;
  /** Clock ticks after boot; tells a process from a later one with the same number. */
  readonly started: string;
}

const STATE = 0;
const PARENT = 1;
const GROUP = 2;
const SESSION = 3;
const STARTED = 19;

/** Reads one line of /proc/<pid>/stat (proc(5)). The name in parentheses may itself hold parentheses and spaces. */
export const parseStat = (pid: number, line: string): ProcessRow | undefined => {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const started = fields[STARTED];
  if (started === undefined) return undefined;
  return {
    pid,
    parent: Number(fields[PARENT]),
    group: Number(fields[GROUP]),
    session: Number(fields[SESSION]),
    isZombie: fields[STATE] === 'Z' || fields[STATE] === 'X',
    started,
  };
};

/**
 * Returns the living processes that belong to `leader`, itself included.
 *
 * @param marked - processes that bear the leader's mark
 */
export const familyOf = (leader: number, rows: readonly ProcessRow[], marked: Iterable<number> = []): ProcessRow[] => {
  const members = new Set([leader, ...marked]);
  let before = 0;
  while (members.size !== before) {
    before = members.size;
    for (const row of rows) {
      if (row.session === leader || row.group === leader || members.has(row.parent)) members.add(row.pid);
    }
  }
  return rows.filter((row) => members.has(row.pid) && !row.isZombie);
};

/** Returns every process of the machine; empty where there is no /proc. */
export const readProcesses = async (): Promise<ProcessRow[]> => {
  const names = await readdir('/proc').catch(() => []);
  const rows: ProcessRow[] = [];
  await visitAll(
    names.filter((name) => /^\d+$/.test(name)),
    (name) => {
      const line = readProc(`/proc/${name}/stat`);
      const row = line === undefined ? undefined : parseStat(Number(name), line);
      if (row !== undefined) rows.push(row);
    },
  );
  return rows;
};

/** The variable that a child and its descendants bear their mark in. */
export const MARK_NAME = 'SALLYPORT_UPSTREAM';

/** The processes of the machine, as far as they matter to whoever looks for children of dead gateways. */
export interface ProcessTable {
  /** Every process; empty where there is no /proc. */
  list(): Promise<ProcessRow[]>;
  find(pid: number): Promise<ProcessRow | undefined>;
  /** The mark that a process was started with. */
  mark(pid: number): Promise<string | undefined>;
  /** Tells where process numbers mean the same: one boot, one number space. Absent where there is no /proc. */
  realm(): Promise<string | undefined>;
  /** Does nothing when the process is gone. */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** The processes of this machine. */
export const realProcessTable: ProcessTable = {
  list: readProcesses,
  async find(pid) {
    const line = readProc(`/proc/${pid}/stat`);
    return line === undefined ? undefined : parseStat(pid, line);
  },
  async mark(pid) {
    const environment = readProc(`/proc/${pid}/environ`) ?? '';
    const entry = environment.split('\0').find((item) => item.startsWith(`${MARK_NAME}=`));
    return entry?.slice(MARK_NAME.length + 1);
  },
  async realm() {
    try {
      const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
      return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
    } catch {
      return undefined;
    }
  },
  signal(pid, signal) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself, or belongs to another user by now.
    }
  },
};
