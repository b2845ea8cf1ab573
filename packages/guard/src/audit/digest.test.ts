import { createHmac, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createArgumentDigest } from './digest.ts';

it('digests arguments with the key, so that the same arguments under another key look different', () => {
  const [one, two] = [randomBytes(32), randomBytes(32)];
  const args = Buffer.from('{"path":"/srv/a"}');
  const digest = createArgumentDigest(one);
  expect(digest(args)).toBe(createHmac('sha256', one).update(args).digest('hex'));
  expect(digest(args)).toBe(digest(Buffer.from(args)));
  expect(createArgumentDigest(two)(args)).not.toBe(digest(args));
});
