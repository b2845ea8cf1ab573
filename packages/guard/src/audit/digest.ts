/** Keyed digest of arguments: equal arguments can be recognised in the trail, but not guessed without the key. */
import { createHmac, createSecretKey } from 'node:crypto';

/**
 * Makes the digest function (HMAC-SHA-256, RFC 2104).
 *
 * @param secret the derived `auditDigest` key
 * @returns takes the bytes of the arguments as sent, gives lower-case hex
 */
export function createArgumentDigest(secret: Uint8Array): (bytes: Uint8Array) => string {
  const key = createSecretKey(secret);
  return (bytes) => createHmac('sha256', key).update(bytes).digest('hex');
}
