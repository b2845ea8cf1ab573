/** Finds the fault in bytes that are known not to be UTF-8 (RFC 3629), to point at it. */

/**
 * Finds the first byte that breaks UTF-8: overlong forms, surrogates and code points above U+10FFFF among them.
 *
 * @param bytes what `isUtf8` refused
 * @returns offset of the sequence at fault; the length when there is none
 */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let pos = 0;
  while (pos < bytes.length) {
    const length = sequenceLength(bytes, pos);
    if (length === 0) return pos;
    pos += length;
  }
  return pos;
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let index = 2; index < length; index += 1) {
    const next = bytes[at + index] ?? 0;
    if (next < 0x80 || next > 0xbf) return 0;
  }
  return length;
}
