/**
 * The keyed digest by which the audit trail knows arguments: equal arguments are recognised, and nobody without the key
 * can find a value by guessing (RFC 2104).
 */
import { createHmac, createSecretKey } from 'node:crypto';

/**
 * Makes a digest of argument bytes.
 *
 * @param key secret bytes, at least 32; one for each installation.
 * @returns a function from the arguments as the caller sent them to their HMAC-SHA-256, hex.
 */
export function createDigest(key: Uint8Array): (bytes: Uint8Array) => string {
  if (key.length < 32) throw new RangeError('a digest needs a key of at least 32 bytes');
  const secret = createSecretKey(key);
  return (bytes) => createHmac('sha256', secret).update(bytes).digest('hex');
}
