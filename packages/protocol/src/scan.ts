/**
 * One pass over JSON text that decides whether it may be parsed at all: RFC 8259 grammar, bounds, duplicate keys.
 * Never recursive; on the way it can note where the members of a JSON-RPC message stand.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { asBuffer } from './buffers.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  ENDS_RUN,
  endOfLiteral,
  endOfNumber,
  endOfString,
  firstSyntaxFault,
  loneSurrogateBefore,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  skipSpace,
  ZERO,
} from './grammar.ts';
import { forgetAllKeys, forgetKeys, HASH_PRIME, HASH_SEED, rememberKey } from './keys.ts';
import { contextBelow, slotOf } from './slots.ts';
import { firstInvalidUtf8 } from './utf8.ts';

/** Bounds with every default filled in. */
export interface ScanBounds {
  readonly maxDepth: number;
  readonly maxMembers: number;
  readonly maxNodes: number;
  readonly maxStringBytes: number;
}

/** Why text was not taken. `malformed` is not JSON; the others are JSON that we refuse. */
export type JsonFaultName =
  | 'malformed'
  | 'too-deep'
  | 'too-wide'
  | 'too-long'
  | 'duplicate-key'
  | 'number-overflow'
  | 'lone-surrogate';

/** The first thing wrong with a text. */
export interface JsonFault {
  readonly name: JsonFaultName;
  /** JSON-RPC code: -32700 for `malformed`, -32600 for the others. */
  readonly code: -32700 | -32600;
  /** Byte offset where it was noticed. */
  readonly offset: number;
}

/** Depth of the innermost object whose members can have slots: `params._meta`. */
const SLOT_DEPTH = 3;

/** Per open container: members so far, keys remembered before it, and whether it is an object. Scratch, never cleared. */
let counts = new Int32Array(72);
let keyBases = new Int32Array(72);
let objects = new Uint8Array(72);
const contexts = new Int8Array(SLOT_DEPTH + 2);
const openSlots = new Int8Array(SLOT_DEPTH + 2);

/**
 * Scans one JSON text to its end.
 *
 * @param bytes the text, JSON white space around it allowed
 * @param bounds bounds to hold it to
 * @param slots where to note spans (two numbers a `Slot`), or `undefined` to note none; left half filled on a fault
 * @returns the first fault, where `malformed` wins over all others; `undefined` when the text may be parsed
 */
export function scan(bytes: Uint8Array, bounds: ScanBounds, slots: Int32Array | undefined): JsonFault | undefined {
  if (!isAscii(bytes) && !isUtf8(bytes)) return malformed(firstInvalidUtf8(bytes));
  const fault = judge(asBuffer(bytes), bounds, slots);
  forgetAllKeys();
  if (fault === undefined || fault.name === 'malformed') return fault;
  // A text that is not JSON at all is answered as such, wherever a bound was exceeded before.
  const offset = firstSyntaxFault(bytes);
  return offset < 0 ? fault : malformed(offset);
}

/** Stops at the first fault of any kind. */
function judge(bytes: Uint8Array, bounds: ScanBounds, slots: Int32Array | undefined): JsonFault | undefined {
  const { maxDepth, maxMembers, maxNodes, maxStringBytes } = bounds;
  let pos = 0;
  let byte = 0;
  let depth = 0;
  let inObject = false;
  let wantsKey = false;
  let nodes = 0;
  let count = 0;
  let keyBase = 0;
  let keyTop = 0;
  let context = 0;
  let slot = -1;

  for (;;) {
    byte = bytes[pos] ?? 0;
    if (byte <= SPACE) {
      pos = skipSpace(bytes, pos);
      byte = bytes[pos] ?? 0;
    }

    if (wantsKey) {
      if (byte !== QUOTE) return malformed(pos);
      const start = ++pos;
      let hash = HASH_SEED;
      byte = bytes[pos] ?? 0;
      while (ENDS_RUN[byte] === 0) {
        hash = Math.imul(hash ^ byte, HASH_PRIME);
        byte = bytes[++pos] ?? 0;
      }
      const isEscaped = byte === BACKSLASH;
      if (byte !== QUOTE) {
        pos = endOfString(bytes, pos);
        if (pos < 0) return malformed(~pos);
        const lone = loneSurrogateBefore(bytes, pos);
        if (lone >= 0) return refused('lone-surrogate', lone);
      }
      if (pos - start > maxStringBytes) return refused('too-long', start);
      keyTop = rememberKey(bytes, start, pos, hash, isEscaped, depth, keyBase, keyTop);
      if (keyTop < 0) return refused('duplicate-key', start);
      if (context !== 0) slot = slotOf(context, bytes, start, pos, isEscaped);
      pos += 1;
      if (bytes[pos] !== COLON) {
        pos = skipSpace(bytes, pos);
        if (bytes[pos] !== COLON) return malformed(pos);
      }
      byte = bytes[++pos] ?? 0;
      if (byte <= SPACE) {
        pos = skipSpace(bytes, pos);
        byte = bytes[pos] ?? 0;
      }
    }

    nodes += 1;
    if (nodes > maxNodes) return refused('too-wide', pos);
    if (slot >= 0 && slots !== undefined) slots[2 * slot] = pos;

    if (byte === QUOTE) {
      const start = ++pos;
      while (ENDS_RUN[bytes[pos] ?? 0] === 0) pos += 1;
      if (bytes[pos] !== QUOTE) {
        pos = endOfString(bytes, pos);
        if (pos < 0) return malformed(~pos);
        const lone = loneSurrogateBefore(bytes, pos);
        if (lone >= 0) return refused('lone-surrogate', lone);
      }
      if (pos - start > maxStringBytes) return refused('too-long', start);
      pos += 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth >= maxDepth) return refused('too-deep', pos);
      if (depth >= counts.length) deepen();
      counts[depth] = count;
      keyBases[depth] = keyBase;
      objects[depth] = inObject ? 1 : 0;
      if (depth <= SLOT_DEPTH) {
        contexts[depth] = context;
        openSlots[depth] = slot;
      }
      inObject = byte === OPEN_BRACE;
      context = slots !== undefined && inObject && depth < SLOT_DEPTH ? contextBelow(depth + 1, slot) : 0;
      slot = -1;
      depth += 1;
      count = 0;
      keyBase = keyTop;
      pos += 1;
      if ((bytes[pos] ?? 0) <= SPACE) pos = skipSpace(bytes, pos);
      if (bytes[pos] !== byte + 2) {
        if (maxMembers < 1) return refused('too-wide', pos);
        count = 1;
        wantsKey = inObject;
        continue;
      }
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const start = pos;
      pos = endOfNumber(bytes, pos);
      if (pos < 0) return malformed(~pos);
      if (pos - start > 3 && overflows(bytes, start, pos)) return refused('number-overflow', start);
    } else {
      pos = endOfLiteral(bytes, pos);
      if (pos < 0) return malformed(~pos);
    }

    // Here a value has just ended, or an empty container stands open before its closing bracket.
    for (;;) {
      if (slot >= 0) {
        if (slots !== undefined) slots[2 * slot + 1] = pos;
        slot = -1;
      }
      byte = bytes[pos] ?? 0;
      if (byte <= SPACE) {
        pos = skipSpace(bytes, pos);
        byte = bytes[pos] ?? 0;
      }
      if (depth === 0) return pos === bytes.length ? undefined : malformed(pos);
      if (byte === COMMA) {
        pos += 1;
        count += 1;
        if (count > maxMembers) return refused('too-wide', pos);
        wantsKey = inObject;
        break;
      }
      if (byte !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) return malformed(pos);
      pos += 1;
      if (inObject) forgetKeys(depth);
      keyTop = keyBase;
      depth -= 1;
      count = counts[depth] ?? 0;
      keyBase = keyBases[depth] ?? 0;
      inObject = objects[depth] === 1;
      if (depth <= SLOT_DEPTH) {
        context = contexts[depth] ?? 0;
        slot = openSlots[depth] ?? -1;
      }
    }
  }
}

function malformed(offset: number): JsonFault {
  return { name: 'malformed', code: -32700, offset };
}

function refused(name: Exclude<JsonFaultName, 'malformed'>, offset: number): JsonFault {
  return { name, code: -32600, offset };
}

/** Says whether a well-formed number is too large for a double. Only an exponent or 309 digits can make it so. */
function overflows(bytes: Uint8Array, start: number, end: number): boolean {
  let canOverflow = end - start > 308;
  for (let pos = start; !canOverflow && pos < end; pos += 1) canOverflow = ((bytes[pos] ?? 0) | 0x20) === 0x65;
  if (!canOverflow) return false;
  return !Number.isFinite(Number(asBuffer(bytes).toString('latin1', start, end)));
}

/** Grown on the way down, so that a generous bound costs nothing by itself. */
function deepen(): void {
  const size = counts.length * 2;
  const newCounts = new Int32Array(size);
  newCounts.set(counts);
  counts = newCounts;
  const newBases = new Int32Array(size);
  newBases.set(keyBases);
  keyBases = newBases;
  const newObjects = new Uint8Array(size);
  newObjects.set(objects);
  objects = newObjects;
}
