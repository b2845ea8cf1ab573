/** A disk in memory for tests: fails on request, runs full, and keeps what a power loss would leave. */
import { basename, dirname } from 'node:path';
import type { AuditDisk } from '../disk.ts';

interface MemoryFile {
  bytes: Buffer;
  /** How much of it survives a power loss. */
  synced: number;
}

/** Names of the calls that can be made to fail. */
export type DiskCall = 'openAppend' | 'append' | 'sync' | 'truncate' | 'remove' | 'syncDirectory' | 'freeBytes';

export class MemoryDisk implements AuditDisk {
  readonly files = new Map<string, MemoryFile>();
  readonly locks = new Set<string>();
  capacity = 1_000_000_000;
  /** Called before each of the named calls; what it returns is thrown. */
  fault: ((call: DiskCall, path: string) => Error | undefined) | undefined;

  static noSpace(): Error {
    return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  }

  static ioError(): Error {
    return Object.assign(new Error('input/output error'), { code: 'EIO' });
  }

  get used(): number {
    let sum = 0;
    for (const { bytes } of this.files.values()) sum += bytes.length;
    return sum;
  }

  /** Names of the audit files, in order. */
  get names(): string[] {
    return [...this.files.keys()]
      .filter((path) => path.endsWith('.jsonl'))
      .map((path) => basename(path))
      .toSorted();
  }

  /** The same disk after the process has died; with `isPowerLost`, without what was not synced. */
  afterCrash(isPowerLost = false): MemoryDisk {
    const copy = new MemoryDisk();
    copy.capacity = this.capacity;
    for (const [path, { bytes, synced }] of this.files) {
      const kept = Buffer.from(isPowerLost ? bytes.subarray(0, synced) : bytes);
      copy.files.set(path, { bytes: kept, synced: kept.length });
    }
    return copy;
  }

  content(name: string): Buffer {
    for (const [path, file] of this.files) if (basename(path) === name) return file.bytes;
    throw new Error(`no file ${name}`);
  }

  #check(call: DiskCall, path: string): void {
    const fault = this.fault?.(call, path);
    if (fault !== undefined) throw fault;
  }

  #file(path: string): MemoryFile {
    const file = this.files.get(path);
    if (file === undefined) throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' });
    return file;
  }

  async openAppend(path: string) {
    this.#check('openAppend', path);
    const file = this.files.get(path) ?? { bytes: Buffer.alloc(0), synced: 0 };
    this.files.set(path, file);
    return {
      append: async (bytes: Uint8Array) => {
        const space = Math.max(0, this.capacity - this.used);
        let fault: Error | undefined = this.fault?.('append', path);
        let kept = fault === undefined ? bytes.length : Math.floor(bytes.length / 2);
        if (kept > space) {
          kept = space;
          fault ??= MemoryDisk.noSpace();
        }
        file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, kept)]);
        await Promise.resolve();
        if (fault !== undefined) throw fault;
      },
      sync: async () => {
        await Promise.resolve();
        this.#check('sync', path);
        file.synced = file.bytes.length;
      },
      close: async () => undefined,
    };
  }

  async read(path: string) {
    return this.#file(path).bytes;
  }

  async readHead(path: string, length: number) {
    return this.#file(path).bytes.subarray(0, length);
  }

  async list(directory: string) {
    return [...this.files.keys()].filter((path) => dirname(path) === directory).map((path) => basename(path));
  }

  async truncate(path: string, length: number) {
    this.#check('truncate', path);
    const file = this.#file(path);
    file.bytes = file.bytes.subarray(0, length);
    file.synced = Math.min(file.synced, length);
  }

  async remove(path: string) {
    this.#check('remove', path);
    this.#file(path);
    this.files.delete(path);
  }

  async writePublic(path: string, bytes: Uint8Array) {
    this.files.set(path, { bytes: Buffer.from(bytes), synced: bytes.length });
  }

  async makeDirectory() {
    await Promise.resolve();
  }

  async syncDirectory(path: string) {
    this.#check('syncDirectory', path);
  }

  async freeBytes(directory: string) {
    this.#check('freeBytes', directory);
    return Math.max(0, this.capacity - this.used);
  }

  async totalBytes() {
    return this.capacity;
  }

  async findUnsafety() {
    return undefined;
  }

  async lock(path: string) {
    if (this.locks.has(path)) return { heldBy: 'another process' };
    this.locks.add(path);
    return {
      release: async () => {
        this.locks.delete(path);
      },
    };
  }
}
