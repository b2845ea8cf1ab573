/** The tokens of RFC 8259 over bytes, and the check that a text is JSON at all, whatever its size or meaning. */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const SPACE = 0x20;
export const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** 1 for the bytes that end a run of plain string content: quote, backslash, control characters. */
export const ENDS_RUN = new Uint8Array(256);
ENDS_RUN.fill(1, 0, SPACE);
ENDS_RUN[QUOTE] = 1;
ENDS_RUN[BACKSLASH] = 1;

/** 1 for the characters that may follow a backslash alone. */
const SIMPLE_ESCAPE = new Uint8Array(256);
for (const character of '"\\/bfnrt') SIMPLE_ESCAPE[character.charCodeAt(0)] = 1;

/**
 * Skips JSON white space.
 *
 * @param bytes the text
 * @param from where to begin
 * @returns offset of the first other byte; the length at the end
 */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let pos = from;
  let byte = bytes[pos] ?? 0;
  while (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++pos] ?? 0;
  return pos;
}

/** First escape of a surrogate that the last `endOfString` met, or -1. Looked at right after it, in the same scan. */
let surrogate = -1;

/**
 * Reads a string from anywhere in its content.
 *
 * @param bytes the text
 * @param from an offset within the content, not within an escape
 * @returns offset of the closing quote, or `~offset` of the fault
 */
export function endOfString(bytes: Uint8Array, from: number): number {
  surrogate = -1;
  let pos = from;
  for (;;) {
    while (ENDS_RUN[bytes[pos] ?? 0] === 0) pos += 1;
    const byte = bytes[pos] ?? 0;
    if (byte === QUOTE) return pos;
    if (byte !== BACKSLASH) return ~pos;
    const escape = bytes[pos + 1] ?? 0;
    if (SIMPLE_ESCAPE[escape] === 1) {
      pos += 2;
      continue;
    }
    const unit = escape === LETTER_U ? hexUnit(bytes, pos + 2) : -1;
    if (unit < 0) return ~pos;
    if (surrogate < 0 && unit >= 0xd800 && unit <= 0xdfff) surrogate = pos;
    pos += 6;
  }
}

/**
 * Finds an escaped surrogate without its partner in the string that `endOfString` has just read.
 *
 * @param bytes the text
 * @param end what `endOfString` returned
 * @returns offset of the escape, or -1
 */
export function loneSurrogateBefore(bytes: Uint8Array, end: number): number {
  let pos = surrogate < 0 ? end : surrogate;
  while (pos < end) {
    if (bytes[pos] !== BACKSLASH) {
      pos += 1;
      continue;
    }
    if (bytes[pos + 1] !== LETTER_U) {
      pos += 2;
      continue;
    }
    const unit = hexUnit(bytes, pos + 2);
    if (unit < 0xd800 || unit > 0xdfff) {
      pos += 6;
      continue;
    }
    if (unit > 0xdbff || bytes[pos + 6] !== BACKSLASH || bytes[pos + 7] !== LETTER_U) return pos;
    const low = hexUnit(bytes, pos + 8);
    if (low < 0xdc00 || low > 0xdfff) return pos;
    pos += 12;
  }
  return -1;
}

/** Reads four hexadecimal digits; -1 where they are not. */
function hexUnit(bytes: Uint8Array, from: number): number {
  let unit = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = bytes[from + index] ?? 0;
    const lower = byte | 0x20;
    if (byte >= ZERO && byte <= NINE) unit = unit * 16 + byte - ZERO;
    else if (lower >= 0x61 && lower <= 0x66) unit = unit * 16 + lower - 0x57;
    else return -1;
  }
  return unit;
}

/**
 * Reads a number.
 *
 * @param bytes the text
 * @param from its first byte
 * @returns offset behind it, or `~offset` of the fault
 */
export function endOfNumber(bytes: Uint8Array, from: number): number {
  let pos = bytes[from] === MINUS ? from + 1 : from;
  if (bytes[pos] === ZERO) pos += 1;
  else {
    const end = endOfDigits(bytes, pos);
    if (end === pos) return ~pos;
    pos = end;
  }
  if (bytes[pos] === 0x2e) {
    const end = endOfDigits(bytes, pos + 1);
    if (end === pos + 1) return ~end;
    pos = end;
  }
  if (((bytes[pos] ?? 0) | 0x20) === 0x65) {
    pos += 1;
    if (bytes[pos] === MINUS || bytes[pos] === 0x2b) pos += 1;
    const end = endOfDigits(bytes, pos);
    if (end === pos) return ~pos;
    pos = end;
  }
  return pos;
}

function endOfDigits(bytes: Uint8Array, from: number): number {
  let pos = from;
  let byte = bytes[pos] ?? 0;
  while (byte >= ZERO && byte <= NINE) byte = bytes[++pos] ?? 0;
  return pos;
}

/**
 * Reads `true`, `false` or `null`.
 *
 * @param bytes the text
 * @param from its first byte
 * @returns offset behind it, or `~offset` of the fault
 */
export function endOfLiteral(bytes: Uint8Array, from: number): number {
  const first = bytes[from];
  const rest = first === 0x74 ? 'rue' : first === 0x66 ? 'alse' : first === 0x6e ? 'ull' : '';
  if (rest === '') return ~from;
  for (let index = 0; index < rest.length; index += 1) {
    if (bytes[from + 1 + index] !== rest.charCodeAt(index)) return ~from;
  }
  return from + 1 + rest.length;
}

/**
 * Checks a whole text against the grammar alone, in linear time and with one bit a level of nesting.
 *
 * @param bytes valid UTF-8
 * @returns offset of the first fault, or -1 when the text is one JSON document
 */
export function firstSyntaxFault(bytes: Uint8Array): number {
  // A set bit is an object. The 32 innermost levels are at hand; those around them are put by, and grow for deep texts.
  let objects = 0;
  let outer = new Int32Array(32);
  let depth = 0;
  let pos = skipSpace(bytes, 0);
  for (;;) {
    const byte = bytes[pos] ?? 0;
    if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth += 1;
      if ((depth & 31) === 0) {
        const block = (depth >> 5) - 1;
        if (block >= outer.length) {
          const larger = new Int32Array(outer.length * 2);
          larger.set(outer);
          outer = larger;
        }
        outer[block] = objects;
        objects = 0;
      }
      const bit = 1 << (depth & 31);
      objects = byte === OPEN_BRACE ? objects | bit : objects & ~bit;
      pos += 1;
      if ((bytes[pos] ?? 0) <= SPACE) pos = skipSpace(bytes, pos);
      // Opening and closing brackets of a kind are two apart in ASCII.
      if (bytes[pos] !== byte + 2) {
        if (byte === OPEN_BRACE) {
          pos = valueAfterKey(bytes, pos);
          if (pos < 0) return ~pos;
        }
        continue;
      }
    } else {
      pos = endOfScalar(bytes, pos);
      if (pos < 0) return ~pos;
    }
    for (;;) {
      if ((bytes[pos] ?? 0) <= SPACE) pos = skipSpace(bytes, pos);
      if (depth === 0) return pos === bytes.length ? -1 : pos;
      const inObject = (objects & (1 << (depth & 31))) !== 0;
      const next = bytes[pos] ?? 0;
      if (next === COMMA) {
        pos = skipSpace(bytes, pos + 1);
        if (inObject) {
          pos = valueAfterKey(bytes, pos);
          if (pos < 0) return ~pos;
        }
        break;
      }
      if (next !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) return pos;
      pos += 1;
      if ((depth & 31) === 0) objects = outer[(depth >> 5) - 1] ?? 0;
      depth -= 1;
    }
  }
}

function endOfScalar(bytes: Uint8Array, pos: number): number {
  const byte = bytes[pos] ?? 0;
  if (byte === QUOTE) {
    const end = endOfString(bytes, pos + 1);
    return end < 0 ? end : end + 1;
  }
  return byte === MINUS || (byte >= ZERO && byte <= NINE) ? endOfNumber(bytes, pos) : endOfLiteral(bytes, pos);
}

/** Reads a key and its colon; returns the first byte of the value, or `~offset` of the fault. */
function valueAfterKey(bytes: Uint8Array, pos: number): number {
  if (bytes[pos] !== QUOTE) return ~pos;
  const end = endOfString(bytes, pos + 1);
  if (end < 0) return end;
  const colon = skipSpace(bytes, end + 1);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : ~colon;
}
