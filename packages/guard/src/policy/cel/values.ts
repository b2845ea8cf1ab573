/**
 * Values of conditions: what JSON knows, with whole numbers kept apart from others as CEL does. JSON is looked at where
 * it lies; every look costs steps, so that no arguments make a condition slow.
 */

/** A list that a condition made itself. A list of the arguments stays what `JSON.parse` returned. */
export class MadeList {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A map that a condition made itself. */
export class MadeMap {
  readonly entries: ReadonlyMap<string, Value>;

  constructor(entries: ReadonlyMap<string, Value>) {
    this.entries = entries;
  }
}

/** Why an expression has no value: a missing field, a type that does not fit. `||` and `&&` may do without it. */
export class Fault {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** A list or map as it came; only own members count, whatever they are called. */
export type Raw = readonly unknown[] | Readonly<Record<string, unknown>>;

/** Whole numbers are `bigint`, all others `number`. */
export type Value = null | boolean | bigint | number | string | MadeList | MadeMap | Raw;

/** What evaluating an expression gives. */
export type Outcome = Value | Fault;

/**
 * Thrown where the whole condition must deny whatever the rest of it says: too much work, or a number that two readers
 * could take for two.
 */
export class Abandoned extends Error {}

/** Counts the steps of one evaluation. */
export class Meter {
  private left: number;

  constructor(steps: number) {
    this.left = steps;
  }

  /** Spends steps, or abandons the evaluation. */
  spend(steps: number): void {
    this.left -= steps;
    if (this.left < 0) throw new Abandoned('the arguments are too large for this condition');
  }
}

const SHIFT_COMPARED = 6;
const SHIFT_READ = 4;

/** Steps for comparing two texts of this length. */
export function stepsToCompare(length: number): number {
  return 1 + (length >> SHIFT_COMPARED);
}

/** Steps for reading a text of this length through. */
export function stepsToRead(length: number): number {
  return 1 + (length >> SHIFT_READ);
}

/** Takes a value out of JSON. */
export function fromJson(value: unknown): Outcome {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isInteger(value)) return value;
      if (!Number.isSafeInteger(value))
        throw new Abandoned('a whole number beyond 2^53 is not told from its neighbours');
      return BigInt(value);
    case 'object':
      return value === null ? null : (value as Raw);
    default:
      return new Fault('no such value');
  }
}

/** True for a list of either making. */
export function isList(value: Outcome): value is MadeList | readonly unknown[] {
  return value instanceof MadeList || Array.isArray(value);
}

/** True for a map of either making. */
export function isMap(value: Outcome): value is MadeMap | Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  return !Array.isArray(value) && !(value instanceof MadeList) && !(value instanceof Fault);
}

/** How many members a list has. */
export function lengthOf(list: MadeList | readonly unknown[]): number {
  return list instanceof MadeList ? list.items.length : list.length;
}

/** A member of a list; a fault where there is none. */
export function itemOf(list: MadeList | readonly unknown[], index: number): Outcome {
  if (index < 0 || index >= lengthOf(list)) return new Fault('the index is out of bounds');
  return list instanceof MadeList ? (list.items[index] ?? null) : fromJson(list[index]);
}

/** A member of a map; `undefined` where it has none of this name. */
export function memberOf(map: MadeMap | Readonly<Record<string, unknown>>, name: string): Outcome | undefined {
  if (map instanceof MadeMap) return map.entries.get(name);
  return Object.hasOwn(map, name) && map[name] !== undefined ? fromJson(map[name]) : undefined;
}

/** The names of a map's members. */
export function namesOf(map: MadeMap | Readonly<Record<string, unknown>>, meter: Meter): readonly string[] {
  const names = map instanceof MadeMap ? [...map.entries.keys()] : Object.keys(map);
  meter.spend(names.length);
  return names;
}

/** What a value is, for messages. */
export function typeOf(value: Outcome): string {
  if (value === null) return 'null';
  if (value instanceof Fault) return 'nothing';
  if (isList(value)) return 'a list';
  if (isMap(value)) return 'a map';
  if (typeof value === 'bigint') return 'a whole number';
  return typeof value === 'number' ? 'a number' : typeof value === 'string' ? 'text' : 'true or false';
}

/** As deep as a message can be (`limits.depth`), and no deeper than the stack. */
const MAX_DEPTH = 512;

/** CEL's equality: numbers by what they are worth, everything else by type and value; never a fault. */
export function areEqual(one: Value, other: Value, meter: Meter, depth = 0): boolean {
  meter.spend(1);
  if (depth > MAX_DEPTH) throw new Abandoned('the arguments are nested too deep for this condition');
  if (typeof one === 'string' && typeof other === 'string') {
    if (one.length !== other.length) return false;
    meter.spend(stepsToCompare(one.length));
    return one === other;
  }
  if (isNumber(one) && isNumber(other)) {
    if (typeof one === typeof other) return one === other;
    return !Number.isNaN(one) && !Number.isNaN(other) && !(one < other) && !(one > other);
  }
  if (isList(one)) return isList(other) && areListsEqual(one, other, meter, depth + 1);
  if (isMap(one)) return isMap(other) && areMapsEqual(one, other, meter, depth + 1);
  return one === other;
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

function areListsEqual(
  one: MadeList | readonly unknown[],
  other: MadeList | readonly unknown[],
  meter: Meter,
  depth: number,
): boolean {
  const length = lengthOf(one);
  if (length !== lengthOf(other)) return false;
  // Whoever cannot afford a step for each member is told at once.
  meter.spend(length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [itemOf(one, index), itemOf(other, index)];
    if (left instanceof Fault || right instanceof Fault || !areEqual(left, right, meter, depth)) return false;
  }
  return true;
}

function areMapsEqual(
  one: MadeMap | Readonly<Record<string, unknown>>,
  other: MadeMap | Readonly<Record<string, unknown>>,
  meter: Meter,
  depth: number,
): boolean {
  const names = namesOf(one, meter);
  if (names.length !== namesOf(other, meter).length) return false;
  return names.every((name) => {
    const [left, right] = [memberOf(one, name), memberOf(other, name)];
    if (left === undefined || right === undefined || left instanceof Fault || right instanceof Fault) return false;
    return areEqual(left, right, meter, depth);
  });
}

/** Says whether a list has a member, or a map a name. */
export function isIn(needle: Value, within: Value, meter: Meter): boolean | Fault {
  if (isList(within)) {
    const length = lengthOf(within);
    meter.spend(length);
    for (let index = 0; index < length; index += 1) {
      const item = itemOf(within, index);
      if (!(item instanceof Fault) && areEqual(needle, item, meter)) return true;
    }
    return false;
  }
  if (isMap(within)) {
    if (typeof needle !== 'string') return typeof needle === 'object' ? new Fault('a name is text') : false;
    meter.spend(1);
    return memberOf(within, needle) !== undefined;
  }
  return new Fault(`${typeOf(within)} has no members`);
}

/**
 * Returns a value as JSON, for schemas and messages.
 *
 * @returns `undefined` for what JSON cannot hold.
 */
export function toJson(value: Value): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof MadeList) return value.items.map(toJson);
  if (value instanceof MadeMap) return Object.fromEntries([...value.entries].map(([name, one]) => [name, toJson(one)]));
  return value;
}
