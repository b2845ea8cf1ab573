/** Reads and writes the rates, durations and sizes that people type in configuration files (design §4.1). */
import type { Rate } from '../policy/model.ts';

/** Why a text is no quantity. */
export interface QuantityFault {
  readonly kind: 'fault';
  /** Offset of the first wrong character, in UTF-16 units from 0. */
  readonly offset: number;
  readonly message: string;
}

/** Largest count in a rate: buckets then reckon in whole numbers without rounding. */
export const MAX_RATE_COUNT = 100_000_000;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const RATE_UNITS: ReadonlyMap<string, number> = new Map([
  ['s', SECOND],
  ['m', MINUTE],
  ['h', HOUR],
  ['d', DAY],
]);
const DURATION_UNITS: ReadonlyMap<string, number> = new Map([['ms', 1], ...RATE_UNITS]);
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KB', 1000],
  ['MB', 1000 ** 2],
  ['GB', 1000 ** 3],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

function fault(offset: number, message: string): QuantityFault {
  return { kind: 'fault', offset, message };
}

/** Tells a fault from a quantity. */
export function isQuantityFault(value: Rate | number | QuantityFault): value is QuantityFault {
  return typeof value === 'object' && 'kind' in value;
}

/** Reads a whole number without sign or leading zero at `offset`. */
function readCount(text: string, offset: number, what: string): { count: number; end: number } | QuantityFault {
  let end = offset;
  while (end < text.length && text.charAt(end) >= '0' && text.charAt(end) <= '9') end += 1;
  const digits = text.slice(offset, end);
  if (digits === '') return fault(offset, `${what} begins with a whole number`);
  if (digits.length > 1 && digits.startsWith('0')) return fault(offset, 'a number has no leading zero');
  const count = Number(digits);
  if (!Number.isSafeInteger(count)) return fault(offset, 'the number is too large');
  return { count, end };
}

function unitsText(units: ReadonlyMap<string, number>): string {
  const names = [...units.keys()];
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
}

/**
 * Reads a rate: `10/s`, `100/m burst 200`, `5000/h`, `20/d`.
 *
 * @param text count, `/`, unit (`s`, `m`, `h`, `d`) and, if wanted, how much may be saved up; without that the burst
 *   is the count.
 * @returns the rate, or the first fault. Counts are 1 to 100,000,000.
 */
export function parseRate(text: string): Rate | QuantityFault {
  const counted = readCount(text, 0, 'a rate, as in 10/s,');
  if ('kind' in counted) return counted;
  if (counted.count < 1) return fault(0, 'a rate lets at least 1 through; deny what nobody may do');
  if (counted.count > MAX_RATE_COUNT) return fault(0, `a rate counts to ${MAX_RATE_COUNT} at most`);
  if (text.charAt(counted.end) !== '/') return fault(counted.end, 'a rate has / after its number, as in 10/s');
  const rest = text.slice(counted.end + 1);
  const unit = /^[A-Za-z]*/.exec(rest)?.[0] ?? '';
  const perMs = RATE_UNITS.get(unit);
  if (perMs === undefined) return fault(counted.end + 1, `a rate is per ${unitsText(RATE_UNITS)}`);
  let offset = counted.end + 1 + unit.length;
  if (offset === text.length) return { tokens: counted.count, perMs, burst: counted.count };
  const word = ' burst ';
  if (!text.startsWith(word, offset))
    return fault(offset, 'after a rate there is nothing or, as in 10/s burst 20, its burst');
  offset += word.length;
  const burst = readCount(text, offset, 'a burst');
  if ('kind' in burst) return burst;
  if (burst.count < 1) return fault(offset, 'a burst is at least 1');
  if (burst.count > MAX_RATE_COUNT) return fault(offset, `a burst counts to ${MAX_RATE_COUNT} at most`);
  if (burst.end !== text.length) return fault(burst.end, 'nothing follows a burst');
  return { tokens: counted.count, perMs, burst: burst.count };
}

function parseWithUnit(text: string, what: string, units: ReadonlyMap<string, number>): number | QuantityFault {
  const counted = readCount(text, 0, what);
  if ('kind' in counted) return counted;
  const factor = units.get(text.slice(counted.end));
  if (factor === undefined) return fault(counted.end, `${what} ends with ${unitsText(units)}`);
  const product = counted.count * factor;
  return Number.isSafeInteger(product) ? product : fault(0, 'the number is too large');
}

/**
 * Reads a duration: `500ms`, `30s`, `15m`, `2h`, `90d`.
 *
 * @returns milliseconds, or the first fault.
 */
export function parseDuration(text: string): number | QuantityFault {
  return parseWithUnit(text, 'a duration, as in 30s,', DURATION_UNITS);
}

/**
 * Reads a size: `512B`, `10MB`, `64KiB`, `1MiB`. `K`, `M`, `G` are powers of 1000, with `i` of 1024.
 *
 * @returns bytes, or the first fault.
 */
export function parseSize(text: string): number | QuantityFault {
  return parseWithUnit(text, 'a size, as in 1MiB,', SIZE_UNITS);
}

/** Writes with the largest unit that leaves a whole number. */
function formatWithUnit(value: number, units: ReadonlyMap<string, number>): string {
  const fitting = [...units].filter(([, factor]) => value % factor === 0 && value >= factor);
  const [unit, factor] = fitting.toSorted((one, other) => other[1] - one[1])[0] ?? [...units][0] ?? ['', 1];
  return `${value / factor}${unit}`;
}

/** Writes whole milliseconds as `parseDuration` reads them. */
export function formatDuration(milliseconds: number): string {
  return formatWithUnit(milliseconds, DURATION_UNITS);
}

/** Writes whole bytes as `parseSize` reads them. */
export function formatSize(bytes: number): string {
  return formatWithUnit(bytes, SIZE_UNITS);
}

/** Writes a rate as `parseRate` reads it; its period must be a second, a minute, an hour or a day. */
export function formatRate(rate: Rate): string {
  const unit = [...RATE_UNITS].find(([, perMs]) => perMs === rate.perMs)?.[0];
  if (unit === undefined) throw new RangeError(`no unit lasts ${rate.perMs} ms`);
  const plain = `${rate.tokens}/${unit}`;
  return rate.burst === rate.tokens ? plain : `${plain} burst ${rate.burst}`;
}

const PERIOD_WORDS: ReadonlyMap<number, string> = new Map([
  [SECOND, 'a second'],
  [MINUTE, 'a minute'],
  [HOUR, 'an hour'],
  [DAY, 'a day'],
]);

/** Writes a rate for people and models, as in `10 calls a minute`. */
export function describeRate(rate: Rate): string {
  const period = PERIOD_WORDS.get(rate.perMs) ?? `in ${rate.perMs} ms`;
  return `${rate.tokens} ${rate.tokens === 1 ? 'call' : 'calls'} ${period}`;
}
