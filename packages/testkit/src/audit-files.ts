/** Reads audit files as plain lines (design of the audit record: JSON Lines), without the product's own reader. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One audit record, as far as tests look into it. */
export interface AuditLine {
  readonly seq: number;
  readonly kind: string;
  readonly exchange?: string;
  readonly method?: string;
  readonly target?: { readonly upstream?: string; readonly kind?: string; readonly name?: string };
  readonly args?: { readonly digest?: string; readonly bytes?: number };
  readonly outcome?: { readonly status?: number | string; readonly reason?: string };
  readonly principal?: { readonly id?: string };
  readonly [member: string]: unknown;
}

/**
 * Reads all records of a folder in order of their sequence numbers; a torn last line is left out.
 * @param directory the audit folder, such as `<dir>/state/audit`.
 */
export async function readAudit(directory: string): Promise<AuditLine[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'));
  const files = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const lines = files.flatMap((text) => text.split('\n').slice(0, -1));
  return lines.map((line) => JSON.parse(line) as AuditLine).toSorted((one, other) => one.seq - other.seq);
}
