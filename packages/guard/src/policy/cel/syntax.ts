/**
 * The expression of a condition as a tree, checked when the file is loaded: only what conditions may use, within bounds.
 * The grammar is that of CEL; @bufbuild/cel parses it.
 */
import { parse, unparse } from '@bufbuild/cel';
import { findSyntaxFault } from './diagnose.ts';
import { functions, type FunctionRow } from './functions.ts';
import type { Value } from './values.ts';

/** Names of the facts. */
export type Root = 'args' | 'caller' | 'target';

/** One part of an expression. `at` is its offset in the text. */
export type Node = NodeBody & { readonly at: number } & Uses;

/** Which facts a part looks at, itself or below. */
export interface Uses {
  readonly usesArgs: boolean;
  readonly usesCaller: boolean;
  readonly usesTarget: boolean;
}

/** What a part is. */
export type NodeBody =
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'root'; readonly name: Root }
  /** The variable of a macro, or what it has gathered so far. */
  | { readonly kind: 'variable'; readonly name: 'item' | 'gathered' }
  | { readonly kind: 'select'; readonly of: Node; readonly field: string }
  | { readonly kind: 'has'; readonly of: Node; readonly field: string }
  | { readonly kind: 'call'; readonly name: string; readonly row: FunctionRow; readonly operands: readonly Node[] }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Node, Node])[] }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Node[] }
  | { readonly kind: 'not'; readonly of: Node }
  | { readonly kind: 'unlessFalse'; readonly of: Node }
  | { readonly kind: 'choose'; readonly test: Node; readonly yes: Node; readonly no: Node }
  | {
      readonly kind: 'loop';
      readonly over: Node;
      readonly start: Node;
      readonly goesOn: Node;
      readonly step: Node;
      readonly result: Node;
    };

/** One of the operands that must all hold, with its text. */
export interface Part {
  readonly node: Node;
  readonly text: string;
}

/** A condition as a tree. */
export interface ReadCondition {
  readonly kind: 'condition';
  readonly root: Node;
  /** What stands between `&&`; one where there is none. */
  readonly parts: readonly Part[];
}

/** Why a text is no condition. */
export interface ConditionFault {
  readonly kind: 'fault';
  /** Offset of the first wrong character, in UTF-16 units from 0. */
  readonly offset: number;
  /** How many characters are wrong, at least 1. */
  readonly length: number;
  readonly message: string;
  readonly suggestion: string;
  /** A word that nobody knows, and those that could be meant, where that is what is wrong. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[] };
}

/** Most characters of a condition. */
export const MAX_SOURCE = 2048;
/** Most parts of a condition. */
const MAX_NODES = 500;
/** Deepest nesting. */
const MAX_DEPTH = 32;

type Expr = ReturnType<typeof parse>['expr'];

/** Stops the walk at the first thing wrong. */
class Wrong extends Error {
  readonly fault: ConditionFault;

  constructor(
    offset: number,
    length: number,
    message: string,
    suggestion: string,
    unknown?: ConditionFault['unknown'],
  ) {
    super(message);
    const fault = { kind: 'fault', offset, length: Math.max(1, length), message, suggestion } as const;
    this.fault = unknown === undefined ? fault : { ...fault, unknown };
  }
}

/**
 * Reads a condition.
 *
 * @param source the text, at most 2,048 characters.
 * @returns its tree, or the first thing wrong with it.
 */
export function readCondition(source: string): ReadCondition | ConditionFault {
  const early = findSyntaxFault(source, MAX_SOURCE, MAX_DEPTH);
  if (early !== undefined) return early;
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(source);
  } catch (cause) {
    return fromParser(cause, source);
  }
  try {
    const root = createReader(source, parsed.sourceInfo?.positions ?? {}).read(parsed.expr, 0);
    const nodes = root.kind === 'and' ? root.operands : [root];
    const exprs = root.kind === 'and' ? flat('_&&_', [parsed.expr]) : [parsed.expr];
    const parts = nodes.map((node, index): Part => {
      const expr = exprs[index] ?? parsed.expr;
      return { node, text: unparse({ ...parsed, expr }) };
    });
    return { kind: 'condition', root, parts };
  } catch (cause) {
    if (cause instanceof Wrong) return cause.fault;
    throw cause;
  }
}

function fromParser(cause: unknown, source: string): ConditionFault {
  const place = cause instanceof Error && 'location' in cause ? cause.location : undefined;
  const start =
    typeof place === 'object' && place !== null && 'start' in place && typeof place.start === 'object'
      ? place.start
      : null;
  const offset = start !== null && 'offset' in start && typeof start.offset === 'number' ? start.offset : 0;
  const word = /^[A-Za-z_]\w*/.exec(source.slice(offset))?.[0];
  const isReserved = cause instanceof Error && cause.message.includes('reserved');
  if (isReserved && word !== undefined) {
    return {
      kind: 'fault',
      offset,
      length: word.length,
      message: `\`${word}\` is a reserved word`,
      suggestion: `write ["${word}"] for a field of this name`,
    };
  }
  return {
    kind: 'fault',
    offset: Math.min(offset, Math.max(0, source.length - 1)),
    length: 1,
    message: 'this is not an expression of CEL from here on',
    suggestion: "write something like args.schema == 'public' && args.limit <= 100",
  };
}

interface Reader {
  read(expr: Expr | undefined, depth: number): Node;
}

function createReader(source: string, positions: Readonly<Record<string, number>>): Reader {
  let count = 0;
  /** The variable of the macro whose body is read. */
  let variable: string | undefined;

  const placeOf = (expr: Expr): number => positions[String(expr.id)] ?? 0;

  function read(expr: Expr | undefined, depth: number): Node {
    if (expr === undefined) throw new Wrong(0, 1, 'a part of this expression is missing', 'complete it');
    const at = placeOf(expr);
    count += 1;
    if (count > MAX_NODES) {
      throw new Wrong(at, 1, `a condition has at most ${MAX_NODES} parts`, 'split it over several grants');
    }
    // Operands of && and || are balanced by the parser, and macros are a few levels by themselves.
    if (depth > MAX_DEPTH * 2) throw new Wrong(at, 1, 'this is nested too deep', `use at most ${MAX_DEPTH} levels`);
    const body = readBody(expr, at, depth);
    return withUses(body, at);
  }

  function readBody(expr: Expr, at: number, depth: number): NodeBody {
    const { exprKind } = expr;
    const below = (child: Expr | undefined): Node => read(child, depth + 1);
    switch (exprKind.case) {
      case 'constExpr':
        return { kind: 'constant', value: readConstant(exprKind.value.constantKind, at) };
      case 'identExpr':
        return readName(exprKind.value.name, at);
      case 'selectExpr': {
        const { operand, field, testOnly } = exprKind.value;
        return { kind: testOnly ? 'has' : 'select', of: below(operand), field };
      }
      case 'listExpr':
        return { kind: 'list', items: exprKind.value.elements.map(below) };
      case 'structExpr': {
        const { messageName, entries } = exprKind.value;
        if (messageName !== '') {
          throw new Wrong(
            at,
            messageName.length,
            `messages such as ${messageName}{} are not known here`,
            'write a map: {…}',
          );
        }
        return {
          kind: 'map',
          entries: entries.map((entry) => {
            const key = entry.keyKind.case === 'mapKey' ? below(entry.keyKind.value) : undefined;
            if (key === undefined) throw new Wrong(at, 1, 'a map needs keys in quotes', "write {'name': value}");
            return [key, below(entry.value)] as const;
          }),
        };
      }
      case 'callExpr':
        return readCall(exprKind.value.function, exprKind.value.target, exprKind.value.args, at, depth);
      case 'comprehensionExpr':
        return readLoop(exprKind.value, at, depth);
      default:
        throw new Wrong(at, 1, 'this is not an expression', 'complete it');
    }
  }

  function readLoop(
    loop: Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'],
    at: number,
    depth: number,
  ): NodeBody {
    if (variable !== undefined) {
      const word = /^\.?\s*(\w*)/.exec(source.slice(at))?.[1] ?? '';
      throw new Wrong(
        at,
        Math.max(1, word.length),
        'a macro (all, exists, exists_one, map, filter) stands inside another one',
        'use one after the other, as in a.filter(x, …).all(x, …), or `in` for one of them',
      );
    }
    const over = read(loop.iterRange, depth + 1);
    const name = loop.iterVar;
    if (isRoot(name)) throw new Wrong(at, 1, `\`${name}\` is a fact and no name for a variable`, 'call it x');
    const start = read(loop.accuInit, depth + 1);
    variable = name;
    const goesOn = read(loop.loopCondition, depth + 1);
    const step = read(loop.loopStep, depth + 1);
    variable = undefined;
    const result = read(loop.result, depth + 1);
    return { kind: 'loop', over, start, goesOn, step, result };
  }

  function readName(name: string, at: number): NodeBody {
    if (name === '@result') return { kind: 'variable', name: 'gathered' };
    if (name === variable) return { kind: 'variable', name: 'item' };
    if (isRoot(name)) return { kind: 'root', name };
    const known = variable === undefined ? roots : [...roots, variable];
    const meant = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
    const message = `there is no \`${name}\``;
    if (meant !== undefined) throw new Wrong(at, name.length, message, `did you mean \`${meant}\`?`);
    const suggestion = `a condition knows ${known.join(', ')}; an argument is args.${name}`;
    throw new Wrong(at, name.length, message, suggestion, { word: name, known });
  }

  function readCall(
    name: string,
    target: Expr | undefined,
    args: readonly Expr[],
    at: number,
    depth: number,
  ): NodeBody {
    const operands = (): Node[] =>
      [...(target === undefined ? [] : [target]), ...args].map((arg) => read(arg, depth + 1));
    switch (name) {
      case '_&&_':
      case '_||_':
        return { kind: name === '_&&_' ? 'and' : 'or', operands: flat(name, args).map((arg) => read(arg, depth + 1)) };
      case '!_':
        return { kind: 'not', of: read(args[0], depth + 1) };
      case '@not_strictly_false':
        return { kind: 'unlessFalse', of: read(args[0], depth + 1) };
      case '_?_:_':
        return {
          kind: 'choose',
          test: read(args[0], depth + 1),
          yes: read(args[1], depth + 1),
          no: read(args[2], depth + 1),
        };
      default:
        break;
    }
    const isOperator = /^(?:_|@|-_)/.test(name);
    const row = functions.get(name);
    const isMethod = target !== undefined;
    if (row === undefined) throw unknownFunction(name, placeOfWord(name, at));
    if (!isOperator && (isMethod ? row.isMethod === undefined : row.isMethod === 'only')) {
      const message = isMethod ? `\`${name}\` is no method` : `\`${name}\` stands behind a dot`;
      throw new Wrong(placeOfWord(name, at), name.length, message, `write ${row.example}`);
    }
    const given = args.length + (target === undefined ? 0 : 1);
    if (given !== row.operands) {
      throw new Wrong(
        placeOfWord(name, at),
        name.length,
        `\`${name}\` takes ${row.operands} value${row.operands === 1 ? '' : 's'}, not ${given}`,
        `write ${row.example}`,
      );
    }
    const values = operands();
    const second = values[1];
    const text = second?.kind === 'constant' && typeof second.value === 'string' ? second.value : undefined;
    if (row.isFixed === true && second !== undefined && text === undefined) {
      throw new Wrong(second.at, 1, `the text for \`${name}\` must stand here in quotes`, `write ${row.example}`);
    }
    const complaint = text === undefined ? undefined : row.checkText?.(text);
    if (complaint !== undefined && second !== undefined) {
      throw new Wrong(second.at, (text ?? '').length + 2, complaint, `write ${row.example}`);
    }
    return { kind: 'call', name, row, operands: values };
  }

  /** Where a function's name stands: the parser tells where its dot or bracket does. */
  function placeOfWord(name: string, at: number): number {
    const found = source.indexOf(name, Math.max(0, at - name.length - 1));
    return found === -1 ? at : found;
  }

  return { read };
}

function unknownFunction(name: string, at: number): Wrong {
  const macros = ['all', 'exists', 'exists_one', 'map', 'filter', 'has'];
  if (macros.includes(name)) {
    const example = name === 'has' ? 'has(args.name)' : `args.list.${name}(x, x != '')`;
    return new Wrong(at, name.length, `the macro \`${name}\` is not used like this`, `write ${example}`);
  }
  const known = [...functions.keys()].filter((one) => /^[a-z]/i.test(one));
  const all = [...known, ...macros];
  const suggestion = `functions here: ${all.join(', ')}`;
  return new Wrong(at, name.length, `there is no function \`${name}\``, suggestion, { word: name, known: all });
}

/** The parser nests `a && b && c`; what is equal stands side by side here. */
function flat(name: string, args: readonly Expr[]): readonly Expr[] {
  return args.flatMap((arg) => {
    const { exprKind } = arg;
    return exprKind.case === 'callExpr' && exprKind.value.function === name ? flat(name, exprKind.value.args) : [arg];
  });
}

type ConstantKind = Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'];

function readConstant(constant: ConstantKind, at: number): Value {
  switch (constant.case) {
    case 'boolValue':
    case 'stringValue':
    case 'doubleValue':
      return constant.value;
    case 'nullValue':
      return null;
    case 'int64Value':
      if (constant.value > 2n ** 53n - 1n || constant.value < -(2n ** 53n) + 1n) {
        const digits = String(constant.value).length;
        throw new Wrong(at, digits, 'whole numbers end at 2^53 here', 'compare it as text, if the server takes text');
      }
      return constant.value;
    case 'uint64Value':
      throw new Wrong(at, 1, 'numbers have no sign of their own here', `write ${String(constant.value)}`);
    default:
      throw new Wrong(at, 1, 'bytes are not known here: arguments are JSON', "write text: '…'");
  }
}

const roots: readonly Root[] = ['args', 'caller', 'target'];

/** What people write who know other policy languages. */
const otherNames: Readonly<Record<string, string>> = {
  arguments: 'args',
  argument: 'args',
  params: 'args',
  input: 'args',
  request: 'args',
  principal: 'caller',
  user: 'caller',
  subject: 'caller',
  client: 'caller',
  identity: 'caller',
  claims: 'caller.claims',
  scopes: 'caller.scopes',
  roles: 'caller.roles',
  agent: 'caller.agent',
  tool: 'target',
  resource: 'target',
  uri: 'args.uri',
};

function isRoot(name: string): name is Root {
  return name === 'args' || name === 'caller' || name === 'target';
}

function withUses(body: NodeBody, at: number): Node {
  const children = childrenOf(body);
  const uses = (name: Root, key: keyof Uses): boolean =>
    (body.kind === 'root' && body.name === name) || children.some((child) => child[key]);
  return {
    ...body,
    at,
    usesArgs: uses('args', 'usesArgs'),
    usesCaller: uses('caller', 'usesCaller'),
    usesTarget: uses('target', 'usesTarget'),
  };
}

/** The parts right below a part. */
export function childrenOf(body: NodeBody): readonly Node[] {
  switch (body.kind) {
    case 'constant':
    case 'root':
    case 'variable':
      return [];
    case 'select':
    case 'has':
    case 'not':
    case 'unlessFalse':
      return [body.of];
    case 'call':
    case 'and':
    case 'or':
      return body.operands;
    case 'list':
      return body.items;
    case 'map':
      return body.entries.flat();
    case 'choose':
      return [body.test, body.yes, body.no];
    case 'loop':
      return [body.over, body.start, body.goesOn, body.step, body.result];
  }
}
