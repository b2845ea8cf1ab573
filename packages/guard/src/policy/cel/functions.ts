/** What conditions can compute: operators and functions, each with what it costs. */
import { RE2JS } from 're2js';
import { findRootFault, isWithin } from '../within.ts';
import {
  areEqual,
  Fault,
  isIn,
  isList,
  isMap,
  itemOf,
  lengthOf,
  MadeList,
  memberOf,
  namesOf,
  stepsToRead,
  typeOf,
  type Meter,
  type Outcome,
  type Value,
} from './values.ts';

/** One operator or function. */
export interface FunctionRow {
  /** How many values it takes, the one before the dot included. */
  readonly operands: 1 | 2 | 3;
  readonly example: string;
  /** Whether it can stand behind a dot, or must. */
  readonly isMethod?: 'also' | 'only';
  /** True where the second value must be a text in quotes, so that it can be prepared when the file is loaded. */
  readonly isFixed?: true;
  /** What is wrong with a text in quotes as the second value. */
  readonly checkText?: (text: string) => string | undefined;
  /** Computes it. */
  readonly apply: (values: readonly Value[], meter: Meter) => Outcome;
}

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;

function whole(value: bigint): Outcome {
  return value >= MIN_INT && value <= MAX_INT ? value : new Fault('the number is too large');
}

function misfit(name: string, values: readonly Value[]): Fault {
  return new Fault(`${name} does not fit ${values.map(typeOf).join(' and ')}`);
}

type Numbers<T> = (one: T, other: T) => Outcome;

function arithmetic(name: string, ofWhole: Numbers<bigint>, ofOthers: Numbers<number>): FunctionRow {
  return {
    operands: 2,
    example: `args.a ${name} 1`,
    apply(values) {
      const [one, other] = values;
      if (typeof one === 'bigint' && typeof other === 'bigint') return ofWhole(one, other);
      if (typeof one === 'number' && typeof other === 'number') return ofOthers(one, other);
      return misfit(name, values);
    },
  };
}

function plus(values: readonly Value[], meter: Meter): Outcome {
  const [one = null, other = null] = values;
  if (typeof one === 'bigint' && typeof other === 'bigint') return whole(one + other);
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (typeof one === 'string' && typeof other === 'string') {
    meter.spend(stepsToRead(one.length + other.length));
    return one + other;
  }
  if (!isList(one) || !isList(other)) return misfit('+', values);
  meter.spend(lengthOf(one) + lengthOf(other));
  const items: Value[] = [];
  for (const list of [one, other]) {
    for (let index = 0; index < lengthOf(list); index += 1) {
      const item = itemOf(list, index);
      if (item instanceof Fault) return item;
      items.push(item);
    }
  }
  return new MadeList(items);
}

function comparison(sign: string, holds: (order: number) => boolean): FunctionRow {
  return {
    operands: 2,
    example: `args.a ${sign} 1`,
    apply(values, meter) {
      const [one = null, other = null] = values;
      const areNumbers = (typeof one === 'bigint' || typeof one === 'number') && typeof other !== 'string';
      if (areNumbers && (typeof other === 'bigint' || typeof other === 'number')) {
        if (Number.isNaN(one) || Number.isNaN(other)) return false;
        return holds(one < other ? -1 : Number(one > other));
      }
      if (typeof one === 'string' && typeof other === 'string') {
        meter.spend(stepsToRead(Math.min(one.length, other.length)));
        return holds(compareTexts(one, other));
      }
      if (typeof one === 'boolean' && typeof other === 'boolean') return holds(Number(one) - Number(other));
      return misfit(sign, values);
    },
  };
}

/** By code points, as CEL orders texts; UTF-16 units would put rare characters before some common ones. */
function compareTexts(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [one.charCodeAt(index), other.charCodeAt(index)];
    if (left === right) continue;
    const isLeftHigh = left >= 0xd800 && left <= 0xdfff;
    const isRightHigh = right >= 0xd800 && right <= 0xdfff;
    return isLeftHigh === isRightHigh ? left - right : Number(isLeftHigh) - Number(isRightHigh);
  }
  return one.length - other.length;
}

function ofTexts(name: string, test: (text: string, part: string) => boolean, isLong = false): FunctionRow {
  return {
    operands: 2,
    isMethod: 'only',
    example: `args.name.${name}('text')`,
    apply(values, meter) {
      const [text, part] = values;
      if (typeof text !== 'string' || typeof part !== 'string') return misfit(name, values);
      meter.spend(stepsToRead(isLong ? text.length + part.length : part.length));
      return test(text, part);
    },
  };
}

/** Most comparisons for which the engine's own search is fast whatever the texts are made of. */
const FEW_COMPARISONS = 1 << 20;

/** Finds a part in time linear in both (Knuth–Morris–Pratt): the engine's own search can take their product. */
function contains(text: string, part: string): boolean {
  if (text.length * part.length <= FEW_COMPARISONS) return text.includes(part);
  const borders = new Uint32Array(part.length);
  for (let at = 1, length = 0; at < part.length; at += 1) {
    while (length > 0 && part.charCodeAt(at) !== part.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (part.charCodeAt(at) === part.charCodeAt(length)) length += 1;
    borders[at] = length;
  }
  for (let at = 0, length = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    while (length > 0 && code !== part.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (code === part.charCodeAt(length)) length += 1;
    if (length === part.length) return true;
  }
  return false;
}

function changing(name: string, change: (text: string) => string): FunctionRow {
  return {
    operands: 1,
    isMethod: 'only',
    example: `args.name.${name}()`,
    apply(values, meter) {
      const [text] = values;
      if (typeof text !== 'string') return misfit(name, values);
      meter.spend(stepsToRead(text.length));
      return change(text);
    },
  };
}

/** Steps of a compiled pattern at most, times characters. */
const MAX_PATTERN = 500;

interface Matcher {
  readonly size: number;
  test(text: string): boolean;
}

/** Patterns stand in the file, so there are only so many. */
const matchers = new Map<string, Matcher | string>();

function matcherOf(pattern: string): Matcher | string {
  let matcher = matchers.get(pattern);
  if (matcher === undefined) {
    matcher = compileMatcher(pattern);
    if (matchers.size >= 1000) matchers.clear();
    matchers.set(pattern, matcher);
  }
  return matcher;
}

function compileMatcher(pattern: string): Matcher | string {
  try {
    const engine = RE2JS.compile(pattern);
    const size = engine.programSize();
    if (size > MAX_PATTERN) return 'the pattern repeats too much';
    return { size, test: (text) => engine.test(text) };
  } catch (cause) {
    if (cause instanceof Error) return 'this is not a pattern of RE2 (no look-around, no back references)';
    throw cause;
  }
}

function lengthInPoints(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const isPair = text.charCodeAt(at) >= 0xd800 && text.charCodeAt(at) <= 0xdbff && at + 1 < text.length;
    const next = isPair ? text.charCodeAt(at + 1) : 0;
    if (next >= 0xdc00 && next <= 0xdfff) at += 1;
    length += 1;
  }
  return length;
}

function size(values: readonly Value[], meter: Meter): Outcome {
  const [value = null] = values;
  if (typeof value === 'string') {
    meter.spend(stepsToRead(value.length));
    return BigInt(lengthInPoints(value));
  }
  if (isList(value)) return BigInt(lengthOf(value));
  return isMap(value) ? BigInt(namesOf(value, meter).length) : misfit('size', values);
}

function index(values: readonly Value[]): Outcome {
  const [within = null, at = null] = values;
  if (isList(within)) {
    const isIndex = typeof at === 'bigint' || (typeof at === 'number' && Number.isInteger(at));
    return isIndex ? itemOf(within, Number(at)) : misfit('[]', values);
  }
  if (!isMap(within) || typeof at !== 'string') return misfit('[]', values);
  return memberOf(within, at) ?? new Fault(`there is no ${at.slice(0, 100)}`);
}

function toWhole(values: readonly Value[]): Outcome {
  const [value] = values;
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Math.abs(value) < 2 ** 53) return BigInt(Math.trunc(value));
  if (typeof value === 'string' && /^[+-]?\d{1,19}$/.test(value)) return whole(BigInt(value.replace('+', '')));
  return misfit('int', values);
}

function toNumber(values: readonly Value[]): Outcome {
  const [value] = values;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return value;
  const isNumber =
    typeof value === 'string' && /^[+-]?(?:\d{1,40}(?:\.\d{1,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?$/.test(value);
  return isNumber ? Number(value) : misfit('double', values);
}

function toText(values: readonly Value[]): Outcome {
  const [value = null] = values;
  if (typeof value === 'object') return misfit('string', values);
  return String(value);
}

/** By the names that the parser gives them. */
export const functions: ReadonlyMap<string, FunctionRow> = new Map<string, FunctionRow>([
  [
    '_==_',
    { operands: 2, example: 'args.a == 1', apply: ([one = null, other = null], meter) => areEqual(one, other, meter) },
  ],
  [
    '_!=_',
    { operands: 2, example: 'args.a != 1', apply: ([one = null, other = null], meter) => !areEqual(one, other, meter) },
  ],
  [
    '@in',
    { operands: 2, example: "args.a in ['b']", apply: ([one = null, other = null], meter) => isIn(one, other, meter) },
  ],
  ['_<_', comparison('<', (order) => order < 0)],
  ['_<=_', comparison('<=', (order) => order <= 0)],
  ['_>_', comparison('>', (order) => order > 0)],
  ['_>=_', comparison('>=', (order) => order >= 0)],
  ['_[_]', { operands: 2, example: "args.list[0], args['name']", apply: index }],
  ['_+_', { operands: 2, example: 'args.a + 1', apply: plus }],
  [
    '_-_',
    arithmetic(
      '-',
      (one, other) => whole(one - other),
      (one, other) => one - other,
    ),
  ],
  [
    '_*_',
    arithmetic(
      '*',
      (one, other) => whole(one * other),
      (one, other) => one * other,
    ),
  ],
  [
    '_/_',
    arithmetic(
      '/',
      (one, other) => (other === 0n ? new Fault('division by zero') : whole(one / other)),
      (one, other) => one / other,
    ),
  ],
  [
    '_%_',
    arithmetic(
      '%',
      (one, other) => (other === 0n ? new Fault('division by zero') : one % other),
      () => new Fault('% needs whole numbers'),
    ),
  ],
  [
    '-_',
    {
      operands: 1,
      example: '-args.a',
      apply: (values) => {
        const [value] = values;
        if (typeof value === 'bigint') return whole(-value);
        return typeof value === 'number' ? -value : misfit('-', values);
      },
    },
  ],
  ['size', { operands: 1, isMethod: 'also', example: 'size(args.list)', apply: size }],
  ['contains', ofTexts('contains', contains, true)],
  ['startsWith', ofTexts('startsWith', (text, part) => text.startsWith(part))],
  ['endsWith', ofTexts('endsWith', (text, part) => text.endsWith(part))],
  [
    'matches',
    {
      operands: 2,
      isMethod: 'only',
      example: "args.name.matches('^[a-z]+$')",
      isFixed: true,
      checkText: (pattern) => {
        const matcher = matcherOf(pattern);
        return typeof matcher === 'string' ? matcher : undefined;
      },
      apply: (values, meter) => {
        const [text, pattern] = values;
        if (typeof text !== 'string' || typeof pattern !== 'string') return misfit('matches', values);
        const matcher = matcherOf(pattern);
        if (typeof matcher === 'string') return new Fault(matcher);
        meter.spend((text.length + 1) * matcher.size);
        return matcher.test(text);
      },
    },
  ],
  ['lowerAscii', changing('lowerAscii', (text) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase()))],
  ['upperAscii', changing('upperAscii', (text) => text.replace(/[a-z]+/g, (part) => part.toUpperCase()))],
  ['trim', changing('trim', (text) => text.trim())],
  ['int', { operands: 1, example: 'int(args.a)', apply: toWhole }],
  ['double', { operands: 1, example: 'double(args.a)', apply: toNumber }],
  ['string', { operands: 1, example: 'string(args.a)', apply: toText }],
  ['dyn', { operands: 1, example: 'dyn(args.a)', apply: ([value = null]) => value }],
  [
    'within',
    {
      operands: 2,
      example: "within(args.path, '/srv/data')",
      checkText: findRootFault,
      apply: (values, meter) => {
        const [path, root] = values;
        if (typeof path !== 'string' || typeof root !== 'string') return misfit('within', values);
        meter.spend(stepsToRead(path.length + root.length));
        return isWithin(path, root);
      },
    },
  ],
]);
