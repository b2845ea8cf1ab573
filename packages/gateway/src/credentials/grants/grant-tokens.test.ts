import { randomBytes } from 'node:crypto';
import { createEnvelope, openStore, type Store } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frozenClock, type FrozenClock } from '../../exchange.fixture.ts';
import { makeEgress, type TestEgress } from '../egress.fixture.ts';
import { fetchOver } from '../egress-fetch.ts';
import { createDirectory } from '../server-metadata.ts';
import type { TokenCredential } from '../token-credential.ts';
import type { AccountServer, ConnectionsOptions } from './account-context.ts';
import type { Grant } from './grant.ts';
import { GATEWAY_MIGRATIONS } from './grant-schema.ts';
import { createGrantStore, type GrantStore } from './grant-store.ts';
import { GrantTokens } from './grant-tokens.ts';

const random = { bytes: (length: number) => randomBytes(length) };
const text = (): string => randomBytes(24).toString('base64url');
const issuer = 'https://login.example.com';
const lifeMs = 600_000;

let store: Store;
let grants: GrantStore;
let clock: FrozenClock;
let egress: TestEgress;
let tokens: GrantTokens;
let desk: AccountServer;
let records: object[];
/** What the token endpoint answers. */
let answer: (form: URLSearchParams) => object;

beforeEach(async () => {
  clock = frozenClock();
  const opened = await openStore('sqlite::memory:', { clock, migrations: [GATEWAY_MIGRATIONS] });
  if ('fault' in opened) throw new Error(opened.message);
  store = opened;
  grants = createGrantStore(store, createEnvelope([randomBytes(32)], random), clock, random);
  records = [];
  answer = () => ({ access_token: text(), token_type: 'Bearer', expires_in: lifeMs / 1000 });
  egress = makeEgress({
    [`${issuer}/.well-known/oauth-authorization-server`]: { issuer, token_endpoint: `${issuer}/token` },
    [`${issuer}/token`]: ({ form }: { form: URLSearchParams }) => answer(form),
  });
  const context: ConnectionsOptions = {
    clock,
    egress,
    directory: createDirectory(clock),
    random,
    timers: clock.timers,
    grants,
    audit: { append: (draft) => records.push(draft) },
    base: () => 'http://127.0.0.1:8848',
    log: () => undefined,
    onConnected: () => Promise.resolve(),
    onDisconnected: () => undefined,
  };
  tokens = new GrantTokens(context);
  const config = {
    kind: 'oauth',
    scopes: undefined,
    issuer: undefined,
    clientId: undefined,
    clientSecret: undefined,
    clientAuth: undefined,
    profile: 'standard',
  } as const;
  const url = 'https://api.example.com/mcp';
  desk = { name: 'desk', url, config, fetch: fetchOver(egress, [url]), kept: new Map(), challenge: undefined };
});

afterEach(() => store.close());

const makeGrant = (more: Partial<Grant> = {}): Grant => ({
  issuer,
  client: { id: 'gateway', secret: undefined, auth: 'none' },
  accessToken: text(),
  expiresAt: clock.now() + lifeMs,
  refreshToken: text(),
  requested: ['use'],
  scopes: ['use'],
  resource: 'https://api.example.com/mcp',
  ...more,
});

const credentialOf = (principal: string, kind = 'key'): TokenCredential =>
  tokens.credentialOf(desk, { principal, kind, token: undefined });

const refreshes = (): Record<string, string>[] =>
  egress.asked.filter(({ method }) => method === 'POST').map(({ form }) => Object.fromEntries(form));

describe('the token of a person', () => {
  it('is the one that was kept, and nobody else’s', async () => {
    const [adas, bobs] = [makeGrant(), makeGrant()];
    await grants.save('desk', 'key:ada', adas);
    await grants.save('desk', 'key:bob', bobs);
    await grants.save('shop', 'key:eve', makeGrant());
    for (const [principal, { accessToken }] of [
      ['key:ada', adas],
      ['key:bob', bobs],
    ] as const) {
      expect(await credentialOf(principal).ready()).toBeUndefined();
      expect(credentialOf(principal).headers()[1]).toBe(`Bearer ${accessToken}`);
    }
    expect(await credentialOf('key:eve').ready()).toMatchObject({
      reason: 'consent',
      consent: { server: 'desk', principal: 'key:eve', scopes: [] },
    });
    expect(refreshes()).toEqual([]);
  });

  it('is nobody’s where callers share a name', async () => {
    await grants.save('desk', 'anonymous', makeGrant());
    expect(await credentialOf('anonymous', 'anonymous').ready()).toMatchObject({ reason: 'identity' });
  });

  it('is renewed once for all who wait, for the same resource, and its refresh token rotates', async () => {
    const grant = makeGrant();
    await grants.save('desk', 'key:ada', grant);
    const credential = credentialOf('key:ada');
    await credential.ready();
    const next = text();
    answer = () => ({ access_token: 'renewed', token_type: 'Bearer', expires_in: 600, refresh_token: next });
    clock.advance(lifeMs - 30_000);
    await Promise.all(Array.from({ length: 50 }, () => Promise.resolve(credential.ready())));
    expect(credential.headers()[1]).toBe('Bearer renewed');
    expect(refreshes()).toEqual([
      {
        grant_type: 'refresh_token',
        refresh_token: grant.refreshToken,
        resource: grant.resource,
        client_id: 'gateway',
      },
    ]);
    expect((await grants.find('desk', 'key:ada'))?.grant).toMatchObject({ accessToken: 'renewed', refreshToken: next });
  });

  it('is renewed before it is used where it ended while nobody ran', async () => {
    await grants.save('desk', 'key:ada', makeGrant({ expiresAt: clock.now() - 1 }));
    expect(await credentialOf('key:ada').ready()).toBeUndefined();
    expect(refreshes()).toHaveLength(1);
  });

  it('needs another consent once its renewal is refused, with a record of it', async () => {
    await grants.save('desk', 'key:ada', makeGrant({ expiresAt: clock.now() - 1 }));
    answer = () => ({ status: 400, body: { error: 'invalid_grant' } });
    expect(await credentialOf('key:ada').ready()).toMatchObject({ reason: 'consent' });
    expect(await grants.find('desk', 'key:ada')).toBeUndefined();
    expect(records).toMatchObject([{ kind: 'auth', method: 'connections.refresh', outcome: { status: 'error' } }]);
    expect(JSON.stringify(records)).toContain('invalid_grant');
  });

  it.each<[string, () => object]>([
    ['cannot be reached', () => ({ kind: 'fault', reason: 'connection', message: 'refused' })],
    ['is ill', () => ({ status: 503, body: { error: 'temporarily_unavailable' } })],
    ['answers nonsense', () => ({ token_type: 'Bearer' })],
    ['gives a token that no header can carry', () => ({ access_token: 'a\r\nb: c', token_type: 'Bearer' })],
  ])('stays connected while its authorization server %s', async (_name, say) => {
    await grants.save('desk', 'key:ada', makeGrant({ expiresAt: clock.now() - 1 }));
    answer = say;
    expect(await credentialOf('key:ada').ready()).toMatchObject({ reason: 'credentials' });
    expect(await grants.find('desk', 'key:ada')).toBeDefined();
    answer = () => ({ access_token: 'back', token_type: 'Bearer' });
    clock.advance(1_001);
    expect(await credentialOf('key:ada').ready()).toBeUndefined();
  });

  it('is not used when it was taken back while it was renewed', async () => {
    await grants.save('desk', 'key:ada', makeGrant({ expiresAt: clock.now() - 1 }));
    const revoked: Promise<unknown>[] = [];
    answer = () => {
      revoked.push(grants.revoke({ principal: 'key:ada' }, 'connections.revoke'));
      return { access_token: 'late', token_type: 'Bearer' };
    };
    const failure = await credentialOf('key:ada').ready();
    await Promise.all(revoked);
    expect(failure).toMatchObject({ reason: 'consent' });
    expect(credentialOf('key:ada').headers()).toEqual([]);
  });

  it('is forgotten when another hand has changed or removed it', async () => {
    await grants.save('desk', 'key:ada', makeGrant());
    const credential = credentialOf('key:ada');
    await credential.ready();
    const upstreams = new Map([['desk', desk]]);
    expect(tokens.compare(await grants.list(), upstreams)).toEqual([]);
    expect(credential.headers()).toHaveLength(2);
    const next = makeGrant();
    await grants.save('desk', 'key:ada', next);
    expect(tokens.compare(await grants.list(), upstreams)).toEqual([]);
    expect(credential.headers()).toEqual([]);
    await credential.ready();
    expect(credential.headers()[1]).toBe(`Bearer ${next.accessToken}`);
    await grants.revoke({ server: 'desk' }, 'connections.revoke');
    expect(tokens.compare(await grants.list(), upstreams)).toEqual([['desk', 'key:ada']]);
    expect(await credential.ready()).toMatchObject({ reason: 'consent' });
  });

  it('needs a consent for scopes that were not asked for yet, and none for those that were refused', async () => {
    await grants.save('desk', 'key:ada', makeGrant({ requested: ['use', 'denied'] }));
    const credential = credentialOf('key:ada');
    await credential.ready();
    const refuse = (scope: string) => ({
      status: 403 as const,
      challenge: `Bearer error="insufficient_scope", scope="${scope}"`,
      sent: credential.headers(),
    });
    expect(await credential.refused(refuse('use admin'))).toMatchObject({
      reason: 'consent',
      consent: { scopes: ['use', 'admin'] },
    });
    expect(await credential.refused(refuse('denied'))).toMatchObject({ reason: 'credentials' });
    expect(credential.headers()).toHaveLength(2);
  });
});
