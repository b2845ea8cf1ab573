/**
 * Members of `_meta` under the gateway's own prefix, by which callers know its words from a server's: a server has none,
 * so what it sends under that prefix goes no further.
 */
import { isObject, locate, splice } from '@sallyport/protocol';

const prefix = 'io.sallyport/';

/** How such a key may begin in JSON text, whose slash may be escaped too, and how an escaped letter looks. */
const plainSign = Buffer.from('io.sallyport');
const escapeSign = Buffer.from('\\u');

/** False when no key in this text can be under the gateway's prefix. */
export function mayHoldOurMark(text: Uint8Array): boolean {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  return bytes.includes(plainSign) || bytes.includes(escapeSign);
}

/**
 * Takes the gateway's own members out of a `_meta`; everything else stays.
 *
 * @param text - JSON text
 * @param holder - the object in it that has the `_meta`, parsed
 * @param at - where that object is in the text
 */
export function dropOurMarks(text: Uint8Array, holder: unknown, at: readonly string[]): Uint8Array {
  const meta = isObject(holder) ? holder['_meta'] : undefined;
  if (!isObject(meta)) return text;
  const kept = Object.entries(meta).filter(([key]) => !key.startsWith(prefix));
  if (kept.length === Object.keys(meta).length) return text;
  const place = locate(text, [...at, '_meta']);
  if (place === undefined) return text;
  return splice(text, [{ ...place, bytes: Buffer.from(JSON.stringify(Object.fromEntries(kept))) }]);
}
