/** The Disk port on node:fs, with what the audit trail needs beyond it: locks, retention, the size of the disk. */
import { hostname } from 'node:os';
import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, stat, statfs, truncate, unlink, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { findUnsafety } from './file-safety.ts';
import type { AppendFile, Disk } from './ports.ts';

/** A lock that is held. */
export interface DiskLock {
  release(): Promise<void>;
}

/** Somebody else holds the lock. */
export interface DiskLockHeld {
  /** Who, for a person to read. */
  readonly heldBy: string;
}

/** The part of a file system that the audit trail needs. */
export interface AuditDisk extends Disk {
  /** The first bytes of a file: `length` of them, or fewer when the file is shorter. */
  readHead(path: string, length: number): Promise<Uint8Array>;
  remove(path: string): Promise<void>;
  /** Makes a file hold these bytes, readable by all. */
  writePublic(path: string, bytes: Uint8Array): Promise<void>;
  /** Size in bytes of the file system that holds `directory`. */
  totalBytes(directory: string): Promise<number>;
  /** Says why others could change a file or folder, for the operator; `undefined` when they cannot. */
  findUnsafety(path: string, kind: 'file' | 'folder'): Promise<string | undefined>;
  /** Takes a lock file, also one whose holder is dead. */
  lock(path: string): Promise<DiskLock | DiskLockHeld>;
}

/** How often a lock says that its holder lives, and how old that may be on a lock of another host. */
const HEARTBEAT_MS = 10_000;
const FOREIGN_STALE_MS = 60_000;
const TAKEOVER_STALE_MS = 10_000;

// On Linux a write to a file opened so returns when its bytes are durable: one system call where write and fdatasync
// are two. Elsewhere the flag is missing or promises less.
const DURABLE_WRITE = process.platform === 'linux' ? constants.O_DSYNC : 0;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | DURABLE_WRITE;

class NodeAppendFile implements AppendFile {
  readonly #handle: FileHandle;
  #isDurable = false;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, offset, bytes.length - offset, null);
      if (bytesWritten === 0) throw new Error('the disk takes no bytes');
      offset += bytesWritten;
    }
    this.#isDurable = DURABLE_WRITE !== 0;
  }

  async sync(): Promise<void> {
    // Without a write, what is to be made durable is a change of length by somebody else.
    if (!this.#isDurable) await this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** When a process was started, in the kernel's ticks since boot; empty where the system does not say. */
async function processStart(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold anything; the start time is field 22.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return codeOf(cause) === 'EPERM';
  }
}

interface LockHolder {
  readonly pid: number;
  readonly started: string;
  readonly host: string;
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, started, host } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof host !== 'string') return undefined;
    return { pid, started, host };
  } catch {
    return undefined;
  }
}

async function isStale(path: string, holder: LockHolder | undefined): Promise<boolean> {
  const touched = (await stat(path)).mtimeMs;
  // An unreadable lock is one whose writer died between creating and writing it; give a living one time to write.
  if (holder === undefined) return Date.now() - touched > 1000;
  if (holder.host !== hostname()) return Date.now() - touched > FOREIGN_STALE_MS;
  if (!isAlive(holder.pid)) return true;
  return holder.started !== '' && holder.started !== (await processStart(holder.pid));
}

/** Creates the lock file; `undefined` when there is one. */
async function makeLock(path: string): Promise<DiskLock | undefined> {
  const self: LockHolder = { pid: process.pid, started: await processStart(process.pid), host: hostname() };
  const text = `${JSON.stringify(self)}\n`;
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.close();
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return undefined;
    throw cause;
  }
  const heart = setInterval(() => {
    const now = new Date();
    // A heartbeat that fails is no reason to stop: the lock file stays and its holder is alive.
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS).unref();
  return {
    release: async () => {
      clearInterval(heart);
      if ((await readFile(path, 'utf8').catch(() => '')) === text) await unlink(path);
    },
  };
}

/** Removes a lock whose holder is dead. One process at a time, so that none removes the lock that another just made. */
async function removeStale(path: string): Promise<void> {
  const guard = `${path}.takeover`;
  try {
    await (await open(guard, 'wx', 0o600)).close();
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
    const { mtimeMs } = await stat(guard);
    // Its maker died in the few steps below.
    if (Date.now() - mtimeMs > TAKEOVER_STALE_MS) await unlink(guard);
    return;
  }
  try {
    if (await isStale(path, parseHolder(await readFile(path, 'utf8')))) await unlink(path);
  } finally {
    await unlink(guard);
  }
}

async function takeLock(path: string): Promise<DiskLock | DiskLockHeld> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const lock = await makeLock(path);
    if (lock !== undefined) return lock;
    const found = await readFile(path, 'utf8').catch(() => undefined);
    if (found === undefined) continue;
    const holder = parseHolder(found);
    if (!(await isStale(path, holder).catch(() => false))) {
      return { heldBy: holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}` };
    }
    // What goes wrong here is that another process was faster; the next attempt sees what it did.
    await removeStale(path).catch(() => undefined);
  }
  return { heldBy: 'other processes that start at the same time' };
}

/** Makes the port on the real file system. Files are made with mode 0600, folders with 0700. */
export function createDisk(): AuditDisk {
  return {
    openAppend: async (path) => {
      return new NodeAppendFile(await open(path, APPEND, 0o600));
    },
    read: (path) => readFile(path),
    readHead: async (path, length) => {
      const handle = await open(path, 'r');
      try {
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await handle.read(buffer, 0, length, 0);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    list: (directory) => readdir(directory),
    truncate: (path, length) => truncate(path, length),
    remove: (path) => unlink(path),
    writePublic: async (path, bytes) => {
      const found = await readFile(path).catch(() => undefined);
      if (found?.equals(bytes) === true) return;
      const handle = await open(path, 'w', 0o644);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    makeDirectory: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o700 });
    },
    syncDirectory: async (path) => {
      const handle = await open(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    freeBytes: async (directory) => {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    totalBytes: async (directory) => {
      const { blocks, bsize } = await statfs(directory);
      return blocks * bsize;
    },
    findUnsafety: (path, kind) => findUnsafety(path, kind),
    lock: takeLock,
  };
}
