/**
 * The words of a condition, and the slips that show in them alone: people want to know about the bracket that is open or
 * the `=` that should be two, not that nothing fits.
 */
import type { ConditionFault } from './tree.ts';

/** One word of a condition. */
export interface Token {
  readonly kind: 'operand' | 'word' | 'operator' | 'open' | 'close' | 'dot' | 'separator';
  readonly text: string;
  readonly at: number;
}

function fault(at: number, length: number, message: string, suggestion: string): ConditionFault {
  return { kind: 'fault', offset: at, length: Math.max(1, length), message, suggestion };
}

/**
 * Reads the words of a condition and looks for slips.
 *
 * @param source the text of a condition.
 * @param maxLength most characters.
 * @param maxDepth most brackets inside each other.
 * @returns the words, or the first slip.
 */
export function tokensOf(source: string, maxLength: number, maxDepth: number): readonly Token[] | ConditionFault {
  if (source.length > maxLength) {
    return fault(maxLength, 1, `a condition has at most ${maxLength} characters`, 'split it over several grants');
  }
  if (source.trim() === '')
    return fault(0, 1, 'the condition is empty', "write what must be true: args.schema == 'public'");
  const tokens = readTokens(source);
  if (!Array.isArray(tokens)) return tokens;
  return findBracketFault(tokens, maxDepth) ?? findOrderFault(tokens, source) ?? tokens;
}

const space = /[\s]+|\/\/[^\n]*/y;
const string = /(?:[rRbB]{1,2})?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/y;
const rawString = /(?:[rR][bB]?|[bB][rR])(?:"[^"\n]*"|'[^'\n]*')/y;
const number = /(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[uU]?/y;
const word = /[A-Za-z_]\w*/y;
const operator = /&&|\|\||==|!=|<=|>=|[<>+\-*/%!?]/y;

/** Slips in operators, and what is meant. */
const slips: readonly (readonly [RegExp, string])[] = [
  [/===/y, '=='],
  [/!==/y, '!='],
  [/<>/y, '!='],
  [/=~/y, '.matches(…)'],
  [/=(?!=)/y, '=='],
  [/&(?!&)/y, '&&'],
  [/\|(?!\|)/y, '||'],
];

function at(pattern: RegExp, source: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(source)?.[0];
}

function readTokens(source: string): Token[] | ConditionFault {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < source.length) {
    const skipped = at(space, source, offset);
    if (skipped !== undefined) {
      offset += skipped.length;
      continue;
    }
    const token = readToken(source, offset);
    if ('message' in token) return token;
    tokens.push(token);
    offset += token.text.length;
  }
  return tokens;
}

function readToken(source: string, offset: number): Token | ConditionFault {
  const literal = at(rawString, source, offset) ?? at(string, source, offset) ?? at(number, source, offset);
  if (literal !== undefined && !(literal.startsWith('.') && /[\w)\]]/.test(source.charAt(offset - 1)))) {
    return { kind: 'operand', text: literal, at: offset };
  }
  const name = at(word, source, offset);
  if (name !== undefined) {
    return { kind: name === 'in' ? 'operator' : 'word', text: name, at: offset };
  }
  for (const [slip, meant] of slips) {
    const found = at(slip, source, offset);
    if (found !== undefined) return fault(offset, found.length, `\`${found}\` is no operator`, `write ${meant}`);
  }
  const sign = at(operator, source, offset);
  if (sign !== undefined) return { kind: 'operator', text: sign, at: offset };
  const character = source.charAt(offset);
  if ('([{'.includes(character)) return { kind: 'open', text: character, at: offset };
  if (')]}'.includes(character)) return { kind: 'close', text: character, at: offset };
  if (character === '.') return { kind: 'dot', text: character, at: offset };
  if (character === ',' || character === ':') return { kind: 'separator', text: character, at: offset };
  if (character === '"' || character === "'") {
    return fault(offset, source.length - offset, 'this text is never closed', `close it with ${character}`);
  }
  const shown = String.fromCodePoint(source.codePointAt(offset) ?? 0);
  const isCurly = /[“”‘’„]/.test(shown);
  return fault(
    offset,
    shown.length,
    `\`${shown}\` has no meaning here`,
    isCurly ? 'write straight quotes' : 'remove it, or put it in quotes if it is part of a text',
  );
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

function findBracketFault(tokens: readonly Token[], maxDepth: number): ConditionFault | undefined {
  const open: Token[] = [];
  for (const token of tokens) {
    if (token.kind === 'open') {
      open.push(token);
      if (open.length > maxDepth) {
        return fault(token.at, 1, 'this is nested too deep', `use at most ${maxDepth} brackets inside each other`);
      }
    }
    if (token.kind !== 'close') continue;
    const opener = open.pop();
    if (opener === undefined) return fault(token.at, 1, `this ${token.text} was never opened`, 'remove it');
    const wanted = closing[opener.text] ?? '';
    if (wanted !== token.text) {
      return fault(token.at, 1, `this ${token.text} closes a ${opener.text}`, `write ${wanted}`);
    }
  }
  const left = open.at(-1);
  return left && fault(left.at, 1, `this ${left.text} is never closed`, `close it with ${closing[left.text] ?? ''}`);
}

/** Words of other languages for operators. */
const wordOperators: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  not: '!',
  AND: '&&',
  OR: '||',
  NOT: '!',
};

/** What may stand where: a value, then an operator, then a value again. */
function findOrderFault(tokens: readonly Token[], source: string): ConditionFault | undefined {
  let wantsValue = true;
  let before: Token | undefined;
  for (const token of tokens) {
    const isValue = token.kind === 'operand' || token.kind === 'word';
    if (before?.kind === 'dot') {
      if (token.kind !== 'word')
        return fault(token.at, token.text.length, 'a name must follow the dot', "or write ['name']");
      wantsValue = false;
    } else if (isValue) {
      const meant = wordOperators[token.text];
      if (meant !== undefined && (!wantsValue || meant === '!')) {
        return fault(token.at, token.text.length, `\`${token.text}\` is no operator`, `write ${meant}`);
      }
      if (!wantsValue) {
        return fault(token.at, token.text.length, 'an operator is missing before this', 'write == , && or another one');
      }
      wantsValue = false;
    } else if (token.kind === 'open') {
      if (token.text === '{' && !wantsValue) wantsValue = true;
      wantsValue = true;
    } else if (token.kind === 'close') {
      const isEmpty = before?.kind === 'open' || (before?.text === ',' && token.text !== ')');
      if (wantsValue && !isEmpty)
        return fault(token.at, 1, `a value is missing before this ${token.text}`, 'complete it');
      wantsValue = false;
    } else if (token.kind === 'dot') {
      if (wantsValue) return fault(token.at, 1, 'a value is missing before this dot', 'write args.name');
    } else {
      const isPrefix = token.text === '!' || token.text === '-';
      if (wantsValue && !isPrefix) {
        return fault(token.at, token.text.length, `a value is missing before \`${token.text}\``, 'complete it');
      }
      if (!wantsValue && token.text === '!') {
        return fault(token.at, 1, 'an operator is missing before this', 'write && or || before it');
      }
      wantsValue = true;
    }
    before = token;
  }
  if (!wantsValue && before?.kind !== 'dot') return undefined;
  const last = source.trimEnd().length;
  return fault(
    Math.max(0, last - (before?.text.length ?? 1)),
    before?.text.length ?? 1,
    'the condition ends in the middle',
    'write what comes after this',
  );
}
