/** Node's own view of bytes, whose methods decode ranges without a copy. */

/**
 * Views bytes as a `Buffer`.
 *
 * @param bytes any bytes
 * @returns the same bytes; the argument itself when it is a `Buffer`
 */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
