import { compilePolicy, type Role } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { makeResource, serverDoor, type TokenIssuer } from './resource.ts';

const origin = { file: 'sallyport.yaml', line: 1, column: 1 };

const role = (name: string, pattern: string, scopes?: readonly string[]): Role => ({
  name,
  tools: [{ pattern, isSubtraction: false, origin }],
  resources: [],
  prompts: [],
  deny: [],
  origin,
  ...(scopes === undefined ? {} : { scopes }),
});

const policy = compilePolicy({
  deny: [],
  roles: [
    role('owner', '*'),
    role('writer', 'files.*', ['mcp:read', 'mcp:write']),
    role('reader', 'files.read', ['mcp:read', 'offline_access']),
    role('analyst', 'db.*', ['db:query']),
    role('machine', 'hidden.*', ['machine']),
  ],
});

const doors = ['files', 'db', 'hidden'].map((name) => serverDoor(name, policy));
const issuer = (roles: readonly string[], more: Partial<TokenIssuer> = {}): TokenIssuer => ({
  issuer: 'https://login.example.com',
  roles,
  scopePrefix: undefined,
  ...more,
});

const make = (...issuers: TokenIssuer[]) => makeResource('https://mcp.example.com', issuers, doors, policy);

describe('makeResource', () => {
  it('asks first for the scopes of the role that asks for the fewest, and never for offline access', () => {
    const made = make(issuer(['writer', 'reader', 'analyst']));
    expect(made).toMatchObject({
      url: 'https://mcp.example.com',
      authorizationServers: ['https://login.example.com'],
      scopes: ['mcp:read'],
    });
    expect(made?.named).toEqual(
      new Map([
        ['files', ['mcp:read']],
        ['db', ['db:query']],
      ]),
    );
  });

  it('knows no server that no role of a token reaches', () => {
    expect([...(make(issuer(['reader']))?.named?.keys() ?? [])]).toEqual(['files']);
    expect(make(issuer([]))).toMatchObject({ scopes: [], named: new Map() });
  });

  it('asks for no scopes where no role does', () => {
    expect(make(issuer(['owner']))).toMatchObject({ scopes: [] });
    expect(make(issuer(['owner', 'writer']))).toMatchObject({ scopes: ['mcp:read', 'mcp:write'] });
  });

  it('is none where no tokens are accepted', () => {
    expect(make()).toBeUndefined();
  });

  it('names each issuer once, and what each wants before its scopes', () => {
    const other = issuer(['analyst'], { issuer: 'https://other.example.com', scopePrefix: 'api://mcp/' });
    expect(make(issuer(['reader']), other, issuer(['writer']))).toMatchObject({
      authorizationServers: ['https://login.example.com', 'https://other.example.com'],
      scopePrefixes: new Map([
        ['https://login.example.com', ''],
        ['https://other.example.com', 'api://mcp/'],
      ]),
    });
    expect(make(issuer(['reader']))).not.toHaveProperty('scopePrefixes');
  });
});
