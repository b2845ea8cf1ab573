import { describe, expect, it } from 'vitest';
import { parseClaimPath, type ClaimPath } from './claim-path.ts';
import { judgeClaims, readAudience, readHolder } from './claims.ts';
import { compileRoleMap } from './role-map.ts';
import { audience, claimNamed, issuer, makeClaims, makeJwtRules, nowSeconds } from './tokens.fixture.ts';

const now = nowSeconds * 1000;
const rules = makeJwtRules();
const skew = 60;

const judge = (more: Record<string, unknown>, at = now) => judgeClaims(makeClaims(more), rules, at)?.fault;
const hold = (more: Record<string, unknown>, given = rules) => readHolder(makeClaims(more), given);

function pathTo(source: string): ClaimPath {
  const path = parseClaimPath(source);
  return 'steps' in path ? path : expect.fail(path.fault);
}

describe('the times of a token', () => {
  it.each([
    ['it ends in a second', { exp: nowSeconds + 1 }, undefined],
    ['it has ended within the skew', { exp: nowSeconds - skew + 1 }, undefined],
    ['it has ended just beyond the skew', { exp: nowSeconds - skew }, 'expired'],
    ['it ended before there was time', { exp: -1 }, 'expired'],
    ['it ended at the epoch', { exp: 0 }, 'expired'],
    ['it begins within the skew', { nbf: nowSeconds + skew }, undefined],
    ['it begins just beyond the skew', { nbf: nowSeconds + skew + 0.001 }, 'invalid'],
    ['it was issued within the skew', { iat: nowSeconds + skew }, undefined],
    ['it was issued in the future', { iat: nowSeconds + skew + 1 }, 'invalid'],
    ['it has no end', { exp: undefined }, 'invalid'],
    ['its end is a text', { exp: String(nowSeconds + 300) }, 'invalid'],
    ['its end is nothing', { exp: null }, 'invalid'],
    ['its beginning is a text', { nbf: '0' }, 'invalid'],
    ['its beginning is nothing', { nbf: null }, 'invalid'],
    ['its issue is a switch', { iat: true }, 'invalid'],
    ['its end is in milliseconds', { exp: now + 300_000 }, 'invalid'],
    ['it ends in nine years', { exp: nowSeconds + 9 * 365 * 86_400 }, undefined],
  ])('are judged when %s', (_, more, expected) => {
    expect(judge(more)).toBe(expected);
  });

  it.each([0, 60_000, 120_000])('count to the millisecond at a skew of %i ms', (clockSkewMs) => {
    const strict = makeJwtRules({ clockSkewMs });
    const claims = makeClaims({ nbf: nowSeconds, exp: nowSeconds + 10 });
    const at = (ms: number) => judgeClaims({ ...claims, iat: undefined }, strict, now + ms)?.fault;
    expect(at(-clockSkewMs - 1)).toBe('invalid');
    expect(at(-clockSkewMs)).toBeUndefined();
    expect(at(9999 + clockSkewMs)).toBeUndefined();
    expect(at(10_000 + clockSkewMs)).toBe('expired');
    expect(readHolder(claims, strict)).toMatchObject({ expiresAt: now + 10_000 + clockSkewMs });
  });
});

describe('the audience of a token', () => {
  const doorRules = makeJwtRules({ publicUrl: 'https://mcp.example.com' });

  it.each<[unknown, unknown]>([
    [audience, [audience]],
    [['https://other.example', audience], [audience]],
    ['https://mcp.example.com/mcp/files', ['https://mcp.example.com/mcp/files']],
    [['x', 'https://mcp.example.com/mcp/files'], ['https://mcp.example.com/mcp/files']],
  ])('%j is ours', (aud, expected) => {
    expect(readAudience(makeClaims({ aud }), doorRules)).toEqual({ values: expected });
  });

  it.each([
    undefined,
    null,
    '',
    '*',
    [],
    {},
    [null, audience],
    'https://mcp.example.com/MCP',
    'https://mcp.example.com/mcp/',
    'https://mcp.example.com/mcp/FILES',
    'https://mcp.example.com/mcp/files/x',
    'https://mcp.example.com/mcp/../x',
    'https://mcp.example.com/mcp2',
    'https://mcp.example.com',
    `${audience} `,
    `${audience}#a`,
    `${audience},https://other.example`,
    'https://mcp.example.com.attacker.example/mcp/files',
  ])('%j is not', (aud) => {
    expect(readAudience(makeClaims({ aud }), doorRules)).toMatchObject({ fault: 'invalid' });
  });

  it('knows doors only by the public URL', () => {
    const claims = makeClaims({ aud: 'https://mcp.example.com/mcp/files' });
    expect(readAudience(claims, rules)).toMatchObject({ fault: 'invalid' });
  });
});

describe('what a token has to say', () => {
  it.each([undefined, null, '', ' ', 1, {}, ['ada'], 'a\nb', 'a\u202eb', '\u0000', '\ud800', 'x'.repeat(257)])(
    'is not a subject: %j',
    (sub) => {
      expect(judge({ sub })).toBe('invalid');
    },
  );

  it.each(['ada', 'Ada Lovelace', '🦊', 'x'.repeat(256), 'auth0|5f7c8ec7c33c6c004bbafe82', '__proto__'])(
    'is a subject: %s',
    (sub) => {
      expect(judge({ sub })).toBeUndefined();
      expect(hold({ sub })).toMatchObject({ id: `jwt:${issuer}|${sub}` });
    },
  );

  it('are no claims that readers who merge objects would fall for', () => {
    const claims = JSON.parse(JSON.stringify(makeClaims()).replace('{', '{"__proto__":{"scope":"admin"},')) as Record<
      string,
      unknown
    >;
    expect(judgeClaims(claims, rules, now)).toMatchObject({ fault: 'invalid' });
  });

  it.each<[Record<string, unknown>, boolean]>([
    [{ tid: 'a' }, true],
    [{ tid: ['b', 'a'] }, true],
    [{ tid: 'b' }, false],
    [{ tid: ['b'] }, false],
    [{ tid: { a: 'a' } }, false],
    [{ tid: 'aa' }, false],
    [{}, false],
  ])('is what `require` wants of %j: %s', (more, isFine) => {
    const strict = makeJwtRules({ require: [{ path: claimNamed('tid'), value: 'a' }] });
    expect(judgeClaims(makeClaims(more), strict, now) === undefined).toBe(isFine);
  });

  it('compares what is required by kind too', () => {
    const strict = makeJwtRules({ require: [{ path: pathTo('/amr/0'), value: true }] });
    expect(judgeClaims(makeClaims({ amr: [true] }), strict, now)).toBeUndefined();
    expect(judgeClaims(makeClaims({ amr: ['true'] }), strict, now)).toBeDefined();
  });
});

describe('the caller that a token names', () => {
  it('has the id and the agent that the rules ask for', () => {
    const given = makeJwtRules({ id: claimNamed('oid'), agent: claimNamed('azp') });
    expect(hold({ oid: '42', azp: 'assistant' }, given)).toMatchObject({ id: `jwt:${issuer}|42`, agent: 'assistant' });
    expect(hold({ oid: '42' }, given)).not.toHaveProperty('agent');
    expect(hold({ azp: 'assistant' }, given)).toMatchObject({ fault: 'invalid' });
    expect(hold({ oid: '42', azp: ['assistant'] }, given)).toMatchObject({ fault: 'invalid' });
  });

  it.each<[unknown, readonly string[]]>([
    [undefined, []],
    ['', []],
    ['a', ['a']],
    ['a b  c ', ['a', 'b', 'c']],
    ['a\tb c', ['c']],
    ['mcp:tools:admin', ['mcp:tools:admin']],
    ['__proto__ constructor', ['__proto__', 'constructor']],
  ])('has the scopes of %j', (scope, scopes) => {
    expect(hold({ scope })).toMatchObject({ scopes });
  });

  it.each([null, 1, {}, ['a']])('is refused for the scope %j', (scope) => {
    expect(hold({ scope })).toMatchObject({ fault: 'invalid' });
  });

  it('may have a list of scopes in a claim of another name', () => {
    const given = makeJwtRules({ scopes: claimNamed('scp') });
    expect(hold({ scp: ['a', 'b'] }, given)).toMatchObject({ scopes: ['a', 'b'] });
    expect(hold({ scp: 'a b' }, given)).toMatchObject({ scopes: ['a', 'b'] });
    expect(hold({ scp: ['a', 1] }, given)).toMatchObject({ fault: 'invalid' });
  });

  it.each<[unknown, readonly string[]]>([
    [['Team.Data'], ['reader']],
    ['Team.Data other', ['reader']],
    [['team.data'], []],
    [['x.Team.Data'], []],
    [[], []],
    [undefined, []],
  ])('has the roles to which %j maps', (groups, roles) => {
    expect(hold({ groups })).toMatchObject({ roles });
  });

  it.each([1, {}, null, [{}], [['Team.Data']]])('is refused for groups that are %j', (groups) => {
    expect(hold({ groups })).toMatchObject({ fault: 'invalid' });
  });

  it('has the roles of a claim inside another', () => {
    const map = compileRoleMap([
      { pattern: 'admin', roles: ['admin', 'reader'] },
      { pattern: 'a*', roles: ['reader'] },
    ]);
    const given = makeJwtRules({ roles: { claim: pathTo('/resource_access/mcp/roles'), map } });
    expect(hold({ resource_access: { mcp: { roles: ['admin'] } } }, given)).toMatchObject({
      roles: ['admin', 'reader'],
    });
    expect(hold({ resource_access: { other: { roles: ['admin'] } } }, given)).toMatchObject({ roles: [] });
  });

  it.each<[Record<string, unknown>]>([
    [{ _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } }],
    [{ hasgroups: true }],
    [{ hasgroups: 'true' }],
  ])('is refused with a hint to the operator when its groups were left out: %j', (more) => {
    const refused = hold(more);
    expect(refused).toMatchObject({ fault: 'invalid' });
    expect('note' in refused && refused.note).toContain('too many groups');
  });

  it('is not refused for claims that were left out and that nobody asks for', () => {
    expect(hold({ _claim_names: { wids: 'src1' } })).toMatchObject({ roles: [] });
    expect(hold({ hasgroups: true, groups: ['Team.A'] })).toMatchObject({ roles: ['reader'] });
  });

  it('is told of in notes by the names of claims and never by their values', () => {
    const secret = 'a-value-of-a-claim';
    const notes = [
      judgeClaims(makeClaims({ sub: { secret } }), rules, now),
      readAudience(makeClaims({ aud: secret }), rules),
      hold({ scope: [secret] }),
      hold({ groups: { secret } }),
    ];
    expect(JSON.stringify(notes)).not.toContain(secret);
    expect(JSON.stringify(notes).match(/"fault":"invalid"/g)).toHaveLength(4);
  });
});

describe('a path into claims', () => {
  it.each([
    ['groups', ['groups']],
    ['https://example.com/roles', ['https://example.com/roles']],
    ['/realm_access/roles', ['realm_access', 'roles']],
    ['/https:~1~1example.com~1roles', ['https://example.com/roles']],
    ['/a~01/b', ['a~1', 'b']],
  ])('%s is read as %j', (source, steps) => {
    expect(parseClaimPath(source)).toEqual({ source, steps });
  });

  it.each(['', '/', '/a~2', '/a~'])('%j is none', (source) => {
    expect(parseClaimPath(source)).toHaveProperty('fault');
  });

  it('never leads to what is inherited', () => {
    for (const source of ['constructor', '/constructor/name', '/groups/length', '/groups/constructor', 'toString']) {
      const given = makeJwtRules({
        roles: { claim: pathTo(source), map: compileRoleMap([{ pattern: '*', roles: ['x'] }]) },
      });
      expect(hold({ groups: ['a'] }, given)).toMatchObject({ roles: [] });
    }
  });
});
