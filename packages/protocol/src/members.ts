/** Finds members in bytes that were read before, for edits off the hot path. */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  endOfString,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  skipSpace,
} from './grammar.ts';
import { decodeString } from './keys.ts';
import type { Span } from './message.ts';

/** One member of an object. */
export interface Member {
  /** The key with its escapes resolved. */
  readonly key: string;
  /** The key as written, with its quotes. */
  readonly keySpan: Span;
  readonly value: Span;
}

/**
 * Walks the members of an object in their order.
 *
 * @param bytes text that was read without a `malformed` fault
 * @param object span of the object; the iteration is empty when something else stands there
 * @returns an iterator over its members
 */
export function* members(bytes: Uint8Array, object: Span): Generator<Member, void, undefined> {
  if (bytes[object.start] !== OPEN_BRACE) return;
  let pos = skipSpace(bytes, object.start + 1);
  while (bytes[pos] === QUOTE) {
    const quote = endOfString(bytes, pos + 1);
    const start = skipSpace(bytes, skipSpace(bytes, quote + 1) + 1);
    const end = endOfValue(bytes, start);
    yield { key: decodeString(bytes, pos + 1, quote), keySpan: { start: pos, end: quote + 1 }, value: { start, end } };
    pos = skipSpace(bytes, end);
    if (bytes[pos] === COMMA) pos = skipSpace(bytes, pos + 1);
  }
}

/**
 * Finds a member of an object.
 *
 * @param bytes text that was read without a `malformed` fault
 * @param object span of the object
 * @param key the key, escapes resolved
 * @returns the member, or `undefined` when there is none or the span is no object
 */
export function memberOf(bytes: Uint8Array, object: Span, key: string): Member | undefined {
  for (const member of members(bytes, object)) if (member.key === key) return member;
  return undefined;
}

/**
 * Finds a value below the outermost one.
 *
 * @param bytes text that was read without a fault
 * @param path keys of objects and positions in arrays from the outside inwards; empty for the whole document
 * @returns where the value stands, or `undefined` when there is none
 */
export function locate(bytes: Uint8Array, path: readonly (string | number)[]): Span | undefined {
  const start = skipSpace(bytes, 0);
  let span: Span | undefined = { start, end: endOfValue(bytes, start) };
  for (const step of path) {
    if (span === undefined) return undefined;
    span = typeof step === 'number' ? elementOf(bytes, span, step) : memberOf(bytes, span, step)?.value;
  }
  return span;
}

/** Finds an element of an array by its position, from 0. */
function elementOf(bytes: Uint8Array, array: Span, position: number): Span | undefined {
  if (bytes[array.start] !== OPEN_BRACKET) return undefined;
  let start = skipSpace(bytes, array.start + 1);
  for (let i = 0; bytes[start] !== CLOSE_BRACKET; i++) {
    const end = endOfValue(bytes, start);
    if (i === position) return { start, end };
    const next = skipSpace(bytes, end);
    if (bytes[next] !== COMMA) return undefined;
    start = skipSpace(bytes, next + 1);
  }
  return undefined;
}

/** Steps over one value of well-formed text. Nesting needs a number only, as brackets are known to pair up. */
function endOfValue(bytes: Uint8Array, from: number): number {
  let pos = from;
  let depth = 0;
  while (pos < bytes.length) {
    const byte = bytes[pos] ?? 0;
    if (byte === QUOTE) {
      pos = endOfString(bytes, pos + 1) + 1;
      if (depth === 0) return pos;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      pos += 1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return pos;
      depth -= 1;
      pos += 1;
      if (depth === 0) return pos;
    } else if (depth === 0 && (byte === COMMA || byte <= SPACE)) return pos;
    else pos += 1;
  }
  return pos;
}
