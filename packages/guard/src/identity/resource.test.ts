import { describe, expect, it } from 'vitest';
import { makePrincipal, makeRules } from '../exchange.fixture.ts';
import type { ResourceRules } from '../rules.ts';
import { challengeOf, metadataOf, resourceOf } from './resource.ts';

const resource: ResourceRules = {
  url: 'https://mcp.example.com',
  authorizationServers: ['https://login.example.com', 'https://other.example.com'],
  scopes: ['mcp:read'],
  named: new Map([
    ['files', ['files:read']],
    ['bare', []],
  ]),
};

const all = { kind: 'all' } as const;
const at = (server: string) => ({ kind: 'server', server }) as const;

describe('the metadata of a protected resource', () => {
  it('names the resource, who issues its tokens, what to ask for, and how to send them', () => {
    expect(metadataOf(resource, undefined)).toEqual({
      resource: 'https://mcp.example.com/mcp',
      authorization_servers: ['https://login.example.com', 'https://other.example.com'],
      scopes_supported: ['mcp:read'],
      bearer_methods_supported: ['header'],
    });
    expect(metadataOf(resource, 'files')).toMatchObject({
      resource: 'https://mcp.example.com/mcp/files',
      scopes_supported: ['files:read'],
    });
  });

  it('asks for no scopes where no role does', () => {
    expect(metadataOf(resource, 'bare')).not.toHaveProperty('scopes_supported');
  });

  it('is not there for a server that has none', () => {
    expect(metadataOf(resource, 'ghost')).toBeUndefined();
    expect(metadataOf({ ...resource, named: new Map() }, 'files')).toBeUndefined();
  });

  it('names each door as a resource of its own', () => {
    expect(resourceOf(resource, undefined)).toBe('https://mcp.example.com/mcp');
    expect(resourceOf(resource, 'files')).toBe('https://mcp.example.com/mcp/files');
  });
});

describe('a challenge', () => {
  it('leads to the metadata of the door that was asked', () => {
    expect(challengeOf(resource, all, {})).toBe(
      'Bearer realm="sallyport", scope="mcp:read", ' +
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
    );
    expect(challengeOf(resource, at('files'), {})).toBe(
      'Bearer realm="sallyport", scope="files:read", ' +
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp/files"',
    );
  });

  it('leads to that of all servers where a server has none, so that nobody is sent to a page that is not there', () => {
    expect(challengeOf(resource, at('ghost'), {})).toBe(challengeOf(resource, all, {}));
  });

  it('says nothing of scopes where none are asked for', () => {
    expect(challengeOf(resource, at('bare'), {})).not.toContain('scope=');
  });

  it('names every scope of the operation once, in one challenge', () => {
    const challenge = challengeOf(resource, all, {
      error: 'insufficient_scope',
      description: 'The token lacks a scope',
      scopes: ['mcp:read', 'mcp:write'],
    });
    expect(challenge).toBe(
      'Bearer realm="sallyport", error="insufficient_scope", error_description="The token lacks a scope", ' +
        'scope="mcp:read mcp:write", ' +
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
    );
  });

  it('cannot be broken out of by a scope', () => {
    const challenge = challengeOf(resource, all, { scopes: ['a", error="x', 'b\\', 'c\r\nX: y', 'fine'] });
    expect(challenge).toContain('scope="fine"');
    expect(challenge).not.toMatch(/[\r\n\\]/);
  });

  it('has no way to offer where no issuer is known', () => {
    expect(challengeOf(undefined, all, { error: 'invalid_token' })).toBe(
      'Bearer realm="sallyport", error="invalid_token"',
    );
  });
});

describe('a scope with a prefix', () => {
  const prefixed: ResourceRules = {
    ...resource,
    scopePrefixes: new Map([
      ['https://login.example.com', 'api://mcp/'],
      ['https://other.example.com', ''],
    ]),
  };

  it('is announced as it has to be asked for at the issuer that clients take first', () => {
    expect(metadataOf(prefixed, undefined)).toMatchObject({ scopes_supported: ['api://mcp/mcp:read'] });
    expect(challengeOf(prefixed, all, {})).toContain('scope="api://mcp/mcp:read"');
  });

  it('is announced to the bearer of a token as its own issuer wants it', () => {
    const principal = makePrincipal(makeRules(), { kind: 'jwt', claims: { iss: 'https://other.example.com' } });
    expect(challengeOf(prefixed, all, { scopes: ['mcp:write'], principal })).toContain('scope="mcp:write"');
  });
});
