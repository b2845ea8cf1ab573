import { describe, expect, it } from 'vitest';
import type { HttpHead } from '../exchange.ts';
import { makeHead, makePorts, makeRules, received, receivedOnStdio } from '../exchange.fixture.ts';
import type { TokenFault, TokenHolder, Tokens } from '../ports.ts';
import { isRefusal } from '../refusals.ts';
import { createSessionStub } from '../session.fixture.ts';
import { identify } from './identify.ts';
import { judgeHead } from './receive.ts';

const ada = { name: 'ada', roles: ['reader'] };
const good = ['sp', 'good'].join('_');

const keys = {
  verify: (token: string) =>
    token === good ? ada : token.startsWith('old') ? ('expired' as const) : ('invalid' as const),
};

function bearer(token: string, more: Partial<Omit<HttpHead, 'headers'>> = {}): HttpHead {
  return makeHead({ authorization: `Bearer ${token}` }, more);
}

describe('identify at an HTTP door', () => {
  it('names the holder of a key, with the roles of the key', () => {
    const identified = identify(received({ head: bearer(good) }), makePorts({ credentials: keys }));
    expect(identified).toMatchObject({ principal: { id: 'key:ada', kind: 'key', roles: ['reader'] } });
  });

  it('reads the scheme in any case', () => {
    const head = makeHead({ authorization: `bEaReR ${good}` });
    expect(identify(received({ head }), makePorts({ credentials: keys }))).toMatchObject({
      principal: { id: 'key:ada' },
    });
  });

  it('keeps a principal for as long as key and rules are the same, and makes another under other rules', () => {
    const ports = makePorts({ credentials: keys });
    const rules = makeRules();
    const principalUnder = (under: typeof rules) => {
      const exchange = identify(received({ head: bearer(good), rules: under }), ports);
      return exchange instanceof Promise || isRefusal(exchange) ? undefined : exchange.principal;
    };
    expect(principalUnder(rules)).toBe(principalUnder(rules));
    const others = makeRules({ policy: rules.policy });
    expect(principalUnder(others)).not.toBe(principalUnder(rules));
  });

  it.each<[string, string, HttpHead]>([
    ['unauthenticated', 'no credential', makeHead()],
    ['bad-credential', 'an unknown key', bearer('sp_wrong')],
    ['bad-credential', 'a key with a space in front', bearer(` ${good}`)],
    ['bad-credential', 'a key with something behind it', bearer(`${good},${good}`)],
    ['bad-credential', 'an empty key', bearer('')],
    ['bad-credential', 'another scheme', makeHead({ authorization: `Basic ${good}` })],
    ['bad-credential', 'a key without a scheme', makeHead({ authorization: good })],
    ['bad-credential', 'an empty header', makeHead({ authorization: '' })],
    ['expired-credential', 'a key that has expired', bearer('old')],
    [
      'bad-authorization',
      'two headers, even when the first is good',
      bearer(good, { repeated: new Set(['authorization']) }),
    ],
  ])('answers %s to %s', (expected, _, head) => {
    expect(identify(received({ head }), makePorts({ credentials: keys }))).toMatchObject({ name: expected });
  });

  it('takes no key where keys are off', () => {
    const rules = makeRules({ callers: { keys: false } });
    const refused = identify(received({ head: bearer(good), rules }), makePorts({ credentials: keys }));
    expect(refused).toMatchObject({ name: 'bad-credential' });
  });

  it('takes a caller without credential for anonymous where the file gives it a role', () => {
    const rules = makeRules({ callers: { keys: true, anonymous: 'reader' } });
    expect(identify(received({ rules }), makePorts())).toMatchObject({
      principal: { id: 'anonymous', kind: 'anonymous', roles: ['reader'] },
    });
  });

  it('never takes a caller with a bad credential for anonymous', () => {
    const rules = makeRules({ callers: { keys: true, anonymous: 'reader' } });
    const refused = identify(received({ rules, head: bearer('wrong') }), makePorts({ credentials: keys }));
    expect(refused).toMatchObject({ name: 'bad-credential' });
  });

  it('never takes a caller over HTTP for the local user', () => {
    const rules = makeRules({ callers: { keys: true, local: 'reader' } });
    expect(identify(received({ rules, localUser: 'ada' }), makePorts())).toMatchObject({ name: 'unauthenticated' });
  });

  it('limits failures of one address with one credential', () => {
    const ports = makePorts({ credentials: keys });
    const attempt = () => identify(received({ head: bearer('wrong') }), ports);
    for (let i = 0; i < 3; i++) expect(attempt()).toMatchObject({ name: 'bad-credential' });
    expect(attempt()).toMatchObject({ name: 'login-limited', retryAfterMs: 20_000 });
  });

  it('never blocks a valid credential by failures of others or of its own address', () => {
    const ports = makePorts({ credentials: keys });
    for (let i = 0; i < 50; i++) void identify(received({ head: bearer('wrong') }), ports);
    expect(isRefusal(identify(received({ head: bearer(good) }), ports))).toBe(false);
  });

  it('charges neither other addresses nor other credentials for a failure', () => {
    const ports = makePorts({ credentials: keys });
    for (let i = 0; i < 4; i++) void identify(received({ head: bearer('wrong') }), ports);
    expect(identify(received({ head: bearer('wrong'), address: '192.0.2.8' }), ports)).toMatchObject({
      name: 'bad-credential',
    });
    expect(identify(received({ head: bearer('other') }), ports)).toMatchObject({ name: 'bad-credential' });
  });

  it('keeps no credential in the names of its buckets', () => {
    const taken: string[] = [];
    const ports = makePorts({ credentials: keys });
    const take = ports.buckets.take.bind(ports.buckets);
    const spying = {
      ...ports,
      buckets: { ...ports.buckets, take: (key: string, ...rest: [never]) => (taken.push(key), take(key, ...rest)) },
    };
    const token = ['sp', 'almost-right'].join('_');
    void identify(received({ head: bearer(token) }), spying);
    expect(taken).toHaveLength(1);
    expect(taken.join()).not.toContain('almost-right');
  });
});

describe('identify of bearer tokens that are not API keys', () => {
  const holder: TokenHolder = {
    kind: 'jwt',
    id: 'jwt:https://login.example.com|ada',
    roles: ['reader'],
    scopes: ['mcp:read'],
    agent: 'assistant',
    claims: { sub: 'ada' },
    expiresAt: 1,
  };
  const tokens = (outcome: ReturnType<Tokens['verify']>): Tokens => ({ verify: () => outcome });
  const bring = (outcome: ReturnType<Tokens['verify']>, token = 'token') =>
    identify(received({ head: bearer(token) }), makePorts({ credentials: keys, tokens: tokens(outcome) }));

  it('names the caller of a token, at once where it is known already', async () => {
    const { claims, ...rest } = holder;
    expect(bring(holder)).toMatchObject({ principal: { ...rest, claims } });
    expect(await bring(Promise.resolve(holder))).toMatchObject({ principal: rest });
  });

  it('keeps one principal for a token under the same rules', () => {
    const rules = makeRules();
    const ports = makePorts({ tokens: tokens(holder) });
    const principals = [0, 1].map(() => {
      const exchange = identify(received({ head: bearer('token'), rules }), ports);
      return 'principal' in exchange ? exchange.principal : undefined;
    });
    expect(principals[0]).toBeDefined();
    expect(principals[1]).toBe(principals[0]);
  });

  it.each<[TokenFault['fault'], string]>([
    ['invalid', 'bad-credential'],
    ['unknown-kind', 'bad-credential'],
    ['expired', 'expired-credential'],
    ['unavailable', 'identity-unavailable'],
  ])('answers a token that is %s with %s, and tells the operator why', async (fault, name) => {
    const outcome: TokenFault = { fault, note: 'a reason' };
    expect(bring(outcome)).toMatchObject({ name, note: 'a reason' });
    expect(await bring(Promise.resolve(outcome))).toMatchObject({ name, note: 'a reason' });
  });

  it('tells the caller of a token that cannot be judged when to come back, and charges nothing', () => {
    const ports = makePorts({ tokens: tokens({ fault: 'unavailable', note: '', retryAfterMs: 7000 }) });
    for (let i = 0; i < 50; i++) {
      expect(identify(received({ head: bearer('token') }), ports)).toMatchObject({ retryAfterMs: 7000 });
    }
  });

  it('limits failures of one token, as of any credential', () => {
    const ports = makePorts({ tokens: tokens({ fault: 'invalid', note: '' }) });
    const attempt = () => identify(received({ head: bearer('token') }), ports);
    for (let i = 0; i < 3; i++) expect(attempt()).toMatchObject({ name: 'bad-credential' });
    expect(attempt()).toMatchObject({ name: 'login-limited' });
  });

  it('asks for API keys by their form, and for nothing else', () => {
    expect(bring({ fault: 'invalid', note: '' }, good)).toMatchObject({ principal: { id: 'key:ada' } });
    expect(bring(holder, 'sp_unknown')).toMatchObject({ name: 'bad-credential' });
  });

  it('takes tokens where API keys are off', () => {
    const rules = makeRules({ callers: { keys: false } });
    const ports = makePorts({ credentials: keys, tokens: tokens(holder) });
    expect(identify(received({ head: bearer('token'), rules }), ports)).toMatchObject({ principal: { id: holder.id } });
    expect(identify(received({ head: bearer(good), rules }), ports)).toMatchObject({ name: 'bad-credential' });
  });

  it.each(['token=x', 'access_token=x', 'a=b&ACCESS_TOKEN=x', 'api_key=x', 'jwt=x'])(
    'has nothing to do with a credential in the query, which is refused before: ?%s',
    (query) => {
      const head = makeHead({ authorization: `Bearer ${good}` }, { target: `/mcp?${query}`, isKnownPath: false });
      expect(judgeHead(head, 'http', makeRules())).toMatchObject({ name: 'credential-in-url' });
    },
  );

  it('never takes a cookie for a credential', () => {
    const head = makeHead({ cookie: `session=${good}; authorization=Bearer ${good}` });
    expect(identify(received({ head }), makePorts({ credentials: keys, tokens: tokens(holder) }))).toMatchObject({
      name: 'unauthenticated',
    });
  });
});

describe('identify at a stdio door', () => {
  it('names the local user, with the role that the file gives', () => {
    const rules = makeRules({ callers: { keys: true, local: 'reader' } });
    expect(identify(receivedOnStdio(createSessionStub(), { rules }), makePorts())).toMatchObject({
      principal: { id: 'local:ada', kind: 'local', roles: ['reader'] },
    });
  });

  it('refuses the local user where the file names no role', () => {
    expect(identify(receivedOnStdio(createSessionStub()), makePorts())).toMatchObject({ name: 'unauthenticated' });
  });
});
