/**
 * The keywords of JSON Schema that look at one value without entering it (2020-12 validation §6). A number beyond 2⁵³
 * is never compared: what was parsed may differ from what the caller wrote and the upstream will read.
 */
import { canonicalJson } from './canonical.ts';
import type { LinearPattern } from './linear-pattern.ts';
import { isMultipleOf } from './multiple-of.ts';
import { isSchemaObject, pointerTo, SchemaProblem, type SchemaObject } from './schema-bounds.ts';
import { clean, fail, spend, stop, type Check, type Run } from './schema-run.ts';

/** A bound to be checked: its keyword, whether a value keeps it, and the message when it does not. */
interface Limit<T> {
  readonly keyword: string;
  readonly message: string;
  keeps(value: T): boolean;
}

const LONGEST_TEXT = 100;

/** Cuts a text of a schema to what fits in a message. */
export function brief(text: string): string {
  return clean(text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);
}

function own(schema: SchemaObject, keyword: string): unknown {
  return Object.hasOwn(schema, keyword) ? schema[keyword] : undefined;
}

function badShape(pointer: string, keyword: string, message: string): never {
  throw new SchemaProblem('bad-shape', pointerTo(pointer, keyword), `${keyword} ${message}`);
}

/** Reads a keyword that counts; throws when it does not. */
export function readCount(schema: SchemaObject, keyword: string, pointer: string): number | undefined {
  const value = own(schema, keyword);
  if (value === undefined) return undefined;
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0;
  return isCount ? value : badShape(pointer, keyword, 'is a whole number from 0');
}

/** Reads a keyword that lists names; throws when it does not. */
export function readNames(value: unknown, pointer: string, keyword: string): readonly string[] {
  if (!Array.isArray(value)) return badShape(pointer, keyword, 'lists names');
  return value.map((name) => (typeof name === 'string' ? name : badShape(pointer, keyword, 'lists names')));
}

/** True for a number that may not be the one that was written. */
function isInexact(value: unknown): boolean {
  return typeof value === 'number' && !Number.isSafeInteger(value) && !isFraction(value);
}

function isFraction(value: number): boolean {
  return Number.isFinite(value) && !Number.isInteger(value);
}

function holdsInexact(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isInexact(value);
  return Object.values(value).some(holdsInexact);
}

function stopInexact(run: Run): false {
  return stop(run, 'safe-integer', 'must be a whole number between -(2^53 - 1) and 2^53 - 1');
}

const TYPES: ReadonlyMap<string, (value: unknown) => boolean> = new Map<string, (value: unknown) => boolean>([
  ['object', isSchemaObject],
  ['array', (value) => Array.isArray(value)],
  ['string', (value) => typeof value === 'string'],
  ['number', (value) => typeof value === 'number'],
  ['integer', (value) => Number.isInteger(value)],
  ['boolean', (value) => typeof value === 'boolean'],
  ['null', (value) => value === null],
]);

function compileType(schema: SchemaObject, pointer: string): Check | undefined {
  const type = own(schema, 'type');
  if (type === undefined) return undefined;
  const names = Array.isArray(type) ? readNames(type, pointer, 'type') : [typeof type === 'string' ? type : ''];
  const tests = names.map((name) => TYPES.get(name) ?? badShape(pointer, 'type', 'names types of JSON'));
  if (tests.length === 0) badShape(pointer, 'type', 'names types of JSON');
  const message = `must be ${names.join(' or ')}`;
  const isNumeric = names.includes('number') || names.includes('integer');
  const [only] = tests;
  const test = tests.length === 1 && only !== undefined ? only : (value: unknown) => tests.some((one) => one(value));
  return (value, run) => {
    if (!test(value)) return fail(run, 'type', message);
    return isNumeric && isInexact(value) ? stopInexact(run) : true;
  };
}

/** Compares with listed values: simple ones by identity, others by their canonical text. */
function compileListed(values: readonly unknown[], keyword: string): Check {
  const simple = new Set<unknown>(values.filter((value) => typeof value !== 'object' || value === null));
  const complex = new Set(values.filter((value) => !simple.has(value)).map(canonicalJson));
  const texts = [...simple].map((value) => JSON.stringify(value));
  const list = texts.length > 0 && complex.size === 0 ? brief(texts.join(', ')) : 'the listed values';
  const message = values.length === 1 && complex.size === 0 ? `must be ${list}` : `must be one of ${list}`;
  return (value, run) => {
    if (typeof value !== 'object' || value === null) {
      if (isInexact(value)) return stopInexact(run);
      return simple.has(value) || fail(run, keyword, message);
    }
    if (holdsInexact(value)) return stopInexact(run);
    const text = canonicalJson(value);
    if (!spend(run, text.length >> 3)) return false;
    return complex.has(text) || fail(run, keyword, message);
  };
}

function compileNumber(schema: SchemaObject, pointer: string): Check | undefined {
  const limits: Limit<number>[] = [];
  const add = (keyword: string, words: string, keeps: (value: number, bound: number) => boolean): void => {
    const bound = own(schema, keyword);
    if (bound === undefined) return;
    if (typeof bound !== 'number' || !Number.isFinite(bound)) return badShape(pointer, keyword, 'is a number');
    if (keyword === 'multipleOf' && bound <= 0) return badShape(pointer, keyword, 'is above 0');
    limits.push({ keyword, message: `must be ${words} ${bound}`, keeps: (value) => keeps(value, bound) });
  };
  add('minimum', 'at least', (value, bound) => value >= bound);
  add('maximum', 'at most', (value, bound) => value <= bound);
  add('exclusiveMinimum', 'more than', (value, bound) => value > bound);
  add('exclusiveMaximum', 'less than', (value, bound) => value < bound);
  add('multipleOf', 'a multiple of', isMultipleOf);
  if (limits.length === 0) return undefined;
  return (value, run) => {
    if (typeof value !== 'number') return true;
    if (isInexact(value)) return stopInexact(run);
    return keepsAll(limits, value, run);
  };
}

function keepsAll<T>(limits: readonly Limit<T>[], value: T, run: Run): boolean {
  for (const limit of limits) if (!limit.keeps(value)) return fail(run, limit.keyword, limit.message);
  return true;
}

/** Counts characters, not the units of the encoding (2020-12 validation §6.3). */
function countCharacters(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at += 1) {
    const isLow = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
    if (isLow && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) count -= 1;
  }
  return count;
}

function compileString(schema: SchemaObject, pointer: string, pattern: LinearPattern | undefined): Check | undefined {
  const limits: Limit<string>[] = [];
  const min = readCount(schema, 'minLength', pointer);
  const max = readCount(schema, 'maxLength', pointer);
  if (min !== undefined) {
    const keeps = (text: string): boolean => text.length >= 2 * min || countCharacters(text) >= min;
    limits.push({ keyword: 'minLength', message: `must have at least ${min} characters`, keeps });
  }
  if (max !== undefined) {
    const keeps = (text: string): boolean => text.length <= max || countCharacters(text) <= max;
    limits.push({ keyword: 'maxLength', message: `must have at most ${max} characters`, keeps });
  }
  if (limits.length === 0 && pattern === undefined) return undefined;
  const message = pattern === undefined ? '' : `must match ${brief(pattern.source)}`;
  return (value, run) => {
    if (typeof value !== 'string') return true;
    if (!spend(run, value.length >> 5) || !keepsAll(limits, value, run)) return false;
    if (pattern === undefined) return true;
    return testPattern(pattern, value, run) ? true : run.stop === undefined && fail(run, 'pattern', message);
  };
}

/** Characters × program steps that cost as much as one step of a check. */
const PATTERN_WORK = 6;

/** Tests a pattern and charges what it costs; false also when the check has no steps left for it. */
export function testPattern(pattern: LinearPattern, text: string, run: Run): boolean {
  return spend(run, 1 + Math.ceil((text.length * pattern.size) / PATTERN_WORK)) && pattern.test(text);
}

function compileItemCounts(schema: SchemaObject, pointer: string): Check | undefined {
  const limits: Limit<readonly unknown[]>[] = [];
  const min = readCount(schema, 'minItems', pointer);
  const max = readCount(schema, 'maxItems', pointer);
  if (min !== undefined) {
    limits.push({
      keyword: 'minItems',
      message: `must have at least ${min} items`,
      keeps: (items) => items.length >= min,
    });
  }
  if (max !== undefined) {
    limits.push({
      keyword: 'maxItems',
      message: `must have at most ${max} items`,
      keeps: (items) => items.length <= max,
    });
  }
  const unique = own(schema, 'uniqueItems');
  if (unique !== undefined && typeof unique !== 'boolean') badShape(pointer, 'uniqueItems', 'is true or false');
  if (limits.length === 0 && unique !== true) return undefined;
  return (value, run) => {
    if (!Array.isArray(value)) return true;
    return keepsAll(limits, value, run) && (unique !== true || areUnique(value, run));
  };
}

/** Compares by canonical text instead of pair by pair, which would need quadratic time. */
function areUnique(items: readonly unknown[], run: Run): boolean {
  const simple = new Set<unknown>();
  const complex = new Set<string>();
  for (const item of items) {
    if (holdsInexact(item)) return stopInexact(run);
    const isComplex = typeof item === 'object' && item !== null;
    const text = isComplex ? canonicalJson(item) : '';
    if (!spend(run, 2 + (text.length >> 2))) return false;
    if (isComplex ? complex.has(text) : simple.has(item)) {
      return fail(run, 'uniqueItems', 'must not have the same item twice');
    }
    if (isComplex) complex.add(text);
    else simple.add(item);
  }
  return true;
}

/**
 * Compiles the keywords that look at a value without entering it.
 *
 * @param schema an object schema.
 * @param pointer where it stands, for faults.
 * @param pattern its `pattern`, compiled.
 */
export function compileAssertions(
  schema: SchemaObject,
  pointer: string,
  pattern: LinearPattern | undefined,
): readonly Check[] {
  const checks = [
    compileType(schema, pointer),
    compileNumber(schema, pointer),
    compileString(schema, pointer, pattern),
    compileItemCounts(schema, pointer),
  ];
  const listed = own(schema, 'enum');
  if (listed !== undefined) {
    checks.push(compileListed(Array.isArray(listed) ? listed : badShape(pointer, 'enum', 'is a list'), 'enum'));
  }
  if (Object.hasOwn(schema, 'const')) checks.push(compileListed([schema['const']], 'const'));
  return checks.filter((check) => check !== undefined);
}
