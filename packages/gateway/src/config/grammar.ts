/** Readers of patterns, rates, durations and sizes: the core parses them, this file points at what is wrong. */
import {
  compilePattern,
  isQuantityFault,
  parseDuration,
  parseRate,
  parseSize,
  type Origin,
  type Rate,
} from '@sallyport/guard';
import type { ConfigNode, ScalarNode } from './node.ts';
import { lengthOf, quoted, text, wrongValue, type JsonSchema, type Reader, type Reading, type Text } from './reader.ts';

/** Bounds on a quantity, both inclusive. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
  /** The bounds as people write them. */
  readonly words: string;
}

interface Fault {
  readonly offset: number;
  readonly message: string;
}

/** Returns where the character at `offset` of a text stands, as far as its quoting lets us tell. */
export function placeWithin(node: ScalarNode, offset: number): Origin {
  const { origin, written, value } = node;
  if (written === value) return { ...origin, column: origin.column + offset };
  const isSimplyQuoted = written.length === String(value).length + 2 && written.slice(1, -1) === value;
  return isSimplyQuoted ? { ...origin, column: origin.column + 1 + offset } : origin;
}

/** Reports that `source`, which begins at `start` of the text, is no pattern; says whether it is one. */
export function checkPattern(found: Text, reading: Reading, source: string, start: number): boolean {
  const result = compilePattern(source);
  if (result.kind === 'pattern') return true;
  if (found.secret !== undefined) {
    wrongValue(found, reading, `${quoted(found.shown)} is not a pattern`, '');
    return false;
  }
  const place = placeWithin(found.node, start + result.offset);
  reading.log.report(place, { code: 'pattern', message: result.message, suggestion: suggestPattern(source, reading) });
  return false;
}

function suggestPattern(source: string, reading: Reading): string {
  const [first = 'files'] = reading.upstreamNames;
  if (source === '') return `write '${first}.*' for everything of an upstream, or '*' for everything`;
  if (/^[A-Za-z0-9_-]+$/.test(source)) return `write server.name: '${first}.${source}'`;
  if (source.includes('\\')) return 'write \\* for a star and \\\\ for a backslash, in single quotes';
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(source))
    return `write the server before the URI: '${first}.${source.slice(0, 100)}'`;
  return `write server.name with * for any text, e.g. '${first}.read_*'`;
}

function quantity<T extends Rate | number>(
  wanted: string,
  example: string,
  schema: JsonSchema,
  parse: (value: string) => T | (Fault & { kind: 'fault' }),
  guess: (value: string) => string | undefined,
  check?: (value: T) => string | undefined,
): Reader<T> {
  const report = (node: ScalarNode, at: Origin, reading: Reading, message: string, written: string): undefined => {
    const meant = guess(written.trim());
    const parsed = meant === undefined || meant === written ? undefined : parse(meant);
    const isUseful = parsed !== undefined && !isFault(parsed) && check?.(parsed) === undefined;
    const suggestion = isUseful ? `write ${meant}` : `write ${wanted} such as ${example}`;
    reading.log.report(at, { code: 'value', message, suggestion, length: at === node.origin ? lengthOf(node) : 1 });
    return undefined;
  };
  const inner = text(wanted, example, schema, (found, reading) => {
    const parsed = parse(found.value);
    if (isFault(parsed)) {
      const at = found.secret === undefined ? placeWithin(found.node, parsed.offset) : found.node.origin;
      const help = found.secret === undefined ? found.value : '';
      return report(found.node, at, reading, `${quoted(found.shown)} is not ${wanted}: ${parsed.message}`, help);
    }
    const complaint = check?.(parsed);
    return complaint === undefined ? parsed : report(found.node, found.node.origin, reading, complaint, '');
  });
  return {
    schema: inner.schema,
    read: (node: ConfigNode, reading) => {
      if (node.kind !== 'scalar' || typeof node.value !== 'number') return inner.read(node, reading);
      return report(node, node.origin, reading, `${node.written} has no unit: expected ${wanted}`, node.written);
    },
  };
}

function isFault(value: Rate | number | (Fault & { kind: 'fault' })): value is Fault & { kind: 'fault' } {
  return isQuantityFault(value);
}

/** A rate: `10/s`, `100/m burst 200`. */
export const rate: Reader<Rate> = quantity<Rate>('a rate', '10/s', {}, parseRate, (value) => {
  const parts = /^(\d+)\s*(?:\/|per)?\s*([a-z]{0,7})(?:[\s,]*burst[\s:=]*(\d+))?$/i.exec(value);
  const unit = unitOf(parts?.[2] ?? '');
  if (parts?.[1] === undefined || unit === undefined || unit === 'ms') return undefined;
  return `${parts[1]}/${unit}${parts[3] === undefined ? '' : ` burst ${parts[3]}`}`;
});

/** What people write for a unit of time; nothing is most often seconds. */
function unitOf(word: string): string | undefined {
  return Object.entries({
    ms: /^(?:ms|msecs?|millis)$/i,
    s: /^(?:|s|secs?|seconds?)$/i,
    m: /^(?:m|mins?|minutes?)$/i,
    h: /^(?:h|hrs?|hours?)$/i,
    d: /^(?:d|days?)$/i,
  }).find(([, words]) => words.test(word))?.[0];
}

/** A duration in milliseconds, within bounds: `30s`, `15m`, `90d`. */
export function duration(bounds: Bounds): Reader<number> {
  return quantity<number>('a duration', '60s', {}, parseDuration, guessDuration, within(bounds));
}

/** A size in bytes, within bounds: `64KiB`, `1MiB`. */
export function size(bounds: Bounds): Reader<number> {
  return quantity<number>('a size', '1MiB', {}, parseSize, guessSize, within(bounds));
}

function within(bounds: Bounds): (value: number) => string | undefined {
  return (value) => (value >= bounds.minimum && value <= bounds.maximum ? undefined : `this must be ${bounds.words}`);
}

function guessDuration(value: string): string | undefined {
  const parts = /^(\d+)\s*([a-z]{0,7})$/i.exec(value);
  const unit = unitOf(parts?.[2] ?? '');
  return parts?.[1] === undefined || unit === undefined ? undefined : `${parts[1]}${unit}`;
}

function guessSize(value: string): string | undefined {
  const parts = /^(\d+)\s*([kmg])?i?b?$/i.exec(value);
  if (parts?.[1] === undefined) return undefined;
  return `${parts[1]}${parts[2] === undefined ? 'B' : `${parts[2].toUpperCase()}iB`}`;
}
