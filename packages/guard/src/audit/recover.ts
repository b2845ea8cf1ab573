/** Finds where a trail ends when it is opened, and cuts a torn tail off its last file. Reads only that file. */
import { join } from 'node:path';
import type { AuditDisk } from '../disk.ts';
import { GENESIS, kindOf, readLink } from './chain.ts';
import type { Head } from './chain.ts';
import { orderFiles } from './files.ts';
import type { TrailRecovery } from './options.ts';
import type { AuditRecord } from './record.ts';

/** Where a trail ends. */
export interface TrailEnd extends TrailRecovery {
  readonly head: Head;
  /** The oldest seq that retention has left. */
  readonly first: number;
  /** Start time in the name of the newest file, milliseconds; 0 without files. */
  readonly start: number;
}

interface Scan {
  readonly head: Head | undefined;
  readonly first: number | undefined;
  /** Length of the leading part in which each line follows the one before. */
  readonly soundBytes: number;
  readonly isBroken: boolean;
}

/** Reads the chain of one file. A tail is torn only when nothing that follows the first bad line is a whole record. */
function scan(bytes: Buffer): Scan {
  let head: Head | undefined;
  let first: number | undefined;
  let soundBytes = 0;
  let isSound = true;
  let isBroken = false;
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from);
    if (newline === -1) break;
    const line = bytes.subarray(from, newline);
    from = newline + 1;
    const link = readLink(line);
    const isIntact = link?.isIntact === true;
    const follows = isIntact && (head === undefined || (link.seq === head.seq + 1 && link.prev === head.hash));
    if (isSound && !follows) isSound = false;
    if (!isIntact) continue;
    if (isSound) soundBytes = from;
    else isBroken = true;
    head = { seq: link.seq, hash: link.hash };
    if (kindOf(line) === 'checkpoint') {
      first = (JSON.parse(line.toString()) as AuditRecord).checkpoint?.first ?? first;
    }
  }
  return { head, first, soundBytes, isBroken };
}

/**
 * Finds the end of the trail in `directory`.
 *
 * A last file without a single whole record holds nothing that anybody was told is on disk; it is removed. A last file
 * that is broken before its end is left as it is, for `audit verify` to name, and the chain goes on after its last
 * whole record.
 */
export async function findEnd(disk: AuditDisk, directory: string): Promise<TrailEnd> {
  const files = orderFiles(await disk.list(directory));
  const start = files.at(-1)?.start ?? 0;
  let tornBytes = 0;
  for (let file = files.pop(); file !== undefined; file = files.pop()) {
    const path = join(directory, file.name);
    const bytes = Buffer.from(await disk.read(path));
    const { head, first, soundBytes, isBroken } = scan(bytes);
    if (head === undefined) {
      tornBytes += bytes.length;
      await disk.remove(path);
      continue;
    }
    if (!isBroken && soundBytes < bytes.length) {
      tornBytes += bytes.length - soundBytes;
      await cutFile(disk, path, soundBytes);
    }
    return { head, first: first ?? 1, start, tornBytes, isBroken };
  }
  return { head: GENESIS, first: 1, start, tornBytes, isBroken: false };
}

/** Cuts a file and makes the cut durable. */
export async function cutFile(disk: AuditDisk, path: string, length: number): Promise<void> {
  await disk.truncate(path, length);
  const file = await disk.openAppend(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
