import { describe, expect, it } from 'vitest';
import { loadIssuers } from '../tokens/tokens.fixture.ts';

const only = async (issuer: string, more?: string) => (await loadIssuers(issuer, more)).callers.jwt[0];

describe('an issuer in the file', () => {
  it('has safe defaults', async () => {
    expect(await only('{ issuer: https://a.example/ }')).toMatchObject({
      issuer: 'https://a.example/',
      keys: { kind: 'discovery' },
      audience: undefined,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      types: ['at+jwt'],
      require: [],
      id: { source: 'sub' },
      agent: undefined,
      scopes: { source: 'scope' },
      roles: undefined,
      clockSkew: 60_000,
      refresh: 300_000,
      staleFor: 86_400_000,
    });
  });

  it('takes HS256 and nothing else with a secret', async () => {
    expect(await only('{ issuer: partner, secret: env:SECRET }')).toMatchObject({
      keys: { kind: 'secret' },
      algorithms: ['HS256'],
    });
  });

  it('takes a file of keys as a path, which is neither a secret nor read here', async () => {
    expect(await only('{ issuer: a, jwks: file:keys/a.json }')).toMatchObject({
      keys: { kind: 'file', path: '/etc/sp/keys/a.json' },
    });
  });

  it('may name types as media types, in any case', async () => {
    expect(await only('{ issuer: https://a.example, types: [application/AT+JWT, JWT, absent] }')).toMatchObject({
      types: ['at+jwt', 'jwt', 'absent'],
    });
  });

  it('reads what claims mean', async () => {
    const issuer = `{ issuer: https://a.example, require: { tid: x, /a/b: 1, ok: true }, agent: azp,
      roles: { claim: /realm_access/roles, map: { admin: [admin, reader], 'Team.*': reader } } }`;
    expect(await only(issuer)).toMatchObject({
      require: [
        { path: { steps: ['tid'] }, value: 'x' },
        { path: { steps: ['a', 'b'] }, value: 1 },
        { path: { steps: ['ok'] }, value: true },
      ],
      agent: { steps: ['azp'] },
      roles: {
        claim: { steps: ['realm_access', 'roles'] },
        map: [
          { pattern: 'admin', roles: ['admin', 'reader'] },
          { pattern: 'Team.*', roles: ['reader'] },
        ],
      },
    });
  });

  it('needs no public URL where it names an audience', async () => {
    expect(await only('{ issuer: https://a.example, audience: [api://x] }', '')).toMatchObject({
      audience: ['api://x'],
    });
  });

  it('may be on this machine without encryption', async () => {
    expect(await only('{ issuer: http://127.0.0.1:9000 }')).toMatchObject({ keys: { kind: 'discovery' } });
    expect(await only('{ issuer: a, jwks: http://localhost:9000/keys }')).toMatchObject({
      keys: { kind: 'url', url: 'http://localhost:9000/keys' },
    });
  });
});
