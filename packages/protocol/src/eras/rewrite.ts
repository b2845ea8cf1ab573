/** Writes an object anew with some members left out and some put in; what stays is copied as it was written. */
import { members } from '../members.ts';
import type { Span } from '../message.ts';

const COMMA = Buffer.from(',');
const OPEN = Buffer.from('{');
const CLOSE = Buffer.from('}');
const NO_BYTES = new Uint8Array(0);

/**
 * Rewrites one object.
 *
 * @param bytes text that was read without a fault
 * @param object span of the object; `undefined` for a new one
 * @param isKept asked for each key, escapes resolved
 * @param added keys with values as JSON text, put in front; they must not be among the kept
 * @returns the new object; `{}` when nothing is left
 */
export function rewriteObject(
  bytes: Uint8Array,
  object: Span | undefined,
  isKept: (key: string) => boolean,
  added: readonly (readonly [key: string, value: Uint8Array])[] = [],
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of added) {
    parts.push(parts.length === 0 ? OPEN : COMMA, Buffer.from(`${JSON.stringify(key)}:`), value);
  }
  const present = object === undefined ? [] : members(bytes, object);
  for (const { key, keySpan, value } of present) {
    if (isKept(key)) parts.push(parts.length === 0 ? OPEN : COMMA, bytes.subarray(keySpan.start, value.end));
  }
  if (parts.length === 0) parts.push(OPEN);
  parts.push(CLOSE);
  return Buffer.concat(parts);
}

/**
 * Says whether an object written by `rewriteObject` has no members.
 *
 * @param object the object
 * @returns true for `{}`
 */
export function isEmptyObject(object: Uint8Array): boolean {
  return object.length === 2;
}

/**
 * Writes a value as JSON text.
 *
 * @param value anything that JSON has
 * @returns its bytes
 */
export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/**
 * Writes an object that was nowhere before.
 *
 * @param entries keys with values as JSON text
 * @returns the object
 */
export function newObject(entries: readonly (readonly [key: string, value: Uint8Array])[]): Uint8Array {
  return rewriteObject(NO_BYTES, undefined, () => false, entries);
}
