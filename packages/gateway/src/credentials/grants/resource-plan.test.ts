import { describe, expect, it } from 'vitest';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import { frozenClock } from '../../exchange.fixture.ts';
import { makeEgress, type Answering } from '../egress.fixture.ts';
import { fetchOver } from '../egress-fetch.ts';
import { createDirectory, metadataPlaces } from '../server-metadata.ts';
import { canonicalResource, planConsent, resourcePlaces, type ResourcePlan } from './resource-plan.ts';

const url = 'https://api.example.com/v1/mcp';
const issuer = 'https://login.example.com/tenant';
const resource = { resource: url, authorization_servers: [issuer], scopes_supported: ['use'] };
const server = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  code_challenge_methods_supported: ['S256'],
};
const plain: OAuthGrantConfig = {
  kind: 'oauth',
  scopes: undefined,
  issuer: undefined,
  clientId: undefined,
  clientSecret: undefined,
  clientAuth: undefined,
  profile: 'standard',
};
const resourceAt = 'https://api.example.com/.well-known/oauth-protected-resource/v1/mcp';
const serverAt = 'https://login.example.com/.well-known/oauth-authorization-server/tenant';

async function plan(
  answers: Readonly<Record<string, Answering | object>>,
  config: Partial<OAuthGrantConfig> = {},
  challenge?: string,
  more: readonly string[] = [],
): Promise<{ readonly plan: ResourcePlan; readonly egress: ReturnType<typeof makeEgress> }> {
  const egress = makeEgress(answers);
  const fetch = fetchOver(egress, [url, ...(config.issuer === undefined ? [] : [config.issuer])]);
  const made = await planConsent(url, { ...plain, ...config }, challenge, more, fetch, createDirectory(frozenClock()));
  return { plan: made, egress };
}

describe('the plan of a consent', () => {
  it('follows the server to its authorization server, whose addresses are judged as from outside', async () => {
    const { plan: made, egress } = await plan({ [resourceAt]: resource, [serverAt]: server });
    expect(made).toMatchObject({ resource: url, scopes: ['use'], authorizationEndpoint: `${issuer}/authorize` });
    expect(egress.asked.map(({ url: at, trust }) => [at, trust])).toEqual([
      [resourceAt, 'operator'],
      [serverAt, 'outside'],
    ]);
  });

  it('prefers what the file says, then what the challenge asks for', async () => {
    const named = 'https://elsewhere.example.com/metadata';
    const challenge = `Bearer resource_metadata="${named}", scope="now"`;
    const answers = { [named]: resource, [serverAt]: server };
    expect((await plan(answers, {}, challenge, ['more'])).plan.scopes).toEqual(['now', 'more']);
    expect((await plan(answers, { scopes: ['mine'] }, challenge)).plan.scopes).toEqual(['mine']);
    const written = await plan({ [serverAt]: server }, { issuer });
    expect(written.plan.resource).toBe(url);
    expect(written.egress.asked.find(({ url: at }) => at === serverAt)?.trust).toBe('operator');
  });

  it('asks for lasting access where the server knows it, unless the file says what to ask for', async () => {
    const lasting = { ...server, scopes_supported: ['use', 'offline_access'] };
    expect((await plan({ [resourceAt]: resource, [serverAt]: lasting })).plan.scopes).toEqual([
      'use',
      'offline_access',
    ]);
    const written = await plan({ [resourceAt]: resource, [serverAt]: lasting }, { scopes: ['use'] });
    expect(written.plan.scopes).toEqual(['use']);
  });

  it('knows servers from before there was metadata of resources', async () => {
    const origin = 'https://api.example.com';
    const own = { ...server, issuer: origin };
    const { plan: made } = await plan({ [`${origin}/.well-known/oauth-authorization-server`]: own });
    expect(made.server.issuer).toBe(origin);
  });

  it('leaves the resource out where servers refuse it, and takes metadata that is silent about PKCE', async () => {
    const { code_challenge_methods_supported: _, ...silent } = server;
    const { plan: made } = await plan({ [resourceAt]: resource, [serverAt]: silent }, { profile: 'entra' });
    expect(made.resource).toBeUndefined();
  });

  it.each<[string, object, object, string]>([
    [
      'speaks of another resource',
      { ...resource, resource: 'https://other.example.com/mcp' },
      server,
      'another resource',
    ],
    ['speaks of a neighbour', { ...resource, resource: 'https://api.example.com/v1/mc' }, server, 'another resource'],
    ['names no server', { ...resource, authorization_servers: [] }, server, 'names no authorization server'],
    [
      'names a server without encryption',
      { ...resource, authorization_servers: ['http://login.example.com'] },
      server,
      'names no',
    ],
    ['names a script', { ...resource, authorization_servers: ['javascript:alert(1)'] }, server, 'names no'],
    ['is led to a foreign issuer', resource, { ...server, issuer: 'https://evil.example.com' }, 'not for'],
    ['is led to an issuer with a slash more', resource, { ...server, issuer: `${issuer}/` }, 'not for'],
    ['is led to a server without PKCE', resource, { ...server, code_challenge_methods_supported: ['plain'] }, 'PKCE'],
    [
      'is led to a server silent about PKCE',
      resource,
      { ...server, code_challenge_methods_supported: undefined },
      'PKCE',
    ],
    [
      'is led to a page that is a script',
      resource,
      { ...server, authorization_endpoint: 'javascript:alert(1)' },
      'no https',
    ],
    [
      'is led to a page without encryption',
      resource,
      { ...server, authorization_endpoint: 'http://a.example/' },
      'no https',
    ],
    ['is led to a file', resource, { ...server, token_endpoint: 'file:///etc/passwd' }, 'no https'],
    ['is led to no token endpoint', resource, { ...server, token_endpoint: undefined }, 'token_endpoint'],
  ])('is not made where the server %s', async (_name, ofResource, ofServer, says) => {
    await expect(plan({ [resourceAt]: ofResource, [serverAt]: ofServer })).rejects.toThrow(says);
  });
});

describe('the places of metadata', () => {
  it('are those of the protocol, in its order', () => {
    expect(metadataPlaces(issuer)).toEqual([
      serverAt,
      'https://login.example.com/.well-known/openid-configuration/tenant',
      'https://login.example.com/tenant/.well-known/openid-configuration',
    ]);
    expect(metadataPlaces('https://login.example.com')).toHaveLength(2);
    expect(resourcePlaces(url)).toEqual([resourceAt, 'https://api.example.com/.well-known/oauth-protected-resource']);
  });

  it('belong to a resource without fragment and lone slash', () => {
    expect(canonicalResource('https://a.example/#x')).toBe('https://a.example');
    expect(canonicalResource('wss://a.example/mcp')).toBe('https://a.example/mcp');
    expect(canonicalResource('https://a.example/mcp/?b=c#d')).toBe('https://a.example/mcp/?b=c');
  });
});
