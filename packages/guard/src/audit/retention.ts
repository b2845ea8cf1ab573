/** Finds audit files that are older than they are kept. */
import { join } from 'node:path';
import type { AuditDisk } from '../disk.ts';
import { orderFiles } from './files.ts';
import { parseRecord } from './read.ts';
import type { AuditRecord } from './record.ts';

/** Files to remove, and the seq with which the trail begins without them. */
export interface OldFiles {
  readonly names: readonly string[];
  readonly first: number;
}

/** A checkpoint is far shorter. */
const OPENING_BYTES = 4096;

async function readOpening(disk: AuditDisk, path: string): Promise<AuditRecord | undefined> {
  const head = Buffer.from(await disk.readHead(path, OPENING_BYTES));
  const newline = head.indexOf(10);
  return newline === -1 ? undefined : parseRecord(head.subarray(0, newline));
}

/**
 * Whole files all of whose records are older than `before`: a file ends when the next one opens.
 *
 * @param before milliseconds since the epoch
 */
export async function findOldFiles(disk: AuditDisk, directory: string, before: number): Promise<OldFiles | undefined> {
  const files = orderFiles(await disk.list(directory));
  const names: string[] = [];
  let first = 0;
  for (const [index, file] of files.entries()) {
    const next = files[index + 1];
    const opening = next === undefined ? undefined : await readOpening(disk, join(directory, next.name));
    if (opening === undefined || !(Date.parse(opening.time) < before)) break;
    names.push(file.name);
    first = opening.seq;
  }
  return names.length === 0 ? undefined : { names, first };
}
