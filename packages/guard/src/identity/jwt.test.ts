import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PresentedCertificate } from '../exchange.ts';
import { received } from '../exchange.fixture.ts';
import { createJwtVerifier } from './jwt.ts';
import { KeySet } from './key-set.ts';
import { secretKey } from './key-document.ts';
import {
  audience,
  fakeSource,
  issuer,
  macToken,
  makeBench,
  makeClaims,
  makeJwtRules,
  makeSigningKey,
  nowSeconds,
  signToken,
} from './tokens.fixture.ts';

const ec = makeSigningKey('ec');
const rsa = makeSigningKey('rsa', 'RS256');
const ed = makeSigningKey('ed', 'EdDSA');
const all = [ec, rsa, ed];

describe('a signed token', () => {
  it.each(all)('of $algorithm names its caller', async (key) => {
    const bench = makeBench(all);
    expect(await bench.verify(signToken(key, makeClaims({ groups: ['Team.A'], scope: 'a b' })))).toMatchObject({
      kind: 'jwt',
      id: `jwt:${issuer}|ada`,
      roles: ['reader'],
      scopes: ['a', 'b'],
      expiresAt: (nowSeconds + 360) * 1000,
    });
  });

  it.each<[string, string, () => string]>([
    ['invalid', 'another key of the same name', () => signToken(makeSigningKey('ec'), makeClaims())],
    ['invalid', 'a key that is not known', () => signToken(makeSigningKey('other'), makeClaims())],
    ['invalid', 'another algorithm than its key has', () => signToken(ec, makeClaims(), { kid: 'rsa' })],
    ['invalid', 'an algorithm that is not allowed', () => signToken(rsa, makeClaims(), { alg: 'PS256' })],
    ['invalid', 'no algorithm', () => signToken(ec, makeClaims(), { alg: 'none' })],
    ['invalid', 'the type of an ID token', () => signToken(ec, makeClaims(), { typ: 'JWT' })],
    ['invalid', 'no type', () => signToken(ec, makeClaims(), { typ: undefined })],
    ['invalid', 'the type `absent`', () => signToken(ec, makeClaims(), { typ: 'absent' })],
    [
      'invalid',
      'two claims of one name',
      () => signToken(ec, JSON.stringify(makeClaims()).replace('{', '{"sub":"root",')),
    ],
    ['invalid', 'claims that are a list', () => signToken(ec, [makeClaims()])],
    [
      'invalid',
      'claims as deep as a well',
      () => signToken(ec, makeClaims({ act: JSON.parse(`${'['.repeat(30)}${']'.repeat(30)}`) as unknown })),
    ],
    ['invalid', 'another audience', () => signToken(ec, makeClaims({ aud: 'https://other.example' }))],
    ['expired', 'an end in the past', () => signToken(ec, makeClaims({ exp: nowSeconds - 3600 }))],
    ['unknown-kind', 'another issuer', () => signToken(ec, makeClaims({ iss: `${issuer}/` }))],
    ['unknown-kind', 'no issuer', () => signToken(ec, makeClaims({ iss: undefined }))],
    ['unknown-kind', 'an issuer that is inherited', () => signToken(ec, makeClaims({ iss: '__proto__' }))],
    ['unknown-kind', 'no form of a token', () => 'opaque'],
  ])('is %s with %s', async (fault, _, make) => {
    expect(await makeBench(all).verify(make())).toMatchObject({ fault });
  });

  it('never uses a public key as a secret', async () => {
    const pem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' });
    const bench = makeBench([rsa], { rules: { algorithms: ['RS256', 'HS256'] } });
    const token = macToken(Buffer.from(pem), makeClaims(), { kid: 'rsa' });
    expect(await bench.verify(token)).toMatchObject({ fault: 'invalid' });
  });

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt'])('may be of the type %s', async (typ) => {
    expect(await makeBench(all).verify(signToken(ec, makeClaims(), { typ }))).toMatchObject({ kind: 'jwt' });
  });

  it('may be without a type where the rules allow it', async () => {
    const bench = makeBench(all, { rules: { types: ['absent'] } });
    expect(await bench.verify(signToken(ec, makeClaims(), { typ: undefined }))).toMatchObject({ kind: 'jwt' });
    expect(await bench.verify(signToken(ec, makeClaims()))).toMatchObject({ fault: 'invalid' });
  });

  it('says in no note what stands in it', async () => {
    const mark = randomBytes(9).toString('base64url');
    const bench = makeBench(all);
    for (const token of [
      signToken(ec, makeClaims({ aud: mark })),
      signToken(ec, makeClaims(), { kid: mark }),
      signToken(ec, makeClaims(), { alg: mark }),
      signToken(ec, makeClaims({ iss: mark })),
    ]) {
      const outcome = await bench.verify(token);
      expect(outcome).toHaveProperty('fault');
      expect(JSON.stringify(outcome)).not.toContain(mark);
    }
  });
});

describe('a token that was found good', () => {
  it('is the same caller at once, without a promise, and takes no cryptography', async () => {
    const bench = makeBench(all);
    const token = signToken(ec, makeClaims());
    const first = await bench.verify(token);
    expect(bench.verify(token)).toBe(first);
    expect(bench.verifier.counts()).toMatchObject({ verified: 1, kept: 1 });
  });

  it('is one caller, however many calls bring it at once', async () => {
    const bench = makeBench(all);
    const token = signToken(ec, makeClaims());
    const holders = await Promise.all(Array.from({ length: 20 }, async () => bench.verify(token)));
    expect(new Set(holders).size).toBe(1);
  });

  it('ends with its time', async () => {
    const bench = makeBench(all);
    const token = signToken(ec, makeClaims({ exp: nowSeconds + 10 }));
    await bench.verify(token);
    bench.clock.advance(69_999);
    expect(bench.verify(token)).toMatchObject({ kind: 'jwt' });
    bench.clock.advance(1);
    expect(await bench.verify(token)).toMatchObject({ fault: 'expired' });
  });

  it('ends with its key', async () => {
    const bench = makeBench([ec, rsa]);
    const token = signToken(ec, makeClaims({ exp: nowSeconds + 3600 }));
    await bench.verify(token);
    bench.source.content = [rsa];
    bench.clock.advance(300_000);
    bench.keys.tend();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await bench.verify(token)).toMatchObject({ fault: 'invalid' });
  });

  it('ends with the time for which keys serve that cannot be read again', async () => {
    const bench = makeBench([ec], { staleMs: 0 });
    const token = signToken(ec, makeClaims({ exp: nowSeconds + 3600 }));
    await bench.verify(token);
    bench.source.content = 'connection refused';
    bench.clock.advance(300_001);
    expect(await bench.verify(token)).toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 });
  });

  it('is one of so many that are kept, and those that are used stay', async () => {
    const clock = { now: () => nowSeconds * 1000, monotonic: () => 0 };
    const keys = new KeySet({ clock, source: fakeSource([ed]), staleMs: 0 });
    const verifier = createJwtVerifier([{ rules: makeJwtRules(), keys }], { clock, capacity: 8 });
    const exchange = { ...received(), time: clock.now() };
    const tokens = Array.from({ length: 40 }, (_, at) => signToken(ed, makeClaims({ sub: `user-${at}` })));
    const favourite = tokens[0] ?? '';
    const first = await verifier.verify(favourite, exchange);
    for (const token of tokens) {
      await verifier.verify(token, exchange);
      expect(verifier.verify(favourite, exchange)).toBe(first);
    }
    expect(verifier.verify(tokens[1] ?? '', exchange)).toBeInstanceOf(Promise);
  });

  it('that was refused is judged anew each time', async () => {
    const bench = makeBench([ec]);
    const token = signToken(rsa, makeClaims());
    expect(await bench.verify(token)).toMatchObject({ fault: 'invalid' });
    bench.source.content = [ec, rsa];
    expect(await bench.verify(token)).toMatchObject({ kind: 'jwt' });
  });
});

describe('a token for one door', () => {
  const rules = { audience: [audience], publicUrl: 'https://mcp.example.com' };
  const token = signToken(ec, makeClaims({ aud: 'https://mcp.example.com/mcp/files' }));
  const files = { path: { kind: 'server', server: 'files' } } as const;
  const other = { path: { kind: 'server', server: 'other' } } as const;

  it('is good there and nowhere else, also when it was seen before', async () => {
    const bench = makeBench([ec], { rules });
    expect(await bench.verify(token)).toMatchObject({ fault: 'invalid' });
    expect(await bench.verify(token, other)).toMatchObject({ fault: 'invalid' });
    expect(await bench.verify(token, files)).toMatchObject({ kind: 'jwt' });
    expect(await bench.verify(token, other)).toMatchObject({ fault: 'invalid' });
    expect(await bench.verify(token, files)).toMatchObject({ kind: 'jwt' });
  });
});

describe('a token that is bound', () => {
  const fingerprint = createHash('sha256').update('certificate').digest();
  const certificate = (bytes: Buffer): { certificate: PresentedCertificate } => ({
    certificate: { uris: [], names: [], emails: [], commonName: '', fingerprint: bytes.toString('hex') },
  });
  const bound = signToken(ec, makeClaims({ cnf: { 'x5t#S256': fingerprint.toString('base64url') } }));

  it('to a certificate counts only together with it, also when it was seen before', async () => {
    const bench = makeBench([ec]);
    for (let round = 0; round < 2; round++) {
      expect(await bench.verify(bound)).toMatchObject({ fault: 'invalid' });
      expect(await bench.verify(bound, certificate(Buffer.alloc(32)))).toMatchObject({ fault: 'invalid' });
      expect(await bench.verify(bound, certificate(fingerprint))).toMatchObject({ kind: 'jwt' });
    }
  });

  it.each([
    { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
    { 'x5t#S256': fingerprint.toString('base64url'), jkt: 'x' },
    { 'x5t#S256': '' },
    { jwk: {} },
    {},
    [],
    null,
    'x',
  ])('to something that cannot be proven here counts never: %j', async (cnf) => {
    const token = signToken(ec, makeClaims({ cnf }));
    expect(await makeBench([ec]).verify(token, certificate(fingerprint))).toMatchObject({ fault: 'invalid' });
  });
});

describe('several issuers', () => {
  const clock = { now: () => nowSeconds * 1000, monotonic: () => 0 };
  const secret = randomBytes(32);
  const partner = 'https://partner.example';
  const make = () => {
    const first = fakeSource([ec]);
    const keys = new KeySet({ clock, source: first, staleMs: 0 });
    const shared = new KeySet({
      clock,
      staleMs: 0,
      source: {
        everyMs: Number.POSITIVE_INFINITY,
        load: async () => ({ kind: 'keys', keys: [secretKey(secret, 'HS256')], skipped: [] }),
      },
    });
    const verifier = createJwtVerifier(
      [
        { rules: makeJwtRules(), keys },
        { rules: makeJwtRules({ issuer: partner, algorithms: ['HS256'] }), keys: shared },
      ],
      { clock },
    );
    const verify = (token: string) => verifier.verify(token, { ...received(), time: clock.now() });
    return { verify, verifier, first };
  };

  it('are told apart by the name in the token', async () => {
    const { verify } = make();
    expect(await verify(signToken(ec, makeClaims()))).toMatchObject({ id: `jwt:${issuer}|ada` });
    expect(await verify(macToken(secret, makeClaims({ iss: partner }), { kid: 'any' }))).toMatchObject({
      id: `jwt:${partner}|ada`,
    });
  });

  it('cannot speak for each other', async () => {
    const { verify } = make();
    expect(await verify(signToken(ec, makeClaims({ iss: partner })))).toMatchObject({ fault: 'invalid' });
    expect(await verify(macToken(secret, makeClaims()))).toMatchObject({ fault: 'invalid' });
  });

  it('are asked for keys only when a token is theirs', async () => {
    const { verify, first } = make();
    await verify(macToken(secret, makeClaims({ iss: partner })));
    expect(first.loads).toBe(0);
  });

  it('are known by the ids that they give', () => {
    const { verifier } = make();
    expect(verifier.knows(`jwt:${partner}|ada`)).toBe(true);
    expect(verifier.knows('jwt:https://other.example|ada')).toBe(false);
    expect(verifier.knows('key:ada')).toBe(false);
  });
});
