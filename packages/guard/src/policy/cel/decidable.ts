/**
 * What can be said of a condition before the arguments are known: by `==`, `in`, `&&`, `||` and `!` over the caller, the
 * target and constants on one side and single arguments on the other. Where nothing can be said, anything may hold: a
 * target is never hidden while some call of it is allowed.
 */
import { compile, type Evaluator, type Scope } from './evaluate.ts';
import type { Node } from './tree.ts';
import {
  Abandoned,
  areEqual,
  Fault,
  isList,
  isMap,
  itemOf,
  lengthOf,
  Meter,
  namesOf,
  type Outcome,
  type Value,
} from './values.ts';

/** What has to be true of one argument. */
interface Demand {
  /** The argument, e.g. `["schema"]`. */
  readonly path: string;
  readonly isOneOf: boolean;
  readonly values: readonly Value[];
}

/** Demands of which all have to be met. */
type Way = readonly Demand[];

/** Ways of which one is enough; an empty way asks nothing. */
type Ways = readonly Way[];

const ALWAYS: Ways = [[]];
const NEVER: Ways = [];

/** More ways than this are not told apart: the condition may hold. */
const MAX_WAYS = 64;
/** Most values that an argument is narrowed to. */
const MAX_VALUES = 256;

/** What is known before the arguments are. */
type Known = Pick<Scope, 'caller' | 'target'>;

/** Says in which ways a part comes out as wanted. */
type Finder = (wanted: boolean, known: Known) => Ways;

/** Asks a condition what it demands. */
export interface Decidable {
  /** False only when no arguments make the condition true. */
  canHold(known: Known): boolean;
  /** The arguments of the first level for which the condition leaves a few values only. */
  choices(known: Known): ReadonlyMap<string, readonly Value[]>;
}

/** Prepares the questions about a condition. */
export function compileDecidable(node: Node): Decidable {
  const find = prepare(node);
  const feasible = (known: Known): readonly ReadonlyMap<string, readonly Value[]>[] =>
    find(true, known).flatMap((way) => meet(way) ?? []);
  return {
    canHold: (known) => feasible(known).length > 0,
    choices: (known) => joinChoices(feasible(known)),
  };
}

function prepare(node: Node): Finder {
  if (!node.usesArgs) return prepareKnown(compile(node));
  switch (node.kind) {
    case 'and':
    case 'or': {
      const operands = node.operands.map(prepare);
      const needsAll = node.kind === 'and';
      return (wanted, known) => {
        const ways = operands.map((operand) => operand(wanted, known));
        return wanted === needsAll ? ways.reduce(both, ALWAYS) : either(ways);
      };
    }
    case 'not': {
      const of = prepare(node.of);
      return (wanted, known) => of(!wanted, known);
    }
    case 'choose': {
      const [test, yes, no] = [prepare(node.test), prepare(node.yes), prepare(node.no)];
      return (wanted, known) =>
        either([both(test(true, known), yes(wanted, known)), both(test(false, known), no(wanted, known))]);
    }
    case 'select': {
      const path = pathOf(node);
      return path === undefined ? () => ALWAYS : (wanted) => [[{ path, isOneOf: true, values: [wanted] }]];
    }
    case 'call':
      return prepareCall(node);
    default:
      return () => ALWAYS;
  }
}

/** A part that the arguments have no share in comes out one way. */
function prepareKnown(evaluate: Evaluator): Finder {
  return (wanted, known) => (evaluateKnown(evaluate, known) === wanted ? ALWAYS : NEVER);
}

const STEPS = 20_000;

function evaluateKnown(evaluate: Evaluator, known: Known): Outcome {
  try {
    return evaluate({ ...known, args: null, meter: new Meter(STEPS), item: null });
  } catch (cause) {
    if (cause instanceof Abandoned) return new Fault(cause.message);
    throw cause;
  }
}

function prepareCall(node: Extract<Node, { kind: 'call' }>): Finder {
  const [one, other] = node.operands;
  if (one === undefined || other === undefined) return () => ALWAYS;
  if (node.name === '_==_' || node.name === '_!=_') {
    const isSame = node.name === '_==_';
    const [asked, given] = one.usesArgs ? [one, other] : [other, one];
    const path = pathOf(asked);
    if (path === undefined || given.usesArgs) return () => ALWAYS;
    const evaluate = compile(given);
    return (wanted, known) => {
      const value = evaluateKnown(evaluate, known);
      return value instanceof Fault ? NEVER : [[{ path, isOneOf: wanted === isSame, values: [value] }]];
    };
  }
  const path = node.name === '@in' ? pathOf(one) : undefined;
  if (path === undefined || other.usesArgs) return () => ALWAYS;
  const evaluate = compile(other);
  return (wanted, known) => {
    const values = membersOf(evaluateKnown(evaluate, known));
    if (values === 'many') return ALWAYS;
    return values === undefined ? NEVER : [[{ path, isOneOf: wanted, values }]];
  };
}

/** The members of a list, or the names of a map; `undefined` for what has none. */
function membersOf(within: Outcome): readonly Value[] | 'many' | undefined {
  if (isMap(within)) return namesOf(within, new Meter(Number.MAX_SAFE_INTEGER)).slice(0, MAX_VALUES);
  if (!isList(within)) return undefined;
  if (lengthOf(within) > MAX_VALUES) return 'many';
  try {
    return Array.from({ length: lengthOf(within) }, (_, index) => itemOf(within, index)).filter(
      (item): item is Value => !(item instanceof Fault),
    );
  } catch (cause) {
    if (cause instanceof Abandoned) return 'many';
    throw cause;
  }
}

/** Which argument a part names, where it is nothing but that: `args.filter.kind`, `args["kind"]`. */
function pathOf(node: Node): string | undefined {
  const names: string[] = [];
  let at = node;
  for (;;) {
    if (at.kind === 'root') return at.name === 'args' && names.length > 0 ? JSON.stringify(names.reverse()) : undefined;
    if (at.kind === 'select') {
      names.push(at.field);
      at = at.of;
      continue;
    }
    const [of, index] = at.kind === 'call' && at.name === '_[_]' ? at.operands : [];
    if (of === undefined || index?.kind !== 'constant' || typeof index.value !== 'string') return undefined;
    names.push(index.value);
    at = of;
  }
}

function either(ways: readonly Ways[]): Ways {
  const all = ways.flat();
  return all.length > MAX_WAYS ? ALWAYS : all;
}

function both(one: Ways, other: Ways): Ways {
  if (one.length * other.length > MAX_WAYS) return one.length === 0 || other.length === 0 ? NEVER : loosest(one, other);
  return one.flatMap((first) => other.map((second) => [...first, ...second]));
}

/** Too many combinations to look at: the side with fewer ways is kept, so that what it rules out stays ruled out. */
function loosest(one: Ways, other: Ways): Ways {
  return one.length <= other.length ? one : other;
}

/**
 * Brings the demands of one way together, by argument.
 *
 * @returns the values left for each argument that has only some, or `undefined` when an argument has none left.
 */
function meet(way: Way): ReadonlyMap<string, readonly Value[]> | undefined {
  const left = new Map<string, readonly Value[]>();
  const meter = new Meter(Number.MAX_SAFE_INTEGER);
  const has = (values: readonly Value[], value: Value): boolean => values.some((one) => areEqual(one, value, meter));
  for (const { path, isOneOf, values } of way) {
    if (!isOneOf) continue;
    const before = left.get(path);
    left.set(path, before === undefined ? values : before.filter((value) => has(values, value)));
  }
  for (const { path, isOneOf, values } of way) {
    const before = left.get(path);
    if (!isOneOf && before !== undefined)
      left.set(
        path,
        before.filter((value) => !has(values, value)),
      );
  }
  for (const values of left.values()) if (values.length === 0) return undefined;
  return left;
}

/** What is left for an argument over all ways; an argument that one way leaves open is open. */
function joinChoices(ways: readonly ReadonlyMap<string, readonly Value[]>[]): ReadonlyMap<string, readonly Value[]> {
  const joined = new Map<string, readonly Value[]>();
  const [first, ...others] = ways;
  if (first === undefined) return joined;
  const meter = new Meter(Number.MAX_SAFE_INTEGER);
  for (const [path, values] of first) {
    const name = argumentOf(path);
    if (name === undefined) continue;
    let all: readonly Value[] | undefined = values;
    for (const way of others) {
      const more: readonly Value[] | undefined = way.get(path);
      all = more === undefined ? undefined : [...(all ?? []), ...more];
      if (all === undefined) break;
    }
    if (all === undefined || all.length > MAX_VALUES) continue;
    joined.set(
      name,
      all.filter((value, index, list) => list.findIndex((one) => areEqual(one, value, meter)) === index),
    );
  }
  return joined;
}

function argumentOf(path: string): string | undefined {
  const names: unknown = JSON.parse(path);
  const name: unknown = Array.isArray(names) && names.length === 1 ? names[0] : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** The scopes that a condition asks for in so many words: `"mcp:write" in caller.scopes`, alone or with `&&`. */
export function scopesAskedFor(node: Node): readonly string[] {
  if (node.kind === 'and') return node.operands.flatMap(scopesAskedFor);
  if (node.kind !== 'call' || node.name !== '@in') return [];
  const [scope, scopes] = node.operands;
  const isScopes =
    scopes?.kind === 'select' && scopes.field === 'scopes' && scopes.of.kind === 'root' && scopes.of.name === 'caller';
  return isScopes && scope?.kind === 'constant' && typeof scope.value === 'string' ? [scope.value] : [];
}
