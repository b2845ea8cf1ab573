import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TokenExchangeConfig } from '../config/credential-types.ts';
import { Secret } from '../config/secret.ts';
import { frozenClock } from '../exchange.fixture.ts';
import { makeEgress, type TestEgress } from './egress.fixture.ts';
import { createDirectory } from './server-metadata.ts';
import { createTokenExchange } from './token-exchange.ts';

const text = (): string => randomBytes(24).toString('base64url');
const clientSecret = text();
const issuer = 'https://login.example.com';
const metadata = { issuer, token_endpoint: `${issuer}/token` };

const base: TokenExchangeConfig = {
  kind: 'token-exchange',
  how: 'rfc8693',
  issuer,
  tokenUrl: undefined,
  clientId: 'gateway',
  clientSecret: new Secret(clientSecret, 'env:S'),
  privateKey: undefined,
  keyId: undefined,
  clientAuth: undefined,
  scopes: ['read'],
  resource: undefined,
  audience: 'api',
  subjectTokenType: 'access_token',
  target: undefined,
};

function setUp(config: Partial<TokenExchangeConfig>, egress: TestEgress) {
  const clock = frozenClock();
  const directory = createDirectory(clock);
  const source = createTokenExchange('api', { ...base, ...config }, [issuer], { clock, egress, directory });
  return { clock, source };
}

const world = (token: (form: URLSearchParams) => object): TestEgress =>
  makeEgress({
    [`${issuer}/.well-known/oauth-authorization-server`]: metadata,
    [`${issuer}/token`]: ({ form }: { form: URLSearchParams }) => token(form),
  });

const issued = (value: string): object => ({
  access_token: value,
  token_type: 'Bearer',
  expires_in: 300,
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
});

const formsOf = (egress: TestEgress): Record<string, string>[] =>
  egress.asked.filter(({ method }) => method === 'POST').map(({ form }) => Object.fromEntries(form));

describe('a token exchange', () => {
  it('[no-passthrough] asks as RFC 8693 has it, at the written endpoint, and presents what it got', async () => {
    const [mine, theirs] = [text(), text()];
    const egress = world(() => issued(theirs));
    const { source } = setUp({}, egress);
    const credential = source.of({ principal: 'jwt:i|ada', kind: 'jwt', token: mine });
    expect(await credential.ready()).toBeUndefined();
    expect(credential.headers()).toEqual(['authorization', `Bearer ${theirs}`]);
    expect(formsOf(egress)).toEqual([
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: mine,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: 'api',
        scope: 'read',
      },
    ]);
    const sent = egress.asked.filter((request) => JSON.stringify(request).includes(mine));
    expect(sent.map(({ url }) => url)).toEqual([`${issuer}/token`]);
    expect(egress.asked[1]?.headers?.['authorization']).toMatch(/^Basic /);
  });

  it('asks on behalf of the caller as Entra has it', async () => {
    const mine = text();
    const egress = world(() => issued(text()));
    const { source } = setUp(
      { how: 'entra-obo', audience: undefined, scopes: ['api://a/.default'], clientAuth: 'post' },
      egress,
    );
    expect(await source.of({ principal: 'p', kind: 'jwt', token: mine }).ready()).toBeUndefined();
    expect(formsOf(egress)).toEqual([
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: mine,
        requested_token_use: 'on_behalf_of',
        scope: 'api://a/.default',
        client_id: 'gateway',
        client_secret: clientSecret,
      },
    ]);
  });

  it('gets an assertion at the identity provider, and a token for it at the other server', async () => {
    const [mine, assertion, theirs] = [text(), text(), text()];
    const other = 'https://resource.example.com';
    const egress = world(() => ({
      access_token: assertion,
      token_type: 'N_A',
      issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
    }));
    egress.answers.set(`${other}/.well-known/oauth-authorization-server`, () => ({
      issuer: other,
      token_endpoint: `${other}/token`,
    }));
    egress.answers.set(`${other}/token`, () => issued(theirs));
    const target = { ...base, issuer: undefined, clientId: 'there', scopes: [] };
    const { source } = setUp({ how: 'id-jag', audience: other, subjectTokenType: 'id_token', target }, egress);
    const credential = source.of({ principal: 'p', kind: 'jwt', token: mine });
    expect(await credential.ready()).toBeUndefined();
    expect(credential.headers()).toEqual(['authorization', `Bearer ${theirs}`]);
    expect(formsOf(egress)).toMatchObject([
      { subject_token: mine, requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag', audience: other },
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion },
    ]);
    // The other server never sees the caller's token.
    const sent = egress.asked.filter((request) => JSON.stringify(request).includes(mine));
    expect(sent.map(({ url }) => url)).toEqual([`${issuer}/token`]);
  });

  it.each(['key', 'local', 'cert', 'anonymous'])('refuses a caller of the kind %s, and asks nobody', async (kind) => {
    const egress = world(() => issued(text()));
    const { source } = setUp({}, egress);
    const failure = await source.of({ principal: `${kind}:x`, kind, token: undefined }).ready();
    expect(failure).toMatchObject({ reason: 'identity' });
    expect(egress.asked).toEqual([]);
  });

  it('keeps two tokens of one person apart, and asks once for each however many wait', async () => {
    const egress = world((form) => issued(`for-${form.get('subject_token') ?? ''}`));
    const { source } = setUp({}, egress);
    const [one, two] = [text(), text()];
    const subjects = [one, two, one, two, one].map((token) => ({ principal: 'p', kind: 'jwt', token }));
    const credentials = subjects.map((subject) => source.of(subject));
    await Promise.all(credentials.map((credential) => Promise.resolve(credential.ready())));
    expect(credentials.map((credential) => credential.headers()[1])).toEqual(
      subjects.map(({ token }) => `Bearer for-${token}`),
    );
    expect(new Set(credentials.map(({ key }) => key)).size).toBe(2);
    expect(formsOf(egress)).toHaveLength(2);
  });

  it.each([
    { scopes: ['read'], kind: 'more than is written', asked: ['read'] },
    { scopes: [], kind: 'what nobody has bounded', asked: [undefined, 'read admin'] },
  ])('is asked by a server for $kind', async ({ scopes, asked }) => {
    const egress = world(() => issued(text()));
    const { source } = setUp({ scopes }, egress);
    const credential = source.of({ principal: 'p', kind: 'jwt', token: text() });
    await credential.ready();
    const challenge = 'Bearer error="insufficient_scope", scope="read admin"';
    const failure = await credential.refused({ status: 403, challenge, sent: credential.headers() });
    expect(formsOf(egress).map(({ scope }) => scope)).toEqual(asked);
    expect(failure?.reason).toBe(scopes.length === 0 ? undefined : 'credentials');
    expect(failure?.detail).toBe(scopes.length === 0 ? undefined : 'api asks for admin, which `scopes` does not name');
  });

  it('says what the server said, without any secret of it', async () => {
    const mine = text();
    const egress = world(() => ({
      status: 400,
      body: { error: 'invalid_grant', error_description: `AADSTS65001 ${mine} ${clientSecret}` },
    }));
    const { source } = setUp({}, egress);
    const failure = await source.of({ principal: 'p', kind: 'jwt', token: mine }).ready();
    expect(failure).toMatchObject({ reason: 'credentials' });
    expect(failure?.detail).toContain('invalid_grant (AADSTS65001');
    const shown = JSON.stringify(failure) + String(failure?.cause);
    for (const secret of [mine, clientSecret]) expect(shown).not.toContain(secret);
  });

  it('signs an assertion where it has a key, for the endpoint that was written', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const egress = world(() => issued(text()));
    const { source } = setUp(
      {
        issuer: undefined,
        tokenUrl: `${issuer}/token`,
        clientSecret: undefined,
        privateKey: new Secret(pem, 'file:k'),
        keyId: 'k1',
      },
      egress,
    );
    expect(await source.of({ principal: 'p', kind: 'jwt', token: text() }).ready()).toBeUndefined();
    const [head = '', payload = '', signature = ''] = (formsOf(egress)[0]?.['client_assertion'] ?? '').split('.');
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ alg: 'ES256', kid: 'k1' });
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      iss: 'gateway',
      sub: 'gateway',
      aud: `${issuer}/token`,
    });
    const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
  });
});
