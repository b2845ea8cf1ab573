/**
 * Patterns over `server.<tool name | prompt name | URI>`: only `*` is special, so that matching needs time linear in
 * the text whatever a caller sends. Regular expressions are kept out on purpose (design §4.1).
 */

/** Longest pattern that is accepted, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 1024;

/** A compiled pattern. */
export interface Pattern {
  readonly kind: 'pattern';
  /** The text it was compiled from. */
  readonly source: string;
  /** The literal texts between the stars, unescaped; one alone means that the pattern has no star. */
  readonly literals: readonly string[];
  /** The server that every match starts with; `undefined` where a star stands in its place. */
  readonly server: string | undefined;
  /** Failure tables for the long literals between two stars, by index in `literals`. */
  readonly borders: readonly (Uint16Array | undefined)[];
}

/** Why a text is no pattern. */
export interface PatternFault {
  readonly kind: 'fault';
  /** Offset of the first wrong character, in UTF-16 units from 0. */
  readonly offset: number;
  readonly message: string;
}

const SERVER_NAME = /^[a-z][a-z0-9-]{0,23}$/;
const SERVER_PREFIX = /^[a-z][a-z0-9-]{0,23}|^$/;

/** Up to here `indexOf` costs at most a constant per character of the text. */
const SHORT_LITERAL = 8;

function fault(offset: number, message: string): PatternFault {
  return { kind: 'fault', offset, message };
}

/** The literal texts of a pattern between its stars, unescaped. */
function splitAtStars(source: string): readonly string[] | PatternFault {
  if (source === '') return fault(0, 'a pattern must not be empty');
  if (source.length > MAX_PATTERN_LENGTH) {
    return fault(MAX_PATTERN_LENGTH, `a pattern has at most ${MAX_PATTERN_LENGTH} characters`);
  }
  const literals: string[] = [];
  let literal = '';
  for (let at = 0; at < source.length; at += 1) {
    const character = source.charAt(at);
    if (character === '*') {
      // A run of stars means the same as one.
      if (literals.length === 0 || literal !== '') literals.push(literal);
      literal = '';
      continue;
    }
    if (character === '\\') {
      const escaped = source.charAt(at + 1);
      if (escaped !== '*' && escaped !== '\\') {
        return fault(at, 'only \\* (a star) and \\\\ (a backslash) are escapes');
      }
      literal += escaped;
      at += 1;
      continue;
    }
    literal += character;
  }
  literals.push(literal);
  return literals;
}

/**
 * Compiles a pattern.
 *
 * @param source `server.<rest>`, or any text in which a `*` stands for the server too. `\*` is a star and `\\` a
 *   backslash; no other escape exists.
 * @returns the pattern, or the first fault: empty, too long, a bad escape, or a server part that no server can have.
 */
export function compilePattern(source: string): Pattern | PatternFault {
  const literals = splitAtStars(source);
  if ('kind' in literals) return literals;
  const head = literals[0] ?? '';
  const dot = head.indexOf('.');
  const hasStar = literals.length > 1;
  const server = dot === -1 ? undefined : head.slice(0, dot);
  if (server !== undefined && !SERVER_NAME.test(server)) return fault(badServerOffset(server), serverMessage(server));
  if (server === undefined) {
    if (!hasStar) {
      return fault(source.length, `a pattern names a server first, as in "server.${source}", or starts with *`);
    }
    if (SERVER_PREFIX.exec(head)?.[0] !== head) return fault(badServerOffset(head), serverMessage(head));
  }
  if (server !== undefined && !hasStar && dot === head.length - 1) {
    return fault(source.length, 'a pattern needs a name or * after the server');
  }
  return { kind: 'pattern', source, literals, server, borders: literals.map(longLiteralBorders) };
}

/**
 * Compiles a pattern over any text, such as a caller's identity: no part of it stands for a server.
 *
 * @param source in which `*` matches any run of characters, `\*` is a star and `\\` a backslash.
 * @returns the pattern, or the first fault: empty, too long, or a bad escape.
 */
export function compileTextPattern(source: string): Pattern | PatternFault {
  const literals = splitAtStars(source);
  if ('kind' in literals) return literals;
  return { kind: 'pattern', source, literals, server: undefined, borders: literals.map(longLiteralBorders) };
}

function serverMessage(part: string): string {
  return `"${part}" cannot begin a server name: a to z first, then a to z, 0 to 9 and -, at most 24 characters`;
}

function badServerOffset(part: string): number {
  const good = SERVER_PREFIX.exec(part)?.[0] ?? '';
  return good.length;
}

function longLiteralBorders(literal: string, index: number, literals: readonly string[]): Uint16Array | undefined {
  const isBetweenStars = index > 0 && index < literals.length - 1;
  if (!isBetweenStars || literal.length <= SHORT_LITERAL) return undefined;
  const borders = new Uint16Array(literal.length);
  let length = 0;
  for (let at = 1; at < literal.length; at += 1) {
    while (length > 0 && literal.charCodeAt(at) !== literal.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (literal.charCodeAt(at) === literal.charCodeAt(length)) length += 1;
    borders[at] = length;
  }
  return borders;
}

/** Knuth–Morris–Pratt: the engine's own search may take text × literal steps on repetitive text. */
function findLong(text: string, literal: string, borders: Uint16Array, from: number, end: number): number {
  let length = 0;
  for (let at = from; at < end; at += 1) {
    const code = text.charCodeAt(at);
    while (length > 0 && code !== literal.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (code === literal.charCodeAt(length)) length += 1;
    if (length === literal.length) return at + 1 - length;
  }
  return -1;
}

/**
 * Says whether the whole of `text` matches, case-sensitively.
 *
 * @param pattern a compiled pattern; its stars match any run of characters, also dots, slashes and nothing.
 * @param text a target's key, `server.<name>`.
 */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const { literals } = pattern;
  const head = literals[0] ?? '';
  const last = literals.length - 1;
  if (last === 0) return text === head;
  const tail = literals[last] ?? '';
  const end = text.length - tail.length;
  if (head.length > end || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let from = head.length;
  for (let index = 1; index < last; index += 1) {
    const literal = literals[index] ?? '';
    const borders = pattern.borders[index];
    const at = borders === undefined ? text.indexOf(literal, from) : findLong(text, literal, borders, from, end);
    if (at === -1 || at + literal.length > end) return false;
    from = at + literal.length;
  }
  return true;
}

/**
 * Says whether a pattern can match anything of a server, so that a list can leave whole servers out.
 *
 * @param pattern a compiled pattern.
 * @param server a server's name.
 * @returns false only when no key that starts with `server.` matches.
 */
export function patternMayMatchServer(pattern: Pattern, server: string): boolean {
  if (pattern.server !== undefined) return pattern.server === server;
  return `${server}.`.startsWith(pattern.literals[0] ?? '');
}

/**
 * Says whether a pattern matches some text that begins with `prefix`.
 *
 * @param pattern a compiled pattern.
 * @param prefix the beginning of a key.
 */
export function patternMayMatchPrefix(pattern: Pattern, prefix: string): boolean {
  const head = pattern.literals[0] ?? '';
  return head.startsWith(prefix) || (pattern.literals.length > 1 && prefix.startsWith(head));
}

/**
 * Says whether a pattern matches every text that begins with `prefix`.
 *
 * @param pattern a compiled pattern.
 * @param prefix the beginning of a key.
 */
export function patternCoversPrefix(pattern: Pattern, prefix: string): boolean {
  return pattern.literals.length > 1 && pattern.literals.at(-1) === '' && matchesPattern(pattern, prefix);
}
