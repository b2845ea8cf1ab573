import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDigest } from './digest.ts';

describe('a digest of arguments', () => {
  it('is the HMAC of RFC 4231', () => {
    const key = Buffer.alloc(131, 0xaa);
    const text = Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First');
    expect(createDigest(key)(text)).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54');
  });

  it('depends on the key and is not the plain hash', () => {
    const bytes = Buffer.from('{"path":"/etc/passwd"}');
    const digest = createDigest(randomBytes(32))(bytes);
    expect(createDigest(randomBytes(32))(bytes)).not.toBe(digest);
    expect(createHash('sha256').update(bytes).digest('hex')).not.toBe(digest);
  });

  it('refuses a short key', () => {
    expect(() => createDigest(randomBytes(16))).toThrow(RangeError);
  });
});
