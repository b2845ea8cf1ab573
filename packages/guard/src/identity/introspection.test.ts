import { describe, expect, it } from 'vitest';
import type { EgressAnswer, EgressFault, EgressRequest } from '../egress/egress.ts';
import type { DoorPath } from '../exchange.ts';
import { frozenClock, received } from '../exchange.fixture.ts';
import { parseClaimPath, type ClaimPath } from './claim-path.ts';
import { createIntrospection, type IntrospectionOptions } from './introspection.ts';
import type { IntrospectionRules } from './introspection-answer.ts';
import { compileRoleMap } from './role-map.ts';

const path = (source: string): ClaimPath => {
  const found = parseClaimPath(source);
  if ('fault' in found) throw new Error(found.fault);
  return found;
};

const rules: IntrospectionRules = {
  issuer: 'https://login.example.com',
  audience: ['https://mcp.example.com/mcp'],
  publicUrl: 'https://mcp.example.com',
  require: [{ path: path('tid'), value: 't1' }],
  id: path('sub'),
  agent: path('client_id'),
  scopes: path('scope'),
  roles: { claim: path('groups'), map: compileRoleMap([{ pattern: 'staff', roles: ['reader'] }]) },
  clockSkewMs: 60_000,
  allowsUntyped: false,
  namesIssuer: true,
};

const start = frozenClock().now() / 1000;

const active = {
  active: true,
  token_type: 'Bearer',
  iss: rules.issuer,
  aud: rules.audience[0],
  sub: 'ada',
  client_id: 'editor',
  scope: 'mcp:read mcp:write',
  groups: ['staff'],
  tid: 't1',
  exp: start + 600,
};

const json = (value: unknown, more: Partial<EgressAnswer> = {}): EgressAnswer => ({
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  url: 'https://login.example.com/introspect',
  ...more,
});

const outage: EgressFault = { kind: 'fault', reason: 'timeout', message: 'no answer in time' };

/** A server that answers with what it is given, and a verifier that asks it. */
function serving(answer: EgressAnswer | EgressFault = json(active), more: Partial<IntrospectionOptions> = {}) {
  const clock = frozenClock();
  const requests: EgressRequest[] = [];
  const troubles: (string | undefined)[] = [];
  const server = { answer, held: undefined as Promise<void> | undefined };
  const verifier = createIntrospection({
    clock,
    egress: {
      async request(request) {
        requests.push(request);
        await server.held;
        return server.answer;
      },
    },
    url: 'https://login.example.com/introspect',
    clientId: 'sally port',
    clientSecret: 'p@ss:word+',
    clientAuth: 'basic',
    rules,
    cacheMs: 30_000,
    timeoutMs: 5000,
    asksForJwts: false,
    onTrouble: (trouble) => void troubles.push(trouble),
    ...more,
  });
  const verify = (token = 'opaque-1', address = '192.0.2.1', path: DoorPath = { kind: 'all' }) =>
    verifier.verify(token, received({ time: clock.now(), started: clock.monotonic(), address, path }));
  return { clock, requests, server, troubles, verifier, verify };
}

describe('[opaque-tokens] an opaque token', () => {
  it('names the caller that the authorization server says it stands for', async () => {
    const { verify } = serving();
    expect(await verify()).toMatchObject({
      kind: 'jwt',
      id: 'jwt:https://login.example.com|ada',
      agent: 'editor',
      roles: ['reader'],
      scopes: ['mcp:read', 'mcp:write'],
      audiences: ['https://mcp.example.com/mcp'],
      expiresAt: (start + 600) * 1000 + 60_000,
    });
  });

  it('is asked about by POST, without redirects, by a client that names itself in the header', async () => {
    const { verify, requests } = serving();
    await verify('to/ken+1=');
    const basic = Buffer.from('sally+port:p%40ss%3Aword%2B').toString('base64');
    expect(requests).toEqual([
      expect.objectContaining({
        url: 'https://login.example.com/introspect',
        trust: 'operator',
        method: 'POST',
        maxRedirects: 0,
        body: 'token=to%2Fken%2B1%3D&token_type_hint=access_token',
        headers: expect.objectContaining({ authorization: `Basic ${basic}` }) as unknown,
      }),
    ]);
  });

  it('is asked about with credentials in the form where the server wants them there', async () => {
    const { verify, requests } = serving(json(active), { clientAuth: 'post' });
    await verify();
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(requests[0]?.body).toContain('client_id=sally+port&client_secret=p%40ss%3Aword%2B');
  });

  it.each<[string, unknown, string]>([
    ['is not active', { active: false }, 'invalid'],
    ['is active by a text', { ...active, active: 'true' }, 'unavailable'],
    ['has an answer without `active`', { sub: 'ada' }, 'unavailable'],
    ['is over', { ...active, exp: start - 60 }, 'expired'],
    ['ends at no moment', { ...active, exp: '2099' }, 'unavailable'],
    ['is not good yet', { ...active, nbf: start + 61 }, 'invalid'],
    ['was issued in the future', { ...active, iat: start + 61 }, 'invalid'],
    ['is of another issuer', { ...active, iss: 'https://evil.example' }, 'invalid'],
    ['is for somebody else', { ...active, aud: ['https://other.example'] }, 'invalid'],
    ['is for nobody in particular', { ...active, aud: undefined }, 'invalid'],
    ['names nobody', { ...active, sub: undefined }, 'invalid'],
    ['names somebody by a number', { ...active, sub: 7 }, 'invalid'],
    ['is a refresh token', { ...active, token_type: undefined }, 'invalid'],
    ['is of another type', { ...active, token_type: 'DPoP' }, 'invalid'],
    ['is bound to a key', { ...active, cnf: { jkt: 'x' } }, 'invalid'],
    ['lacks a claim that is required', { ...active, tid: 't2' }, 'invalid'],
    ['has an answer with a name twice', '{"active":true,"active":true}', 'unavailable'],
    ['has an answer that is a list', [active], 'unavailable'],
    ['has an answer that is no JSON', '<html>', 'unavailable'],
  ])('that %s is refused', async (_, body, fault) => {
    const { verify } = serving(json(body));
    expect(await verify()).toMatchObject({ fault });
  });

  it.each<[string, EgressAnswer | EgressFault, string]>([
    ['cannot be reached', outage, 'unavailable'],
    ['fails', json('', { status: 500 }), 'unavailable'],
    ['sends elsewhere', json(active, { status: 302 }), 'unavailable'],
    ['does not know us', json({ error: 'invalid_client' }, { status: 401 }), 'unavailable'],
    ['does not judge such tokens', json({ error: 'unsupported_token_type' }, { status: 400 }), 'invalid'],
    ['answers a page', json(active, { headers: { 'content-type': 'text/html' } }), 'unavailable'],
  ])('lets nobody in where the server %s', async (_, answer, fault) => {
    const { verify } = serving(answer);
    expect(await verify()).toMatchObject({ fault });
  });

  it('without an end is kept for the cache time alone', async () => {
    const { verify } = serving(json({ ...active, exp: undefined }));
    expect(await verify()).not.toHaveProperty('expiresAt');
  });

  it('may name an issuer that the file does not', async () => {
    const answer = json({ ...active, iss: 'https://login.example.com/tenant' });
    const { verify } = serving(answer, { rules: { ...rules, namesIssuer: false } });
    expect(await verify()).toMatchObject({ id: 'jwt:https://login.example.com|ada' });
  });

  it('without a type is taken where the file says so', async () => {
    const { verify } = serving(json({ ...active, token_type: undefined }), {
      rules: { ...rules, allowsUntyped: true },
    });
    expect(await verify()).toMatchObject({ roles: ['reader'] });
  });
});

describe('[opaque-tokens] an answer', () => {
  it('is kept, so that the next call is answered at once and by the same holder', async () => {
    const { verify, requests, clock } = serving();
    const first = await verify();
    clock.advance(29_999);
    expect(verify()).toBe(first);
    expect(requests).toHaveLength(1);
  });

  it('is asked for again after the cache time, and a revoked token ends there', async () => {
    const { verify, server, clock } = serving();
    await verify();
    server.answer = json({ active: false });
    clock.advance(30_000);
    expect(await verify()).toMatchObject({ fault: 'invalid' });
  });

  it('that says the same again gives the same holder', async () => {
    const { verify, requests, clock } = serving();
    const first = await verify();
    clock.advance(30_000);
    expect(await verify()).toBe(first);
    expect(requests).toHaveLength(2);
  });

  it('that says something else gives another', async () => {
    const { verify, server, clock } = serving();
    await verify();
    clock.advance(30_000);
    server.answer = json({ ...active, groups: [] });
    expect(await verify()).toMatchObject({ roles: [] });
  });

  it('does not outlive the token', async () => {
    const { verify, server, clock } = serving(json({ ...active, exp: start + 1 }));
    await verify();
    clock.advance(61_000);
    server.answer = json({ active: false });
    expect(await verify()).toMatchObject({ fault: 'invalid' });
  });

  it('that refuses is kept for a second, so that a token works soon after it was issued', async () => {
    const { verify, server, clock, requests } = serving(json({ active: false }));
    await verify();
    server.answer = json(active);
    clock.advance(999);
    expect(await verify()).toMatchObject({ fault: 'invalid' });
    expect(requests).toHaveLength(1);
    clock.advance(1);
    expect(await verify()).toMatchObject({ roles: ['reader'] });
  });

  it('is asked for once, however many calls wait for it', async () => {
    const { verify, server, requests } = serving();
    let release = (): void => undefined;
    server.held = new Promise((resolve) => {
      release = resolve;
    });
    const waiting = Array.from({ length: 50 }, async () => await verify());
    release();
    const holders = await Promise.all(waiting);
    expect(new Set(holders).size).toBe(1);
    expect(requests).toHaveLength(1);
  });
});

describe('[token-audience] an opaque token for one server', () => {
  it('holds at its door alone, whether it was asked about or not', async () => {
    const { verify, requests } = serving(json({ ...active, aud: 'https://mcp.example.com/mcp/a' }));
    const at = (server: string) => verify('opaque-1', '192.0.2.1', { kind: 'server', server });
    const together = await Promise.all([Promise.resolve(at('a')), Promise.resolve(at('b'))]);
    expect(together).toMatchObject([{ roles: ['reader'] }, { fault: 'invalid' }]);
    expect(at('b')).toMatchObject({ fault: 'invalid' });
    expect(at('a')).toMatchObject({ roles: ['reader'] });
    expect(await verify()).toMatchObject({ fault: 'invalid' });
    expect(requests).toHaveLength(1);
  });
});

describe('[opaque-tokens] an outage', () => {
  it('lets nobody in whose answer is not kept, and nobody is asked for a second', async () => {
    const { verify, server, clock, requests } = serving();
    await verify('opaque-1');
    server.answer = outage;
    expect(await verify('opaque-2')).toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 });
    expect(await verify('opaque-3')).toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 });
    expect(await verify('opaque-1')).toMatchObject({ roles: ['reader'] });
    expect(requests).toHaveLength(2);
    clock.advance(1000);
    server.answer = json(active);
    expect(await verify('opaque-3')).toMatchObject({ roles: ['reader'] });
  });

  it('ends what was kept, too, when its time is over', async () => {
    const { verify, server, clock } = serving();
    await verify();
    clock.advance(30_000);
    server.answer = outage;
    expect(await verify()).toMatchObject({ fault: 'unavailable' });
  });

  it('is told once, and its end too', async () => {
    const { verify, server, clock, troubles } = serving(outage);
    await verify('opaque-1');
    clock.advance(1000);
    await verify('opaque-2');
    clock.advance(1000);
    server.answer = json(active);
    await verify('opaque-3');
    expect(troubles).toEqual([expect.stringContaining('timeout'), undefined]);
    expect(troubles.join()).not.toContain('opaque');
  });

  it('is not what a server has that chokes on one token', async () => {
    const { verify, server } = serving(json('', { status: 500 }));
    expect(await verify('opaque-1')).toMatchObject({ fault: 'unavailable' });
    server.answer = json(active);
    expect(await verify('opaque-2')).toMatchObject({ roles: ['reader'] });
  });
});

describe('[opaque-tokens] what is no opaque token', () => {
  const jwt = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.c2ln`;

  it.each([
    ['a signed token', jwt, 'unknown-kind'],
    ['an encrypted token', `${jwt}.a.b`, 'unknown-kind'],
    ['a text with spaces', 'a b', 'invalid'],
    ['an empty text', '', 'invalid'],
    ['a text beyond ASCII', 'tökén', 'invalid'],
    ['a line break', 'a\nb', 'invalid'],
    ['a text that is too long', 'a'.repeat(4097), 'invalid'],
  ])('%s is asked about nowhere', async (_, token, fault) => {
    const { verify, requests } = serving();
    expect(await verify(token)).toMatchObject({ fault });
    expect(requests).toEqual([]);
  });

  it('a signed token is asked about where the file says so', async () => {
    const { verify } = serving(json(active), { asksForJwts: true });
    expect(await verify(jwt)).toMatchObject({ roles: ['reader'] });
  });
});

describe('[opaque-tokens] many tokens at once', () => {
  it('from one address take a few places only, and others are still asked about', async () => {
    const { verify, server, requests } = serving();
    let release = (): void => undefined;
    server.held = new Promise((resolve) => {
      release = resolve;
    });
    const flood = Array.from({ length: 100 }, async (_, i) => await verify(`guess-${i}`, '192.0.2.66'));
    const honest = verify('opaque-1', '192.0.2.1');
    expect(requests).toHaveLength(17);
    release();
    expect(await honest).toMatchObject({ roles: ['reader'] });
    const refused = (await Promise.all(flood)).filter((outcome) => 'fault' in outcome);
    expect(refused).toHaveLength(84);
    expect(await verify('guess-99', '192.0.2.66')).toMatchObject({ roles: ['reader'] });
  });

  it('from many addresses are bounded in all', () => {
    const { verify, server, requests } = serving();
    server.held = new Promise(() => undefined);
    for (let i = 0; i < 1000; i++) void verify(`guess-${i}`, `192.0.${i >> 8}.${i & 255}`);
    expect(requests).toHaveLength(256);
  });
});
