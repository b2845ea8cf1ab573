/**
 * Reads records back: search over all files in either order, and follow what is being written. Readers need no lock
 * and trust nothing: a line that is not a record is passed over, for `verifyTrail` to name.
 */
import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { orderFiles } from './files.ts';
import type { AuditRecord, RecordKind } from './record.ts';

const BLOCK = 256 * 1024;
const NEWLINE = 10;

/** What a search asks for; everything named must hold. */
export interface RecordFilter {
  readonly exchange?: string | undefined;
  /** Principal id. */
  readonly principal?: string | undefined;
  /** `upstream.name`, or the name alone. */
  readonly target?: string | undefined;
  /** Outcome reason. */
  readonly reason?: string | undefined;
  readonly kinds?: readonly RecordKind[] | undefined;
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number | undefined;
  /** Milliseconds since the epoch, exclusive. */
  readonly until?: number | undefined;
}

export interface ReadOptions {
  /** Default: oldest first. */
  readonly order?: 'oldest' | 'newest' | undefined;
  /** Most records. Default: all. */
  readonly limit?: number | undefined;
}

export interface FollowOptions {
  readonly filter?: RecordFilter | undefined;
  /** Records already written that are shown first. Default 0. */
  readonly backlog?: number | undefined;
  /** How often to look for more, milliseconds. Default 250. */
  readonly pollMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** Parses one line; `undefined` when it is not a record. */
export function parseRecord(line: Uint8Array): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString());
    if (typeof value !== 'object' || value === null) return undefined;
    const { seq, time, kind } = value as Record<string, unknown>;
    const isRecord = typeof seq === 'number' && typeof time === 'string' && typeof kind === 'string';
    return isRecord ? (value as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** True when a record is what the filter asks for. */
export function matchesFilter(record: AuditRecord, filter: RecordFilter): boolean {
  const { exchange, principal, target, reason, kinds, since, until } = filter;
  if (exchange !== undefined && record.exchange !== exchange) return false;
  if (principal !== undefined && record.principal?.id !== principal) return false;
  if (reason !== undefined && record.outcome?.reason !== reason) return false;
  if (kinds !== undefined && !kinds.includes(record.kind)) return false;
  if (target !== undefined) {
    const { upstream, name } = record.target ?? {};
    if (name === undefined || (target !== name && target !== `${upstream}.${name}`)) return false;
  }
  const time = since === undefined && until === undefined ? 0 : Date.parse(record.time);
  return (since === undefined || time >= since) && (until === undefined || time < until);
}

async function* linesForward(file: FileHandle): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for (let position = 0; ;) {
    const block = Buffer.allocUnsafe(BLOCK);
    const { bytesRead } = await file.read(block, 0, BLOCK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    const bytes = Buffer.concat([rest, block.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

async function* linesBackward(file: FileHandle): AsyncGenerator<Buffer> {
  // Bytes that belong to the end of a line whose beginning has not been read yet.
  let rest = Buffer.alloc(0);
  let isWhole = false;
  for (let position = (await file.stat()).size; position > 0;) {
    const length = Math.min(BLOCK, position);
    position -= length;
    const block = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(block, 0, length, position);
    // The file was cut while being read: what is gone is not part of the trail.
    if (bytesRead < length) return;
    const bytes = Buffer.concat([block, rest]);
    let end = bytes.length;
    while (end > 0) {
      const newline = bytes.lastIndexOf(NEWLINE, end - 1);
      if (newline === -1) break;
      if (isWhole) yield bytes.subarray(newline + 1, end);
      // What follows the last newline of a file is not whole.
      isWhole = true;
      end = newline;
    }
    rest = bytes.subarray(0, end);
    if (end === 0) rest = Buffer.alloc(0);
  }
  if (isWhole && rest.length > 0) yield rest;
}

/**
 * Finds records in a directory.
 *
 * @param directory the audit directory
 * @param filter what to look for
 */
export async function* readRecords(
  directory: string,
  filter: RecordFilter = {},
  options: ReadOptions = {},
): AsyncGenerator<AuditRecord> {
  const { order = 'oldest', limit = Infinity } = options;
  const files = orderFiles(await readdir(directory));
  if (order === 'newest') files.reverse();
  // A cheap look at the bytes saves parsing what cannot match; an id with characters that are escaped has no such look.
  const plain = [filter.exchange, filter.principal].filter((text) => text !== undefined && /^[\w:.|@/-]+$/.test(text));
  const needles = plain.map((text) => Buffer.from(`"${text}"`));
  let count = 0;
  for (const { name } of files) {
    const file = await open(join(directory, name), 'r').catch(() => undefined);
    // Retention may have removed it since the directory was read.
    if (file === undefined) continue;
    try {
      for await (const line of order === 'oldest' ? linesForward(file) : linesBackward(file)) {
        if (needles.some((needle) => !line.includes(needle))) continue;
        const record = parseRecord(line);
        if (record === undefined || !matchesFilter(record, filter)) continue;
        if (count >= limit) return;
        count += 1;
        yield record;
      }
    } finally {
      await file.close();
    }
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const finish = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', finish);
    resolve();
  };
  const timer = setTimeout(finish, ms);
  signal.addEventListener('abort', finish);
  return promise;
}

/** Where a follower stands: what it has read of one file. */
interface Position {
  readonly name: string;
  offset: number;
}

/** Reads whole lines behind a position, at most about one block of them, and moves it behind them. */
async function readMore(directory: string, position: Position): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  const file = await open(join(directory, position.name), 'r').catch(() => undefined);
  if (file === undefined) return lines;
  try {
    const { size } = await file.stat();
    // A torn tail was cut off; what comes next is chained to what is left.
    if (size < position.offset) position.offset = size;
    for (let length = BLOCK; lines.length === 0; length *= 2) {
      const block = Buffer.allocUnsafe(Math.min(length, size - position.offset));
      const { bytesRead } = await file.read(block, 0, block.length, position.offset);
      let start = 0;
      for (let end = block.indexOf(NEWLINE); end !== -1 && end < bytesRead; end = block.indexOf(NEWLINE, start)) {
        lines.push(block.subarray(start, end));
        start = end + 1;
      }
      position.offset += start;
      if (length >= size - position.offset) break;
    }
  } finally {
    await file.close();
  }
  return lines;
}

/** The end of the last whole line of a file, and the seq of that line. */
async function findTail(directory: string, name: string): Promise<{ offset: number; seq: number }> {
  const file = await open(join(directory, name), 'r');
  try {
    const { size } = await file.stat();
    for (let length = Math.min(BLOCK, size); length > 0; length = Math.min(length * 2, size)) {
      const block = Buffer.allocUnsafe(length);
      await file.read(block, 0, length, size - length);
      const end = block.lastIndexOf(NEWLINE);
      const before = end > 0 ? block.lastIndexOf(NEWLINE, end - 1) : -1;
      if (end !== -1 && (before !== -1 || length === size)) {
        return { offset: size - length + end + 1, seq: parseRecord(block.subarray(before + 1, end))?.seq ?? Infinity };
      }
      if (length === size) break;
    }
    return { offset: 0, seq: 0 };
  } finally {
    await file.close();
  }
}

/** The audit files from the one at `position` on; files that are older have been read. */
async function filesFrom(directory: string, position: Position | undefined): Promise<string[]> {
  const names = orderFiles(await readdir(directory)).map(({ name }) => name);
  if (position === undefined || names.includes(position.name)) {
    return names.slice(Math.max(0, names.indexOf(position?.name ?? '')));
  }
  // It was removed, by retention or because a write to it had failed: go on with those that are newer.
  const ordered = orderFiles([...names, position.name]).map(({ name }) => name);
  return ordered.slice(ordered.indexOf(position.name) + 1);
}

/**
 * Yields records as they are written, until the signal aborts. Goes on over file changes and restarts of the writer.
 * A record whose write then fails may be shown, and its seq shown again.
 */
export async function* followRecords(directory: string, options: FollowOptions): AsyncGenerator<AuditRecord> {
  const { filter = {}, backlog = 0, pollMs = 250, signal } = options;
  const newest = orderFiles(await readdir(directory)).at(-1);
  let position: Position | undefined;
  if (newest !== undefined) {
    const tail = await findTail(directory, newest.name);
    position = { name: newest.name, offset: tail.offset };
    const shown: AuditRecord[] = [];
    if (backlog > 0) {
      for await (const record of readRecords(directory, filter, { order: 'newest' })) {
        // Written since the tail was found: it will come again.
        if (record.seq > tail.seq && tail.seq > 0) continue;
        if (shown.push(record) >= backlog) break;
      }
    }
    yield* shown.toReversed();
  }
  while (!signal.aborted) {
    for (const name of await filesFrom(directory, position)) {
      if (position?.name !== name) position = { name, offset: 0 };
      let lines = await readMore(directory, position);
      while (lines.length > 0) {
        for (const line of lines) {
          const record = parseRecord(line);
          if (record !== undefined && matchesFilter(record, filter)) yield record;
        }
        lines = await readMore(directory, position);
      }
    }
    if (!signal.aborted) await wait(pollMs, signal);
  }
}
