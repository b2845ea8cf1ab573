/**
 * The keyed digest by which the audit trail knows arguments: equal arguments are recognised, and nobody without the key
 * can find a value by guessing (RFC 2104).
 */
import { createHmac, createSecretKey, hash } from 'node:crypto';

/** SHA-256: bytes of a block and of a hash. */
const blockBytes = 64;
const hashBytes = 32;
/** Longer arguments are hashed piece by piece. */
const longestShort = 4096;

/**
 * Makes a digest of argument bytes.
 *
 * @param key secret bytes, at least 32; one for each installation.
 * @returns a function from the arguments as the caller sent them to their HMAC-SHA-256, hex.
 */
export function createDigest(key: Uint8Array): (bytes: Uint8Array) => string {
  if (key.length < 32) throw new RangeError('a digest needs a key of at least 32 bytes');
  const secret = createSecretKey(key);
  if (key.length > blockBytes) return (bytes) => createHmac('sha256', secret).update(bytes).digest('hex');
  // Two one-shot hashes over blocks made once cost half of an HMAC object (RFC 2104 §2).
  const inner = Buffer.alloc(blockBytes + longestShort, 0x36);
  const outer = Buffer.alloc(blockBytes + hashBytes, 0x5c);
  for (let i = 0; i < key.length; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36;
    outer[i] = (key[i] ?? 0) ^ 0x5c;
  }
  return (bytes) => {
    if (bytes.length > longestShort) return createHmac('sha256', secret).update(bytes).digest('hex');
    inner.set(bytes, blockBytes);
    outer.set(hash('sha256', inner.subarray(0, blockBytes + bytes.length), 'buffer'), blockBytes);
    return hash('sha256', outer, 'hex');
  };
}
