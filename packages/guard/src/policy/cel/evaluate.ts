/** Turns the tree of a condition into closures, once, so that a call costs what the condition says and no more. */
import type { Node } from './syntax.ts';
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
  /** The member that a macro looks at, and what it has gathered; macros do not nest. */
  item: Value;
  gathered: Outcome;
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
    case 'variable':
      return node.name === 'item' ? (scope) => scope.item : (scope) => scope.gathered;
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
    case 'unlessFalse': {
      const of = compile(node.of);
      return (scope) => of(scope) !== false;
    }
    case 'choose':
      return compileChoice(compile(node.test), compile(node.yes), compile(node.no));
    case 'loop':
      return compileLoop(node);
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

function compileLoop(node: Extract<Node, { kind: 'loop' }>): Evaluator {
  const [over, start, goesOn] = [compile(node.over), compile(node.start), compile(node.goesOn)];
  const [step, result] = [compile(node.step), compile(node.result)];
  return (scope) => {
    const gathered = start(scope);
    const range = over(scope);
    if (range instanceof Fault) return range;
    const members = isMap(range) ? new MadeList(namesOf(range, scope.meter)) : range;
    if (!isList(members)) return new Fault(`${typeOf(range)} has no members`);
    scope.gathered = gathered;
    const length = lengthOf(members);
    scope.meter.spend(length);
    for (let index = 0; index < length; index += 1) {
      const item = itemOf(members, index);
      if (item instanceof Fault) return item;
      scope.item = item;
      const more = goesOn(scope);
      if (more instanceof Fault) return more;
      if (more !== true) break;
      scope.gathered = step(scope);
    }
    return result(scope);
  };
}
