/** Turns the tree of a condition into closures, once, so that a call costs what the condition says and no more. */
import type { Macro, Node } from './tree.ts';
import {
  Fault,
  isList,
  isMap,
  itemOf,
  lengthOf,
  MadeList,
  MadeMap,
  memberOf,
  namesOf,
  typeOf,
  type Meter,
  type Outcome,
  type Value,
} from './values.ts';

/** What one evaluation works on. */
export interface Scope {
  readonly args: Value;
  readonly caller: Value;
  readonly target: Value;
  readonly meter: Meter;
  /** The member that a macro looks at; macros do not nest. */
  item: Value;
}

/** A part of a condition, ready to be asked. */
export type Evaluator = (scope: Scope) => Outcome;

/** Compiles a part of a condition. */
export function compile(node: Node): Evaluator {
  const inner = compileBody(node);
  return (scope) => {
    scope.meter.spend(1);
    return inner(scope);
  };
}

function compileBody(node: Node): Evaluator {
  switch (node.kind) {
    case 'constant': {
      const { value } = node;
      return () => value;
    }
    case 'root': {
      const { name } = node;
      return (scope) => scope[name];
    }
    case 'item':
      return (scope) => scope.item;
    case 'select':
      return compileSelect(compile(node.of), node.field);
    case 'has':
      return compileHas(compile(node.of), node.field);
    case 'call':
      return compileCall(node.row.apply, node.operands.map(compile));
    case 'list':
      return compileList(node.items.map(compile));
    case 'map':
      return compileMap(node.entries.map(([key, value]) => [compile(key), compile(value)] as const));
    case 'and':
      return compileLogic(node.operands.map(compile), false);
    case 'or':
      return compileLogic(node.operands.map(compile), true);
    case 'not':
      return compileNot(compile(node.of));
    case 'choose':
      return compileChoice(compile(node.test), compile(node.yes), compile(node.no));
    case 'macro':
      return compileMacro(node);
  }
}

function compileSelect(of: Evaluator, field: string): Evaluator {
  return (scope) => {
    const map = of(scope);
    if (map instanceof Fault) return map;
    if (!isMap(map)) return new Fault(`${typeOf(map)} has no field ${field}`);
    return memberOf(map, field) ?? new Fault(`there is no ${field}`);
  };
}

function compileHas(of: Evaluator, field: string): Evaluator {
  return (scope) => {
    const map = of(scope);
    if (map instanceof Fault) return map;
    return isMap(map) ? memberOf(map, field) !== undefined : new Fault(`${typeOf(map)} has no field ${field}`);
  };
}

function compileCall(
  apply: (values: readonly Value[], meter: Meter) => Outcome,
  operands: readonly Evaluator[],
): Evaluator {
  return (scope) => {
    const values: Value[] = [];
    for (const operand of operands) {
      const value = operand(scope);
      if (value instanceof Fault) return value;
      values.push(value);
    }
    return apply(values, scope.meter);
  };
}

function compileList(items: readonly Evaluator[]): Evaluator {
  return (scope) => {
    const values: Value[] = [];
    for (const item of items) {
      const value = item(scope);
      if (value instanceof Fault) return value;
      values.push(value);
    }
    return new MadeList(values);
  };
}

function compileMap(entries: readonly (readonly [Evaluator, Evaluator])[]): Evaluator {
  return (scope) => {
    const made = new Map<string, Value>();
    for (const [key, value] of entries) {
      const name = key(scope);
      if (typeof name !== 'string') return name instanceof Fault ? name : new Fault('the name of a member is text');
      if (made.has(name)) return new Fault(`the map has ${name} twice`);
      const member = value(scope);
      if (member instanceof Fault) return member;
      made.set(name, member);
    }
    return new MadeMap(made);
  };
}

/** `&&` and `||`: one operand that settles it is enough, whatever is wrong with the others. */
function compileLogic(operands: readonly Evaluator[], settling: boolean): Evaluator {
  return (scope) => {
    let fault: Fault | undefined;
    for (const operand of operands) {
      const value = operand(scope);
      if (value === settling) return settling;
      if (value !== !settling)
        fault ??= value instanceof Fault ? value : new Fault(`${typeOf(value)} is not true or false`);
    }
    return fault ?? !settling;
  };
}

function compileNot(of: Evaluator): Evaluator {
  return (scope) => {
    const value = of(scope);
    if (typeof value === 'boolean') return !value;
    return value instanceof Fault ? value : new Fault(`${typeOf(value)} is not true or false`);
  };
}

function compileChoice(test: Evaluator, yes: Evaluator, no: Evaluator): Evaluator {
  return (scope) => {
    const value = test(scope);
    if (value === true) return yes(scope);
    if (value === false) return no(scope);
    return value instanceof Fault ? value : new Fault(`${typeOf(value)} is not true or false`);
  };
}

type MacroNode = Extract<Node, { kind: 'macro' }>;

function compileMacro(node: MacroNode): Evaluator {
  const over = compile(node.over);
  const test = node.test && compile(node.test);
  const make = node.make && compile(node.make);
  const gather = gatherers[node.macro];
  return (scope) => {
    const range = over(scope);
    if (range instanceof Fault) return range;
    const members = isMap(range) ? new MadeList(namesOf(range, scope.meter)) : range;
    if (!isList(members)) return new Fault(`${typeOf(range)} has no members`);
    // Whoever cannot afford a step for each member is told at once.
    scope.meter.spend(lengthOf(members));
    return gather(members, scope, test ?? always, make ?? itemItself);
  };
}

const always: Evaluator = () => true;
const itemItself: Evaluator = (scope) => scope.item;

type Gatherer = (members: MadeList | readonly unknown[], scope: Scope, test: Evaluator, make: Evaluator) => Outcome;

/** `all` and `exists`: one member that settles it is enough, whatever is wrong with the others. */
function settling(by: boolean): Gatherer {
  return (members, scope, test) => {
    let fault: Fault | undefined;
    for (let index = 0; index < lengthOf(members); index += 1) {
      const item = itemOf(members, index);
      if (item instanceof Fault) return item;
      scope.item = item;
      const value = test(scope);
      if (value === by) return by;
      if (value !== !by) fault ??= value instanceof Fault ? value : new Fault(`${typeOf(value)} is not true or false`);
    }
    return fault ?? !by;
  };
}

const gathering: Gatherer = (members, scope, test, make) => {
  const made: Value[] = [];
  for (let index = 0; index < lengthOf(members); index += 1) {
    const item = itemOf(members, index);
    if (item instanceof Fault) return item;
    scope.item = item;
    const isTaken = test(scope);
    if (isTaken === false) continue;
    if (isTaken !== true)
      return isTaken instanceof Fault ? isTaken : new Fault(`${typeOf(isTaken)} is not true or false`);
    const value = make(scope);
    if (value instanceof Fault) return value;
    made.push(value);
  }
  return new MadeList(made);
};

const gatherers: Readonly<Record<Macro, Gatherer>> = {
  all: settling(false),
  exists: settling(true),
  exists_one: (members, scope, test, make) => {
    const found = gathering(members, scope, test, make);
    return found instanceof MadeList ? found.items.length === 1 : found;
  },
  map: gathering,
  filter: gathering,
};
