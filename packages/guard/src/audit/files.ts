/**
 * Names of audit files: `<process>-<start>-<n>.jsonl`, where start is UTC to the millisecond. Their order is that of
 * (start, n), so that a reader can order them without trusting what they hold.
 */

/** An audit file's name, taken apart. */
export interface TrailFileName {
  readonly name: string;
  readonly process: string;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly n: number;
}

const NAME = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{6,9})\.jsonl$/;

/** Takes a file name apart; `undefined` when it is not that of an audit file. */
export function parseFileName(name: string): TrailFileName | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, process = '', year, month, day, hour, minute, second, milli, n] = match;
  const start = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`);
  return Number.isNaN(start) ? undefined : { name, process, start, n: Number(n) };
}

/** Builds a file name. Characters of `process` outside `[A-Za-z0-9._-]` become `_`. */
export function formatFileName(process: string, start: number, n: number): string {
  const safe = process.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
  const stamp = new Date(start).toISOString().replaceAll(/[-:.]/g, '');
  return `${/^[A-Za-z0-9]/.test(safe) ? safe : `p${safe.slice(0, 63)}`}-${stamp}-${String(n).padStart(6, '0')}.jsonl`;
}

/** The audit files among directory entries, oldest first. */
export function orderFiles(names: readonly string[]): TrailFileName[] {
  return names
    .map(parseFileName)
    .filter((file) => file !== undefined)
    .toSorted((a, b) => a.start - b.start || a.n - b.n || (a.name < b.name ? -1 : 1));
}
