/** Remembers the keys of every open object during a scan, to find one that stands twice. */
import { asBuffer } from './buffers.ts';

/** Beyond this many keys in one object, a set of decoded keys replaces the comparison with each earlier key. */
const LINEAR_KEYS = 24;

/** Start value of a key's hash (FNV-1a over its bytes as decoded), as the 32-bit integer that it is remembered as. */
export const HASH_SEED = 0x811c9dc5 | 0;
/** Multiplier of a key's hash. */
export const HASH_PRIME = 0x01000193;

/**
 * Scratch that lives between scans, so that a small message allocates nothing: hash, start and end of each key of the
 * open objects, innermost last. The start is complemented where the key holds an escape. A scan never yields.
 */
let hashes = new Int32Array(2048);
let starts = new Int32Array(2048);
let ends = new Int32Array(2048);
const sets: (Set<string> | undefined)[] = [];

/** Forgets everything, after a scan. */
export function forgetAllKeys(): void {
  if (sets.length > 0) sets.length = 0;
}

/**
 * Forgets the keys of an object that closes.
 *
 * @param depth depth of the object
 */
export function forgetKeys(depth: number): void {
  if (sets.length > depth) sets[depth] = undefined;
}

/**
 * Remembers one key.
 *
 * @param bytes the text
 * @param start first byte of the key's content
 * @param end its closing quote
 * @param hash its hash as written; not used when it holds escapes
 * @param isEscaped true when it holds escapes
 * @param depth depth of its object
 * @param base number of keys remembered when its object was opened
 * @param top number of keys remembered now
 * @returns the number remembered then, or -1 when the object has this key already
 */
export function rememberKey(
  bytes: Uint8Array,
  start: number,
  end: number,
  hash: number,
  isEscaped: boolean,
  depth: number,
  base: number,
  top: number,
): number {
  const set = sets.length > depth ? sets[depth] : undefined;
  if (set !== undefined) {
    const size = set.size;
    set.add(decodeString(bytes, start, end));
    return set.size === size ? -1 : top;
  }
  const ownHash = isEscaped ? hashOf(decodeString(bytes, start, end)) : hash;
  for (let index = base; index < top; index += 1) {
    if (hashes[index] === ownHash && isSameKey(bytes, start, end, isEscaped, index)) return -1;
  }
  if (top === hashes.length) grow();
  hashes[top] = ownHash;
  starts[top] = isEscaped ? ~start : start;
  ends[top] = end;
  if (top + 1 - base <= LINEAR_KEYS) return top + 1;
  while (sets.length <= depth) sets.push(undefined);
  sets[depth] = decodedKeys(bytes, base, top + 1);
  return base;
}

function isSameKey(bytes: Uint8Array, start: number, end: number, isEscaped: boolean, index: number): boolean {
  const other = starts[index] ?? 0;
  const otherEnd = ends[index] ?? 0;
  if (isEscaped || other < 0) {
    return decodeString(bytes, start, end) === decodeString(bytes, other < 0 ? ~other : other, otherEnd);
  }
  if (otherEnd - other !== end - start) return false;
  let offset = 0;
  while (offset < end - start && bytes[start + offset] === bytes[other + offset]) offset += 1;
  return offset === end - start;
}

function decodedKeys(bytes: Uint8Array, base: number, top: number): Set<string> {
  const keys = new Set<string>();
  for (let index = base; index < top; index += 1) {
    const start = starts[index] ?? 0;
    keys.add(decodeString(bytes, start < 0 ? ~start : start, ends[index] ?? 0));
  }
  return keys;
}

function hashOf(key: string): number {
  let hash = HASH_SEED;
  for (const byte of Buffer.from(key, 'utf8')) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}

function grow(): void {
  hashes = doubled(hashes);
  starts = doubled(starts);
  ends = doubled(ends);
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/**
 * Decodes the content of a string that was found well-formed.
 *
 * @param bytes the text
 * @param start first byte after the opening quote
 * @param end the closing quote
 * @returns the string that the bytes stand for
 */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const text = asBuffer(bytes).toString('utf8', start, end);
  return text.includes('\\') ? String(JSON.parse(`"${text}"`)) : text;
}
