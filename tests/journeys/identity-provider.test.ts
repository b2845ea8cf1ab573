/** The identity provider of the tests is one: what it issues can be verified, revoked, rotated and taken away. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  startIdentityProvider,
  type ClientSecret,
  type IdentityProvider,
} from '../fixtures/identity-provider/identity-provider.ts';
import type { Profile, ProviderOptions } from '../fixtures/identity-provider/options.ts';
import { isSignedBy, readToken } from '../fixtures/identity-provider/read-token.ts';

const resource = 'https://mcp.example.com/mcp';
const callback = 'http://127.0.0.1:9/callback';
const machine: ClientSecret = { id: 'machine', secret: randomUUID() };

const start = async (options: Partial<ProviderOptions> = {}): Promise<IdentityProvider> => {
  const provider = await startIdentityProvider({
    resources: { [resource]: { scopes: ['mcp:read', 'mcp:write'] } },
    clients: [
      { client_id: 'person', redirect_uris: [callback] },
      { client_id: machine.id, client_secret: machine.secret },
    ],
    ...options,
  });
  onTestFinished(() => provider.stop());
  return provider;
};

/** Logs in by code with PKCE, and returns the token endpoint's answer. */
const logIn = async (
  provider: IdentityProvider,
  wishes: Readonly<Record<string, string>>,
  account?: string,
): Promise<Record<string, unknown>> => {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(provider.endpoints.authorization);
  url.search = new URLSearchParams({
    client_id: 'person',
    response_type: 'code',
    redirect_uri: callback,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...wishes,
  }).toString();
  const back = await provider.browse(url, account === undefined ? {} : { account });
  const code = back.searchParams.get('code');
  if (code === null) return Object.fromEntries(back.searchParams);
  const answer = await fetch(provider.endpoints.token, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'person',
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    }),
  });
  return (await answer.json()) as Record<string, unknown>;
};

const introspect = async (provider: IdentityProvider, token: string): Promise<Record<string, unknown>> => {
  const answer = await fetch(provider.endpoints.introspection, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${machine.id}:${machine.secret}`).toString('base64')}` },
    body: new URLSearchParams({ token }),
  });
  return (await answer.json()) as Record<string, unknown>;
};

describe('the identity provider of the tests', () => {
  it('issues tokens for the resource that the client names, to the person who logs in', async () => {
    const provider = await start({
      accounts: { alice: { claims: { groups: ['staff'] } }, bob: { scopes: ['mcp:read'] } },
    });
    const wishes = { scope: 'mcp:read mcp:write', resource };
    const { access_token: alice } = await logIn(provider, wishes);
    expect(await isSignedBy(alice, provider.endpoints.jwks)).toBe(true);
    expect(readToken(alice)).toMatchObject({
      header: { typ: 'at+jwt', alg: 'RS256' },
      payload: { iss: provider.issuer, aud: resource, sub: 'alice', groups: ['staff'], scope: 'mcp:read mcp:write' },
    });
    const { access_token: bob } = await logIn(provider, wishes, 'bob');
    expect(readToken(bob).payload).toMatchObject({ sub: 'bob', scope: 'mcp:read' });
    expect(await logIn(provider, { scope: 'mcp:read', resource: 'https://other.example' })).toMatchObject({
      error: 'invalid_target',
    });
  });

  it('takes keys away, and breaks in the way that it is told to', async () => {
    const provider = await start();
    const before = await provider.clientToken({ ...machine, scope: 'mcp:read', resource });
    await provider.rotateKeys(false);
    const after = await provider.clientToken({ ...machine, scope: 'mcp:read', resource });
    expect(await isSignedBy(before['access_token'], provider.endpoints.jwks)).toBe(false);
    expect(await isSignedBy(after['access_token'], provider.endpoints.jwks)).toBe(true);
    expect(readToken(after['access_token']).payload).toMatchObject({ sub: 'machine' });
    await provider.setOutage('error');
    expect((await fetch(provider.endpoints.jwks)).status).toBe(503);
    await provider.setOutage('reset');
    await expect(fetch(provider.endpoints.jwks)).rejects.toThrow();
    await provider.setOutage('none');
    expect((await fetch(provider.endpoints.jwks)).status).toBe(200);
    expect((await provider.requests())['GET /jwks']).toBeGreaterThan(3);
  });

  it('answers for opaque tokens until they are revoked', async () => {
    const provider = await start({ resources: { [resource]: { scopes: ['mcp:read'], format: 'opaque' } } });
    const { access_token: token } = await provider.clientToken({ ...machine, scope: 'mcp:read', resource });
    expect(await introspect(provider, String(token))).toMatchObject({
      active: true,
      scope: 'mcp:read',
      aud: resource,
      client_id: 'machine',
    });
    await provider.revoke(String(token), machine);
    expect(await introspect(provider, String(token))).toEqual({ active: false });
  });

  it.each<{ profile: Profile; scope: string; header: object; payload: object }>([
    {
      profile: 'entra',
      scope: 'api://mcp/mcp.read',
      header: { typ: 'JWT' },
      payload: { aud: 'api://mcp', scp: 'mcp.read', azp: 'person', ver: '2.0', roles: ['Team.Readers'] },
    },
    {
      profile: 'okta',
      scope: 'mcp.read',
      header: {},
      payload: { aud: 'api://mcp', scp: ['mcp.read'], cid: 'person', uid: 'alice', ver: 1 },
    },
  ])('has the habits of $profile', async ({ profile, scope, header, payload }) => {
    const provider = await start({
      profile,
      resources: { 'api://mcp': { scopes: [scope] } },
      accounts: { alice: { claims: { roles: ['Team.Readers'] } } },
    });
    const document = await fetch(`${provider.issuer}/.well-known/openid-configuration`);
    const metadata = (await document.json()) as Record<string, unknown>;
    expect(metadata).toMatchObject({ issuer: provider.issuer, jwks_uri: provider.endpoints.jwks });
    expect(metadata).not.toHaveProperty('registration_endpoint');
    const { origin, pathname } = new URL(provider.issuer);
    expect((await fetch(`${origin}/.well-known/openid-configuration${pathname}`)).status).toBe(404);
    const { access_token: token } = await logIn(provider, { scope });
    const read = readToken(token);
    expect(read.header['typ']).toBe('typ' in header ? header.typ : undefined);
    expect(read.payload).toMatchObject({ iss: provider.issuer, sub: 'alice', ...payload });
    const named = await logIn(provider, { scope, resource });
    expect(named).toHaveProperty(profile === 'entra' ? 'error' : 'access_token');
  });
});
