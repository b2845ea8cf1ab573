/**
 * Translates ECMA-262 patterns for the linear engine, construct by construct, so that none is read differently there.
 * Escapes that only JavaScript's older mode knows are taken literally, as schemas in the wild expect.
 */
import {
  ALIASES,
  CATEGORIES,
  complement,
  CONTROLS,
  hex,
  LAST,
  LINE_END,
  rangesText,
  SHORTHANDS,
  type Range,
} from './character-sets.ts';

/** Thrown by the translation of a pattern that the linear engine cannot do or that is malformed. */
export class UnsupportedPattern extends Error {}

/** A translated pattern. */
export interface Translation {
  readonly text: string;
  /** Unicode properties that it names, which are costly to compile. */
  readonly properties: number;
}

/** What an escape or a literal stands for: one character, or a set written as the inside of a class. */
type Atom = { readonly code: number } | { readonly inside: string };

/**
 * Translates a pattern; throws `UnsupportedPattern`.
 *
 * @param source an ECMA-262 pattern in Unicode mode.
 */
export function translatePattern(source: string): Translation {
  let properties = 0;
  let at = 0;
  let out = '';
  let open = 0;

  function fail(message: string): never {
    throw new UnsupportedPattern(message);
  }

  function readLiteral(): number {
    const code = source.codePointAt(at) ?? fail('the pattern ends too early');
    if (code >= 0xd800 && code <= 0xdfff) fail('the pattern holds half a character');
    at += code > 0xffff ? 2 : 1;
    return code;
  }

  function readHex(length: number): number {
    const digits = source.slice(at, at + length);
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) fail('an escape lacks hexadecimal digits');
    at += length;
    return Number.parseInt(digits, 16);
  }

  function readUnicode(): number {
    if (source.charAt(at) === '{') {
      const end = source.indexOf('}', at);
      const digits = source.slice(at + 1, end === -1 ? at + 1 : end);
      const code = /^[0-9a-fA-F]{1,8}$/.test(digits) ? Number.parseInt(digits, 16) : LAST + 1;
      if (code > LAST || (code >= 0xd800 && code <= 0xdfff)) fail('an escape names no character');
      at = end + 1;
      return code;
    }
    const high = readHex(4);
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || source.slice(at, at + 2) !== '\\u') fail('an escape names half a character');
    at += 2;
    const low = readHex(4);
    if (low < 0xdc00 || low > 0xdfff) fail('an escape names half a character');
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }

  function readProperty(isNegated: boolean): string {
    const end = source.indexOf('}', at);
    if (source.charAt(at) !== '{' || end === -1) fail('a property needs braces');
    const text = source.slice(at + 1, end);
    at = end + 1;
    const [name = '', value] = text.split('=', 2);
    if (value === undefined && (name === 'Any' || name === 'ASCII')) {
      const ranges: readonly Range[] = [[0, name === 'Any' ? LAST : 0x7f]];
      if (!isNegated) return rangesText(ranges);
      return name === 'Any' ? fail('a property matches nothing') : rangesText(complement(ranges));
    }
    const isCategory = value === undefined || name === 'General_Category' || name === 'gc';
    const category = isCategory ? (CATEGORIES.get(value ?? name) ?? ALIASES.get(value ?? name)) : undefined;
    const isScript = (name === 'Script' || name === 'sc') && /^[A-Z][A-Za-z_]+$/.test(value ?? '');
    const known = category ?? (isScript ? value : undefined) ?? fail('a property is not known');
    properties += 1;
    return `\\${isNegated ? 'P' : 'p'}{${known}}`;
  }

  /** Reads what follows a backslash, except for assertions and back references. */
  function readEscape(): Atom {
    const code = readLiteral();
    const letter = String.fromCodePoint(code);
    const shorthand = SHORTHANDS.get(letter);
    if (shorthand !== undefined) return { inside: rangesText(shorthand) };
    const control = CONTROLS.get(letter);
    if (control !== undefined) return { code: control };
    if (letter === 'p' || letter === 'P') return { inside: readProperty(letter === 'P') };
    if (letter === 'x') return { code: readHex(2) };
    if (letter === 'u') return { code: readUnicode() };
    if (letter === 'c') {
      const name = source.charAt(at);
      if (!/^[A-Za-z]$/.test(name)) fail('a control escape lacks its letter');
      at += 1;
      return { code: name.charCodeAt(0) % 32 };
    }
    if (letter === '0' && !/^\d/.test(source.slice(at, at + 1))) return { code: 0 };
    if (/^[1-9k]$/.test(letter)) fail('back references are not supported');
    if (/^[0-9A-Za-z]$/.test(letter)) fail(`the escape \\${letter} is not known`);
    return { code };
  }

  function readClassAtom(): Atom {
    if (source.charAt(at) !== '\\') return { code: readLiteral() };
    at += 1;
    if (source.charAt(at) === 'b') {
      at += 1;
      return { code: 0x08 };
    }
    return readEscape();
  }

  function readClass(): string {
    const isNegated = source.charAt(at) === '^';
    if (isNegated) at += 1;
    let inside = '';
    while (source.charAt(at) !== ']') {
      if (at >= source.length) fail('a class is not closed');
      const first = readClassAtom();
      const isRange = source.charAt(at) === '-' && at + 1 < source.length && source.charAt(at + 1) !== ']';
      if (!isRange) {
        inside += 'code' in first ? hex(first.code) : first.inside;
        continue;
      }
      at += 1;
      const last = readClassAtom();
      if ('inside' in first || 'inside' in last) {
        // A dash beside a set stands for itself.
        for (const atom of [first, { code: 0x2d }, last]) inside += 'code' in atom ? hex(atom.code) : atom.inside;
        continue;
      }
      if (first.code > last.code) fail('a range in a class is reversed');
      inside += `${hex(first.code)}-${hex(last.code)}`;
    }
    at += 1;
    if (inside === '') return isNegated ? `[${rangesText([[0, LAST]])}]` : `[^${rangesText([[0, LAST]])}]`;
    return `[${isNegated ? '^' : ''}${inside}]`;
  }

  function readGroup(): string {
    if (source.charAt(at) !== '?') return '(?:';
    if (source.charAt(at + 1) === ':') {
      at += 2;
      return '(?:';
    }
    const named = /^\?<[\p{L}_$][\p{L}\p{N}_$]*>/u.exec(source.slice(at, at + 80));
    if (named === null) fail('look-around and flags are not supported');
    at += named[0].length;
    return '(?:';
  }

  while (at < source.length) {
    const character = source.charAt(at);
    if (character === '\\') {
      at += 1;
      const next = source.charAt(at);
      if (next === 'b' || next === 'B') {
        at += 1;
        out += `\\${next}`;
        continue;
      }
      const atom = readEscape();
      out += 'code' in atom ? hex(atom.code) : `[${atom.inside}]`;
      continue;
    }
    const quantifier = /^(?:[*+?]|\{\d{1,6}(?:,\d{0,6})?\})\??/.exec(source.slice(at, at + 20));
    if (quantifier !== null) {
      at += quantifier[0].length;
      out += quantifier[0];
      continue;
    }
    if (character === '[') {
      at += 1;
      out += readClass();
    } else if (character === '(') {
      at += 1;
      open += 1;
      out += readGroup();
    } else if (character === ')') {
      at += 1;
      open -= 1;
      if (open < 0) fail('a group is closed that was not opened');
      out += ')';
    } else if (character === '.') {
      at += 1;
      out += `[^${rangesText(LINE_END)}]`;
    } else if (character === '^' || character === '$') {
      at += 1;
      out += character === '^' ? '\\A' : '\\z';
    } else if (character === '|') {
      at += 1;
      out += '|';
    } else {
      out += hex(readLiteral());
    }
  }
  if (open !== 0) fail('a group is not closed');
  return { text: out, properties };
}
