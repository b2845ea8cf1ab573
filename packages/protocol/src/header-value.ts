/** Values of `Mcp-Name` and `Mcp-Param-*` headers (2026-07-28 streamable-http, "Value Encoding"). */
import { isUtf8 } from 'node:buffer';

const PREFIX = '=?base64?';
const SUFFIX = '?=';

/** What a header value stands for. */
export type DecodedValue = { readonly ok: true; readonly value: string } | { readonly ok: false };

const REFUSED: DecodedValue = { ok: false };

/**
 * Writes a value so that any HTTP hop carries it unchanged.
 *
 * @param value any text
 * @returns the value itself, or its base64 form when it is not plain visible ASCII, has white space at an end, or looks
 *   like a base64 form; never a CR or LF
 * @throws RangeError when the value holds a lone surrogate, which no UTF-8 can carry
 */
export function encodeHeaderValue(value: string): string {
  if (isPlain(value) && stripOws(value) === value && !looksEncoded(value)) return value;
  if (!value.isWellFormed()) throw new RangeError('a header value cannot carry a lone surrogate');
  return `${PREFIX}${Buffer.from(value, 'utf8').toString('base64')}${SUFFIX}`;
}

/**
 * Reads a value. The markers are case-sensitive; base64 must be canonical with its padding, and UTF-8 inside.
 *
 * @param value the field value as received, white space at its ends allowed
 * @returns the text, or a refusal when the value holds bytes that a field may not or a broken base64 form
 */
export function decodeHeaderValue(value: string): DecodedValue {
  const text = stripOws(value);
  if (!isPlain(text)) return REFUSED;
  if (!looksEncoded(text)) return { ok: true, value: text };
  // Prefix and suffix share a question mark in `=?base64?=`, which is neither a plain value nor an encoded one.
  if (text.length < PREFIX.length + SUFFIX.length) return REFUSED;
  const base64 = text.slice(PREFIX.length, -SUFFIX.length);
  const bytes = Buffer.from(base64, 'base64');
  // The decoder is lenient; encoding again shows whether it had to be.
  if (bytes.toString('base64') !== base64 || !isUtf8(bytes)) return REFUSED;
  return { ok: true, value: bytes.toString('utf8') };
}

/**
 * Takes optional white space (RFC 9110 §5.6.3) off both ends.
 *
 * @param value a field value
 * @returns the value without it
 */
export function stripOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start += 1;
  while (end > start && isOws(value.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isPlain(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false;
  }
  return true;
}

function looksEncoded(value: string): boolean {
  return value.startsWith(PREFIX) && value.endsWith(SUFFIX);
}
