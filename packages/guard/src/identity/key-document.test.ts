import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readKeyDocument } from './key-document.ts';
import { makeSigningKey, readDocument } from './tokens.fixture.ts';

const ec = makeSigningKey('ec');
const rsa = makeSigningKey('rsa', 'RS256');

const toSecret = (bytes: number, more: object = {}): object => ({
  kty: 'oct',
  k: randomBytes(bytes).toString('base64url'),
  ...more,
});

async function keysOf(document: unknown, algorithms?: Parameters<typeof readDocument>[1]) {
  const read = await readDocument(document, algorithms);
  if (read.kind === 'fault') return expect.fail(read.message);
  return read;
}

describe('a key set', () => {
  it('gives a key for each algorithm that it fits', async () => {
    const { alg: _alg, ...any } = rsa.jwk;
    const { keys } = await keysOf({ keys: [any, ec.jwk] }, ['RS256', 'PS256', 'ES256', 'ES384']);
    expect(keys.map(({ kid, algorithm }) => `${kid} ${algorithm}`)).toEqual(['rsa RS256', 'rsa PS256', 'ec ES256']);
  });

  it('may be one key alone', async () => {
    expect((await keysOf(ec.jwk)).keys).toHaveLength(1);
  });

  it('gives the same fingerprint for the same key, and another for another of its name', async () => {
    const [one, same, other] = await Promise.all(
      [ec, ec, makeSigningKey('ec')].map(async ({ jwk }) => (await keysOf(jwk)).keys[0]?.fingerprint),
    );
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  it.each<[string, unknown]>([
    ['its alg is not known', { ...rsa.jwk, alg: 'RS256 ' }],
    ['it fits none', { ...rsa.jwk, alg: 'RS512' }],
    ['it fits none', { ...ec.jwk, alg: 'RS256' }],
    ['it is not for signatures', { ...rsa.jwk, use: 'enc' }],
    ['its key_ops do not include verify', { ...rsa.jwk, key_ops: ['encrypt'] }],
    ['its kid is not a text', { ...rsa.jwk, kid: 1 }],
    ['it fits none', { ...ec.jwk, crv: 'P-384' }],
    ['its numbers make no key', { ...ec.jwk, x: randomBytes(32).toString('base64url') }],
    ['it lacks a part', { ...ec.jwk, y: undefined }],
    ['its exponent is not sound', { ...rsa.jwk, e: 'AQ' }],
    [
      'its modulus has 1024 bits',
      { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) },
    ],
    ['it is not an object', 'key'],
  ])('leaves a key out because %s', async (reason, jwk) => {
    const { keys, skipped } = await keysOf({ keys: [jwk, ec.jwk] });
    expect(keys.map(({ kid }) => kid)).toEqual(['ec']);
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).toContain(reason);
  });

  it('never takes a secret from a set that has public keys too', async () => {
    const { keys } = await keysOf({ keys: [toSecret(64), ec.jwk] }, ['HS256', 'ES256']);
    expect(keys.map(({ algorithm }) => algorithm)).toEqual(['ES256']);
  });

  it('takes secrets for the algorithms of secrets only, and none that is too short', async () => {
    const { keys, skipped } = await keysOf({ keys: [toSecret(32, { kid: 'a' }), toSecret(31, { kid: 'b' })] }, [
      'HS256',
      'ES256',
    ]);
    expect(keys.map(({ kid, algorithm }) => `${kid} ${algorithm}`)).toEqual(['a HS256']);
    expect(skipped[0]).toContain('it has 31 bytes; HS256 needs at least 32');
  });

  it('uses the public half of a key whose private half was published with it', async () => {
    const whole = { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' };
    const [key] = (await keysOf({ keys: [whole] })).keys;
    expect(key?.material).toMatchObject({ type: 'public' });
  });

  it('refuses a modulus of the flawed generator, and no other', async () => {
    // Powers of 65537 modulo the product of the first primes, as that generator makes them.
    const primes = [
      2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
    ];
    const product = [...primes, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157].reduce(
      (all, one) => all * BigInt(one),
      1n,
    );
    const modulus = (1n << 2047n) - ((1n << 2047n) % product) + product + 65537n;
    const n = Buffer.from(modulus.toString(16), 'hex').toString('base64url');
    const { skipped } = await keysOf({ keys: [{ kty: 'RSA', n, e: 'AQAB' }, rsa.jwk] });
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).toContain('CVE-2017-15361');
  });

  it.each([
    ['not one clear JSON document', '{"keys":[],"keys":[]}'],
    ['not one clear JSON document', '<html>'],
    ['not a JSON Web Key Set', '[]'],
    ['not a JSON Web Key Set', '{"keys":{}}'],
    ['more than 200 keys', JSON.stringify({ keys: Array.from({ length: 201 }, () => ({})) })],
  ])('is refused when it is %s', async (reason, text) => {
    const read = await readKeyDocument(Buffer.from(text), ['RS256']);
    expect(read).toMatchObject({ kind: 'fault' });
    expect(read.kind === 'fault' && read.message).toContain(reason);
  });
});
