/** A person logs in with a client program that knows nothing but the gateway's address, and calls what it may. */
import { randomUUID } from 'node:crypto';
import { startGateway, stubStdioCommand, type Gateway } from '@sallyport/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startIdentityProvider, type IdentityProvider } from '../fixtures/identity-provider/identity-provider.ts';
import type { ProviderOptions } from '../fixtures/identity-provider/options.ts';
import { readToken } from '../fixtures/identity-provider/read-token.ts';
import { freePort } from './login/ports.ts';
import { callback, createLogin, type LoginOptions } from './login/login.ts';
import { firstGeneration, secondGeneration, type Generation } from './login/partners.ts';

const scopes = ['mcp:read', 'mcp:write'];

/** Roles as a team would have them: everybody reads, some write, and a token says how much of it the program may. */
const roles = (prefix = 'mcp:') => ({
  reader: { tools: ['files.echo'], scopes: [`${prefix}read`] },
  writer: { tools: ['files.echo', 'files.slow'], scopes: [`${prefix}read`, `${prefix}write`] },
});

interface Place {
  readonly idp: IdentityProvider;
  readonly gateway: Gateway;
  readonly enter: (generation: Generation, login: ReturnType<typeof createLogin>) => ReturnType<Generation['enter']>;
}

/** What the file says about the provider. */
type IssuerOf = (idp: IdentityProvider, url: string) => Record<string, unknown>;

/** A gateway that takes the tokens of a provider. */
async function open(
  provider: (url: string) => ProviderOptions,
  issuer: IssuerOf | { readonly introspection: IssuerOf },
  more: Record<string, unknown> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Place> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const idp = await startIdentityProvider(provider(origin));
  onTestFinished(() => idp.stop());
  const gateway = await startGateway({
    config: {
      listen: `127.0.0.1:${port}`,
      publicUrl: origin,
      callers:
        typeof issuer === 'function'
          ? { jwt: [{ issuer: idp.issuer, ...issuer(idp, origin) }] }
          : { introspection: issuer.introspection(idp, origin) },
      roles: roles(),
      upstreams: { files: { command: stubStdioCommand() } },
      ...more,
    },
    env,
  });
  onTestFinished(async () => void (await gateway.stop()));
  return {
    idp,
    gateway,
    async enter(generation, login) {
      const visitor = await generation.enter(gateway.url, login);
      onTestFinished(() => visitor.close());
      return visitor;
    },
  };
}

const groups = { claim: 'groups', map: { staff: ['reader', 'writer'] } };
const alice = { alice: { claims: { groups: ['staff'] } } };
const document = 'https://client.example/oauth/client.json';

const standard = (url: string): ProviderOptions => ({
  resources: { [`${url}/mcp`]: { scopes } },
  accounts: alice,
  clients: [{ client_id: 'known', redirect_uris: [callback] }],
  clientDocuments: {
    [document]: {
      client_id: document,
      client_name: 'A client of the tests',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
  },
});

const scopesAsked = (url: URL | undefined): string[] =>
  (url?.searchParams.get('scope') ?? '').split(' ').filter((scope) => scope !== '' && scope !== 'offline_access');

const registrations: readonly LoginOptions['registration'][] = [
  { kind: 'document', url: document },
  { kind: 'dynamic' },
  { kind: 'known', id: 'known' },
];

describe('[step-up] a client program that knows nothing but the address', () => {
  it.each(
    [secondGeneration('modern'), secondGeneration('legacy'), firstGeneration].flatMap((generation) =>
      registrations.map((registration) => ({ generation, registration, name: generation.name, as: registration.kind })),
    ),
  )('logs in, calls, and logs in for more where a call needs it: $name, $as', async ({ generation, registration }) => {
    const { idp, gateway, enter } = await open(standard, () => ({ roles: groups }));
    // The first generation refreshes in place of asking for more.
    const login = createLogin({ idp, registration, refreshes: generation !== firstGeneration });
    const visitor = await enter(generation, login);
    expect(await visitor.call('files__echo', { text: 'hello' })).toContain('hello');
    expect(await visitor.list()).toEqual(['files__echo']);
    expect(login.visits.map(scopesAsked)).toEqual([['mcp:read']]);
    expect(login.visits[0]?.searchParams.get('resource')).toBe(gateway.url);
    expect(login.visits[0]?.searchParams.get('code_challenge_method')).toBe('S256');

    expect(await visitor.call('files__slow', { ms: 1 })).toContain('1');
    expect(login.visits).toHaveLength(2);
    expect(new Set(scopesAsked(login.visits[1]))).toEqual(new Set(['mcp:read', 'mcp:write']));
    expect(readToken(login.token()).payload).toMatchObject({ sub: 'alice', aud: gateway.url });
    expect(await visitor.list()).toEqual(['files__echo', 'files__slow']);
  });
});

describe('a client program with an Okta-like provider', () => {
  it('logs in as a client that was registered there, whatever resource it names', async () => {
    const client = { client_id: 'desktop', client_secret: randomUUID(), redirect_uris: [callback] };
    const { idp, enter } = await open(
      () => ({
        profile: 'okta',
        resources: { 'api://mcp': { scopes } },
        accounts: alice,
        clients: [client],
      }),
      () => ({ audience: ['api://mcp'], types: ['absent'], scopes: 'scp', agent: 'cid', roles: groups }),
    );
    const login = createLogin({
      idp,
      registration: { kind: 'known', id: client.client_id, secret: client.client_secret },
    });
    const visitor = await enter(secondGeneration('modern'), login);
    expect(await visitor.call('files__echo', { text: 'hello' })).toContain('hello');
    expect(await visitor.call('files__slow', { ms: 1 })).toContain('1');
    expect(login.visits.map(scopesAsked)).toEqual([['mcp:read'], ['mcp:read', 'mcp:write']]);
    expect(readToken(login.token()).payload).toMatchObject({ aud: 'api://mcp', scp: scopes, cid: 'desktop' });
  });
});

describe('a client program with an Entra-like provider', () => {
  const client = { client_id: 'desktop', redirect_uris: [callback] };
  const appRoles = { alice: { claims: { roles: ['Mcp.Staff'] } } };
  const app = randomUUID();
  const issuer = (idp: IdentityProvider, prefix: string): Record<string, unknown> => ({
    audience: [app],
    types: ['JWT'],
    require: { tid: new URL(idp.issuer).pathname.split('/')[1] ?? '' },
    id: 'oid',
    agent: 'azp',
    scopes: 'scp',
    scopePrefix: prefix,
    roles: { claim: 'roles', map: { 'Mcp.*': ['reader', 'writer'] } },
  });
  const provider = (indicator: string): ProviderOptions => ({
    profile: 'entra',
    resources: {
      [indicator]: { scopes: ['mcp.read', 'mcp.write'].map((scope) => `${indicator}/${scope}`), audience: app },
    },
    accounts: appRoles,
    clients: [client],
  });

  it('logs in where the application is named by the address of the gateway', async () => {
    const { idp, gateway, enter } = await open(
      (url) => provider(`${url}/mcp`),
      (found, url) => issuer(found, `${url}/mcp/`),
      { roles: roles('mcp.') },
    );
    const login = createLogin({ idp, registration: { kind: 'known', id: client.client_id } });
    const visitor = await enter(secondGeneration('modern'), login);
    expect(await visitor.call('files__echo', { text: 'hello' })).toContain('hello');
    expect(await visitor.call('files__slow', { ms: 1 })).toContain('1');
    expect(login.visits.map(scopesAsked)).toEqual([
      [`${gateway.url}/mcp.read`],
      [`${gateway.url}/mcp.read`, `${gateway.url}/mcp.write`],
    ]);
    expect(readToken(login.token()).payload).toMatchObject({ aud: app, scp: 'mcp.read mcp.write', ver: '2.0' });
  });

  it('logs in where it is named otherwise, by a program that leaves the resource out', async () => {
    const { idp, enter } = await open(
      () => provider('api://mcp'),
      (found) => issuer(found, 'api://mcp/'),
      { roles: roles('mcp.') },
    );
    const registration = { kind: 'known', id: client.client_id } as const;
    const named = createLogin({ idp, registration });
    await expect(enter(secondGeneration('modern'), named)).rejects.toThrow();
    const login = createLogin({ idp, registration, namesNoResource: true });
    const visitor = await enter(secondGeneration('modern'), login);
    expect(await visitor.call('files__echo', { text: 'hello' })).toContain('hello');
    expect(await visitor.call('files__slow', { ms: 1 })).toContain('1');
    expect(login.visits.map(scopesAsked)).toEqual([
      ['api://mcp/mcp.read'],
      ['api://mcp/mcp.read', 'api://mcp/mcp.write'],
    ]);
  });
});

describe('a client program whose provider issues opaque tokens', () => {
  it('logs in, and logs in for more where a call needs it', async () => {
    const machine = { id: 'gateway', secret: randomUUID() };
    const { idp, enter } = await open(
      (url) => ({
        ...standard(url),
        resources: { [`${url}/mcp`]: { scopes, format: 'opaque' } },
        clients: [{ client_id: machine.id, client_secret: machine.secret }],
      }),
      {
        introspection: (found: IdentityProvider) => ({
          url: found.endpoints.introspection,
          clientId: machine.id,
          clientSecret: 'env:GATEWAY_SECRET',
          roles: groups,
        }),
      },
      {},
      { GATEWAY_SECRET: machine.secret },
    );
    const login = createLogin({ idp, registration: { kind: 'dynamic' } });
    const visitor = await enter(secondGeneration('modern'), login);
    expect(await visitor.call('files__echo', { text: 'hello' })).toContain('hello');
    expect(await visitor.call('files__slow', { ms: 1 })).toContain('1');
    expect(login.visits.map(scopesAsked)).toEqual([['mcp:read'], ['mcp:read', 'mcp:write']]);
    expect(login.token()).not.toContain('.');
  });
});
