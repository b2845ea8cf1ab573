/**
 * Bounds on the text of a YAML file, checked before it is parsed: the parser keeps objects for every bracket and alias,
 * so a file of brackets would cost a thousand times its size.
 */
import { Lexer } from 'yaml';

/** Deepest nesting of lists and mappings; the grammar needs eight. */
export const MAX_DEPTH = 32;
/** Most aliases in one file, as looking one up costs a walk through the file. */
export const MAX_ALIASES = 256;
/** Most tokens; a key with a value is seven. */
const MAX_TOKENS = 400_000;

/** What is too much, and where it begins. */
export interface Excess {
  /** Offset in the text, UTF-16 units from 0. */
  readonly offset: number;
  readonly message: string;
  readonly suggestion: string;
}

/** The lexer's mark before a plain or block text: what follows is no bracket and no alias. */
const TEXT_FOLLOWS = '\u001f';

/** Returns the first bound that a text breaks, in time linear in the text. */
export function findExcess(text: string): Excess | undefined {
  let offset = 0;
  let depth = 0;
  let aliases = 0;
  let tokens = 0;
  let isText = false;
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (!isText) {
      if (token === '[' || token === '{') depth += 1;
      else if (token === ']' || token === '}') depth -= 1;
      else if (token.startsWith('*')) aliases += 1;
    }
    if (depth > MAX_DEPTH)
      return { offset, message: 'the file is nested too deep', suggestion: `use at most ${MAX_DEPTH} levels` };
    if (aliases > MAX_ALIASES) {
      return {
        offset,
        message: `the file has more than ${MAX_ALIASES} aliases`,
        suggestion: 'write the values out, in quotes if they are patterns',
      };
    }
    if (tokens > MAX_TOKENS) {
      return {
        offset,
        message: 'the file has too many values',
        suggestion: 'move upstreams and roles to several included files',
      };
    }
    isText = token === TEXT_FOLLOWS;
    // The lexer's own marks are single control characters that do not stand in the text.
    if (!isMark(token)) offset += token.length;
  }
  return undefined;
}

function isMark(token: string): boolean {
  return token === '\u0002' || token === '\u0018' || token === TEXT_FOLLOWS;
}
