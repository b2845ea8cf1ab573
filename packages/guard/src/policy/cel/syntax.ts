/**
 * Reads conditions: the grammar of CEL over JSON values, without what conditions cannot use. Our own reader, because
 * it is as small as the language is here, says where a slip is, and checks bounds before it works.
 */
import { functions } from './functions.ts';
import { isLiteralFault, readLiteral } from './literals.ts';
import { tokensOf, type Token } from './tokens.ts';
import { nodeOf, type ConditionFault, type Macro, type Node, type NodeBody, type Root } from './tree.ts';

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

/** Most characters of a condition. */
const MAX_SOURCE = 2048;
/** Most parts of a condition. */
const MAX_NODES = 500;
/** Most brackets inside each other. */
const MAX_DEPTH = 32;

/** Stops the reading at the first thing wrong. */
class Wrong extends Error {
  readonly fault: ConditionFault;

  constructor(fault: Omit<ConditionFault, 'kind'>) {
    super(fault.message);
    this.fault = { kind: 'fault', ...fault };
  }
}

/**
 * Reads a condition.
 *
 * @param source the text, at most 2,048 characters.
 * @returns its tree, or the first thing wrong with it.
 */
export function readCondition(source: string): ReadCondition | ConditionFault {
  const tokens = tokensOf(source, MAX_SOURCE, MAX_DEPTH);
  if ('offset' in tokens) return tokens;
  try {
    const root = new ConditionReader(tokens, source.length).readAll();
    const nodes = root.kind === 'and' ? root.operands : [root];
    return {
      kind: 'condition',
      root,
      parts: nodes.map((node) => ({ node, text: source.slice(node.at, node.end) })),
    };
  } catch (cause) {
    if (cause instanceof Wrong) return cause.fault;
    throw cause;
  }
}

const relations = ['==', '!=', '<', '<=', '>', '>=', 'in'];
const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** Reads by recursive descent. */
class ConditionReader {
  private readonly tokens: readonly Token[];
  private readonly length: number;
  private next = 0;
  private count = 0;
  /** The variable of the macro whose body is read. */
  private variable: string | undefined = undefined;

  constructor(tokens: readonly Token[], length: number) {
    this.tokens = tokens;
    this.length = length;
  }

  readAll(): Node {
    const root = this.readExpression();
    const rest = this.tokens[this.next];
    if (rest !== undefined)
      this.fail(rest, `\`${rest.text}\` is not expected here`, 'write && or || before what follows');
    return root;
  }

  private fail(token: Pick<Token, 'at' | 'text'>, message: string, suggestion: string): never {
    throw new Wrong({ offset: token.at, length: Math.max(1, token.text.length), message, suggestion });
  }

  /** The next word if it is one of these, taken. */
  private take(...texts: readonly string[]): Token | undefined {
    const token = this.tokens[this.next];
    if (token === undefined || token.kind === 'operand' || !texts.includes(token.text)) return undefined;
    this.next += 1;
    return token;
  }

  private expect(text: string, suggestion: string): Token {
    const found = this.take(text);
    if (found !== undefined) return found;
    const token = this.tokens[this.next] ?? { at: Math.max(0, this.length - 1), text: ' ' };
    return this.fail(token, `a ${text} is missing`, suggestion);
  }

  private node(body: NodeBody, at: number, end: number): Node {
    this.count += 1;
    if (this.count <= MAX_NODES) return nodeOf(body, at, end);
    return this.fail({ at, text: ' ' }, `a condition has at most ${MAX_NODES} parts`, 'split it over several grants');
  }

  private readExpression(): Node {
    const test = this.readChain('or');
    if (this.take('?') === undefined) return test;
    const yes = this.readChain('or');
    this.expect(':', 'write test ? one : other');
    const no = this.readExpression();
    return this.node({ kind: 'choose', test, yes, no }, test.at, no.end);
  }

  /** `a || b || c`, or the same with `&&`: what is equal stands side by side. */
  private readChain(kind: 'and' | 'or'): Node {
    const read = (): Node => (kind === 'or' ? this.readChain('and') : this.readRelation());
    const operands = [read()];
    while (this.take(kind === 'or' ? '||' : '&&') !== undefined) operands.push(read());
    const [first] = operands;
    if (first === undefined || operands.length === 1) return first ?? this.readRelation();
    return this.node({ kind, operands }, first.at, operands.at(-1)?.end ?? first.end);
  }

  private readRelation(): Node {
    let left = this.readSum();
    for (;;) {
      const sign = this.take(...relations);
      if (sign === undefined) return left;
      left = this.operation(sign.text === 'in' ? '@in' : `_${sign.text}_`, left, this.readSum());
    }
  }

  private readSum(): Node {
    let left = this.readProduct();
    for (;;) {
      const sign = this.take('+', '-');
      if (sign === undefined) return left;
      left = this.operation(`_${sign.text}_`, left, this.readProduct());
    }
  }

  private readProduct(): Node {
    let left = this.readUnary();
    for (;;) {
      const sign = this.take('*', '/', '%');
      if (sign === undefined) return left;
      left = this.operation(`_${sign.text}_`, left, this.readUnary());
    }
  }

  private operation(name: string, one: Node, other: Node): Node {
    const row = functions.get(name);
    if (row === undefined) throw new TypeError(`no operator ${name}`);
    return this.node({ kind: 'call', name, row, operands: [one, other] }, one.at, other.end);
  }

  private readUnary(): Node {
    const sign = this.take('!', '-');
    if (sign === undefined) return this.readMember();
    const signs = [sign];
    for (let more = this.take(sign.text); more !== undefined; more = this.take(sign.text)) signs.push(more);
    const of = this.readMember();
    // Two of them undo each other, whatever they stand before.
    return signs.length % 2 === 0 ? of : this.signed(sign.text, of, sign.at);
  }

  private signed(sign: string, of: Node, at: number): Node {
    if (sign === '!') return this.node({ kind: 'not', of }, at, of.end);
    if (of.kind === 'constant' && (typeof of.value === 'bigint' || typeof of.value === 'number')) {
      return this.node({ kind: 'constant', value: -of.value }, at, of.end);
    }
    const row = functions.get('-_');
    if (row === undefined) throw new TypeError('no negation');
    return this.node({ kind: 'call', name: '-_', row, operands: [of] }, at, of.end);
  }

  private readMember(): Node {
    let of = this.readPrimary();
    for (;;) {
      if (this.take('.') !== undefined) of = this.readField(of);
      else if (this.take('[') !== undefined) {
        const index = this.readExpression();
        const close = this.expect(']', 'close the bracket');
        of = { ...this.operation('_[_]', of, index), end: close.at + 1 };
      } else return of;
    }
  }

  private readField(of: Node): Node {
    const name = this.tokens[this.next];
    if (name === undefined || name.kind !== 'word') {
      return this.fail(
        name ?? { at: of.end, text: '.' },
        'a name must follow the dot',
        "write args.name or args['name']",
      );
    }
    this.next += 1;
    if (this.take('(') !== undefined) return this.readCall(name, of);
    return this.node({ kind: 'select', of, field: name.text }, of.at, name.at + name.text.length);
  }

  private readPrimary(): Node {
    const token = this.tokens[this.next];
    if (token === undefined) return this.fail({ at: this.length - 1, text: ' ' }, 'a value is missing', 'complete it');
    this.next += 1;
    const end = token.at + token.text.length;
    if (token.kind === 'operand') {
      const value = readLiteral(token.text);
      if (!isLiteralFault(value)) return this.node({ kind: 'constant', value }, token.at, end);
      const place = { at: token.at + value.at, text: value.at === 0 ? token.text : ' ' };
      return this.fail(place, value.message, value.suggestion);
    }
    if (token.kind === 'word')
      return this.take('(') === undefined ? this.readName(token, end) : this.readCall(token, undefined);
    if (token.text === '(') {
      const inner = this.readExpression();
      const close = this.expect(')', 'close the bracket');
      return { ...inner, at: token.at, end: close.at + 1 };
    }
    if (token.text === '[') return this.readList(token);
    if (token.text === '{') return this.readMap(token);
    return this.fail(token, `a value is missing before \`${token.text}\``, 'complete it');
  }

  private readList(open: Token): Node {
    const items: Node[] = [];
    let close = this.take(']');
    while (close === undefined) {
      items.push(this.readExpression());
      if (this.take(',') === undefined) close = this.expect(']', 'write a comma between values');
      else close = this.take(']');
    }
    return this.node({ kind: 'list', items }, open.at, close.at + 1);
  }

  private readMap(open: Token): Node {
    const entries: (readonly [Node, Node])[] = [];
    let close = this.take('}');
    while (close === undefined) {
      const key = this.readExpression();
      this.expect(':', "write {'name': value}");
      entries.push([key, this.readExpression()]);
      if (this.take(',') === undefined) close = this.expect('}', 'write a comma between members');
      else close = this.take('}');
    }
    return this.node({ kind: 'map', entries }, open.at, close.at + 1);
  }

  private readName(token: Token, end: number): Node {
    const { at, text } = token;
    if (text === 'true' || text === 'false') return this.node({ kind: 'constant', value: text === 'true' }, at, end);
    if (text === 'null') return this.node({ kind: 'constant', value: null }, at, end);
    if (text === this.variable) return this.node({ kind: 'item' }, at, end);
    if (isRoot(text)) return this.node({ kind: 'root', name: text }, at, end);
    if (reserved.has(text))
      this.fail(token, `\`${text}\` is a reserved word`, `write args["${text}"] for an argument of this name`);
    if (/^[A-Z]|^google$/.test(text) && this.tokens.some(({ text: other }) => other === '{')) {
      this.fail(token, `messages such as ${text} are not known here`, 'write a map: {…}');
    }
    const known = this.variable === undefined ? roots : [...roots, this.variable];
    const meant = Object.hasOwn(otherNames, text) ? otherNames[text] : undefined;
    const message = `there is no \`${text}\``;
    if (meant !== undefined) this.fail(token, message, `did you mean \`${meant}\`?`);
    throw new Wrong({
      offset: at,
      length: text.length,
      message,
      suggestion: `a condition knows ${known.join(', ')}; an argument is args.${text}`,
      unknown: { word: text, known },
    });
  }

  /** A function or macro, whose opening bracket was taken; `of` is what stands before its dot. */
  private readCall(name: Token, of: Node | undefined): Node {
    const begin = of?.at ?? name.at;
    if (of !== undefined && isMacro(name.text)) return this.readMacro(name, name.text, of);
    if (name.text === 'has' && of === undefined) return this.readHas(name);
    const row = functions.get(name.text);
    if (row === undefined) return this.failUnknown(name);
    const args: Node[] = [];
    let close = this.take(')');
    while (close === undefined) {
      args.push(this.readExpression());
      if (this.take(',') === undefined) close = this.expect(')', 'write a comma between values');
    }
    const operands = of === undefined ? args : [of, ...args];
    if (of === undefined ? row.isMethod === 'only' : row.isMethod === undefined) {
      const message = of === undefined ? `\`${name.text}\` stands behind a dot` : `\`${name.text}\` is no method`;
      return this.fail(name, message, `write ${row.example}`);
    }
    if (operands.length !== row.operands) {
      const wanted = `${row.operands} value${row.operands === 1 ? '' : 's'}`;
      return this.fail(name, `\`${name.text}\` takes ${wanted}, not ${operands.length}`, `write ${row.example}`);
    }
    const [, second] = operands;
    if (second !== undefined) this.checkSecond(name, second);
    return this.node({ kind: 'call', name: name.text, row, operands }, begin, close.at + 1);
  }

  private checkSecond(name: Token, second: Node): void {
    const row = functions.get(name.text);
    const text = second.kind === 'constant' && typeof second.value === 'string' ? second.value : undefined;
    const place = { at: second.at, text: ' '.repeat(second.end - second.at) };
    if (row?.isFixed === true && text === undefined) {
      this.fail(place, `the text for \`${name.text}\` must stand here in quotes`, `write ${row.example}`);
    }
    const complaint = text === undefined ? undefined : row?.checkText?.(text);
    if (complaint !== undefined) this.fail(place, complaint, `write ${row?.example ?? ''}`);
  }

  private readHas(name: Token): Node {
    const field = this.readExpression();
    const close = this.take(')');
    if (close === undefined || field.kind !== 'select') {
      return this.fail(name, 'the macro `has` is not used like this', 'write has(args.name)');
    }
    return this.node({ kind: 'has', of: field.of, field: field.field }, name.at, close.at + 1);
  }

  private readMacro(name: Token, macro: Macro, over: Node): Node {
    if (this.variable !== undefined) {
      return this.fail(
        name,
        'a macro (all, exists, exists_one, map, filter) stands inside another one',
        'use one after the other, as in a.filter(x, …).all(x, …), or `in` for one of them',
      );
    }
    const misused = (): never =>
      this.fail(name, `the macro \`${name.text}\` is not used like this`, `write args.list.${name.text}(x, x != '')`);
    const variable = this.tokens[this.next];
    this.next += 1;
    if (variable?.kind !== 'word' || this.take(',') === undefined) return misused();
    if (isRoot(variable.text))
      return this.fail(variable, `\`${variable.text}\` is a fact and no variable`, 'call it x');
    this.variable = variable.text;
    const first = this.readExpression();
    const second = macro === 'map' && this.take(',') !== undefined ? this.readExpression() : undefined;
    this.variable = undefined;
    const close = this.take(')');
    if (close === undefined) return misused();
    const [test, make] =
      macro !== 'map' ? [first, undefined] : second === undefined ? [undefined, first] : [first, second];
    return this.node({ kind: 'macro', macro, over, test, make }, over.at, close.at + 1);
  }

  private failUnknown(name: Token): never {
    if (isMacro(name.text)) {
      this.fail(name, `the macro \`${name.text}\` is not used like this`, `write args.list.${name.text}(x, x != '')`);
    }
    const known = [...[...functions.keys()].filter((one) => /^[a-z]/i.test(one)), ...macros.keys(), 'has'];
    throw new Wrong({
      offset: name.at,
      length: name.text.length,
      message: `there is no function \`${name.text}\``,
      suggestion: `functions here: ${known.join(', ')}`,
      unknown: { word: name.text, known },
    });
  }
}

const macros: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ['all', 'all'],
  ['exists', 'exists'],
  ['exists_one', 'exists_one'],
  ['map', 'map'],
  ['filter', 'filter'],
]);

function isMacro(name: string): name is Macro {
  return macros.has(name);
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
