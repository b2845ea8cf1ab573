/** Deterministic stand-ins for guard's ports: a clock that stands still and a disk in memory that fails on command. */

import type { AppendFile, Clock, Disk } from '@sallyport/guard';

/** A clock that moves only when told to. */
export interface FrozenClock extends Clock {
  /** Moves wall time and monotonic time on, milliseconds. */
  advance(ms: number): void;
  /** Sets wall time alone, as a correction of the system clock does. */
  jump(now: number): void;
}

/**
 * Makes a clock that stands still.
 * @param start wall time, milliseconds since the epoch; 2026-11-20T12:00:00Z by default. Monotonic time begins at 0.
 */
export function createFrozenClock(start = Date.UTC(2026, 10, 20, 12)): FrozenClock {
  let wall = start;
  let elapsed = 0;
  return {
    now: () => wall,
    monotonic: () => elapsed,
    advance(ms) {
      wall += ms;
      elapsed += ms;
    },
    jump(now) {
      wall = now;
    },
  };
}

/** What a fake disk can be told to fail. */
export type DiskOperation =
  | 'open'
  | 'append'
  | 'sync'
  | 'close'
  | 'read'
  | 'list'
  | 'truncate'
  | 'makeDirectory'
  | 'syncDirectory';

/** A failure to come. */
export interface DiskFault {
  readonly operation: DiskOperation;
  /** The first operation of its kind that fails, counted from 1 from now on; 1 by default. */
  readonly nth?: number;
  /** How many fail from there on; 1 by default, `Infinity` until `heal`. */
  readonly times?: number;
  /** `ENOSPC` by default. */
  readonly code?: string;
  /** Bytes of a failing append that reach the file all the same; 0 by default. */
  readonly tornBytes?: number;
}

/** A disk in memory. */
export interface FakeDisk extends Disk {
  fail(fault: DiskFault): void;
  /** Forgets all faults to come. */
  heal(): void;
  /** How often an operation was tried. */
  count(operation: DiskOperation): number;
  /** What a file holds now; `undefined` when there is none. */
  contents(path: string): Uint8Array | undefined;
  /** Replaces a file's contents, as somebody with access to the disk could. */
  overwrite(path: string, bytes: Uint8Array): void;
  /** Loses everything that was not synced, as a power loss would; open files stop working. */
  loseUnsynced(): void;
  /** Sets what `freeBytes` reports; unlimited at first. */
  setFreeBytes(bytes: number): void;
}

interface StoredFile {
  bytes: Uint8Array;
  synced: number;
}

/** Makes an empty disk that works until told otherwise. */
export function createFakeDisk(): FakeDisk {
  const files = new Map<string, StoredFile>();
  const counts = new Map<DiskOperation, number>();
  let faults: { from: number; until: number; fault: DiskFault }[] = [];
  let generation = 0;
  let free = Number.MAX_SAFE_INTEGER;

  function fault(operation: DiskOperation): DiskFault | undefined {
    const count = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, count);
    return faults.find((each) => each.fault.operation === operation && count >= each.from && count < each.until)?.fault;
  }

  async function attempt(operation: DiskOperation): Promise<void> {
    const found = fault(operation);
    if (found !== undefined) throw failure(found);
  }

  function find(path: string): StoredFile {
    const file = files.get(path);
    if (file === undefined) throw Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: 'ENOENT' });
    return file;
  }

  function openFile(file: StoredFile): AppendFile {
    const opened = generation;
    const assertOpen = () => {
      if (opened !== generation) throw Object.assign(new Error('EBADF: file is gone'), { code: 'EBADF' });
    };
    return {
      async append(bytes) {
        assertOpen();
        const found = fault('append');
        const kept = found === undefined ? bytes : bytes.subarray(0, found.tornBytes ?? 0);
        file.bytes = concat(file.bytes, kept);
        if (found !== undefined) throw failure(found);
      },
      async sync() {
        assertOpen();
        await attempt('sync');
        file.synced = file.bytes.length;
      },
      async close() {
        await attempt('close');
      },
    };
  }

  return {
    async openAppend(path) {
      await attempt('open');
      const file = files.get(path) ?? { bytes: new Uint8Array(), synced: 0 };
      files.set(path, file);
      return openFile(file);
    },
    async read(path) {
      await attempt('read');
      return find(path).bytes.slice();
    },
    async list(directory) {
      await attempt('list');
      const prefix = directory.endsWith('/') ? directory : `${directory}/`;
      const below = [...files.keys()]
        .filter((path) => path.startsWith(prefix))
        .map((path) => path.slice(prefix.length));
      return below.filter((name) => !name.includes('/')).toSorted();
    },
    async truncate(path, length) {
      await attempt('truncate');
      const file = find(path);
      file.bytes = file.bytes.slice(0, length);
      file.synced = Math.min(file.synced, length);
    },
    makeDirectory: () => attempt('makeDirectory'),
    syncDirectory: () => attempt('syncDirectory'),
    freeBytes: async () => free,
    fail(next) {
      const from = (counts.get(next.operation) ?? 0) + (next.nth ?? 1);
      faults.push({ from, until: from + (next.times ?? 1), fault: next });
    },
    heal() {
      faults = [];
    },
    count: (operation) => counts.get(operation) ?? 0,
    contents: (path) => files.get(path)?.bytes.slice(),
    overwrite(path, bytes) {
      files.set(path, { bytes: bytes.slice(), synced: bytes.length });
    },
    loseUnsynced() {
      generation += 1;
      for (const file of files.values()) file.bytes = file.bytes.slice(0, file.synced);
    },
    setFreeBytes(bytes) {
      free = bytes;
    },
  };
}

function failure({ operation, code = 'ENOSPC' }: DiskFault): Error {
  return Object.assign(new Error(`${code}: ${operation} failed on purpose`), { code });
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
