import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile.ts';
import { askerUnder, canList, canReachServer, decideCall, mayReachServer } from './decide.ts';
import type { CallFacts } from './facts.ts';
import type { PolicyModel, Role } from './model.ts';
import { deny, factsOf, grant, perSecond, role } from './policy.test-support.ts';

const reader = role('reader', { tools: [grant('files.read')], scopes: ['mcp:read'], limit: perSecond(1) });
const writer = role('writer', { tools: [grant('files.write', {}, 2)], scopes: ['mcp:read', 'mcp:write'] });
const guest = role('guest', { tools: [grant('files.list')], limit: perSecond(5) });

function decisionOf(roles: readonly Role[], key: string, scopes?: readonly string[], more: Partial<PolicyModel> = {}) {
  const policy = compilePolicy({ deny: [], roles, ...more });
  const access = policy.access(
    roles.map(({ name }) => name),
    scopes,
  );
  return decideCall(access, 'tools', key, factsOf());
}

describe('scopes of a role', () => {
  it('are asked of tokens only', () => {
    expect(decisionOf([reader], 'files.read').effect).toBe('allow');
    expect(decisionOf([reader], 'files.read', ['mcp:read', 'other']).effect).toBe('allow');
    expect(decisionOf([reader], 'files.read', [])).toMatchObject({ effect: 'deny', because: 'scopes' });
  });

  it('are all named when the token lacks one, those that it carries among them', () => {
    expect(decisionOf([reader, writer], 'files.write', ['mcp:read'])).toMatchObject({
      because: 'scopes',
      scopes: ['mcp:read', 'mcp:write'],
      rule: { role: 'writer', pattern: 'files.write' },
    });
  });

  it('are those of the role for which the token lacks the fewest', () => {
    const others = [
      role('a', { tools: [grant('files.write')], scopes: ['x', 'y', 'z'] }),
      role('b', { tools: [grant('files.write')], scopes: ['x', 'w'] }),
    ];
    expect(decisionOf(others, 'files.write', [])).toMatchObject({ scopes: ['x', 'w'] });
    expect(decisionOf(others, 'files.write', ['y', 'z'])).toMatchObject({ scopes: ['x', 'y', 'z'] });
  });

  it('are not asked for where a denial or a subtraction would still refuse, nor where no role held reaches', () => {
    const barred = role('barred', { tools: [grant('files.*'), grant('!files.write')], scopes: ['a'] });
    expect(decisionOf([barred], 'files.write', [])).toMatchObject({ because: 'no-grant' });
    expect(decisionOf([writer], 'files.write', [], { deny: [deny('*.write')] })).toMatchObject({ because: 'top-deny' });
    const denying = role('denying', { deny: [deny('files.write')] });
    expect(decisionOf([writer, denying], 'files.write', [])).toMatchObject({ because: 'role-deny' });
    expect(decisionOf([writer], 'files.other', [])).toMatchObject({ because: 'no-grant' });
    const policy = compilePolicy({ deny: [], roles: [reader, writer] });
    expect(decideCall(policy.access(['reader'], []), 'tools', 'files.write', factsOf())).toMatchObject({
      because: 'no-grant',
    });
  });

  it('never give more by being fewer: what the role denies stays denied without them', () => {
    const denying = role('denying', { deny: [deny('files.list')], scopes: ['a'] });
    expect(decisionOf([guest, denying], 'files.list', [])).toMatchObject({ because: 'role-deny' });
    expect(decisionOf([guest, denying], 'files.list', ['a'])).toMatchObject({ because: 'role-deny' });
  });

  it('are not asked for where a condition would still refuse', () => {
    const condition = { source: 'args.a', evaluate: ({ args }: CallFacts) => args === 'a' };
    const policy = compilePolicy({
      deny: [],
      roles: [role('r', { tools: [grant('s.t', { condition })], scopes: ['x'] })],
    });
    const access = policy.access(['r'], []);
    expect(decideCall(access, 'tools', 's.t', factsOf('a'))).toMatchObject({ because: 'scopes', scopes: ['x'] });
    expect(decideCall(access, 'tools', 's.t', factsOf('b'))).toMatchObject({ because: 'no-grant' });
  });

  it('keep what they withhold out of lists', () => {
    const policy = compilePolicy({ deny: [], roles: [reader, guest] });
    const access = policy.access(['reader', 'guest'], []);
    expect(canList(access, 'tools', 'files.read')).toBe(false);
    expect(canList(access, 'tools', 'files.list')).toBe(true);
    expect(access.roles).toEqual(['guest']);
  });

  it('leave a server to be found that more of them would reach, and show nothing of it', () => {
    const policy = compilePolicy({ deny: [], roles: [reader] });
    const caller = (scopes: readonly string[]) =>
      askerUnder(policy, { id: 'jwt:ada', kind: 'jwt', roles: ['reader'], scopes });
    expect([canReachServer(caller([]), 'files'), mayReachServer(caller([]), 'files')]).toEqual([false, true]);
    expect(mayReachServer(caller([]), 'db')).toBe(false);
    expect(canReachServer(caller(['mcp:read']), 'files')).toBe(true);
  });

  it('decide which limit counts, and a caller of whom no role counts has the limit of those that it holds', () => {
    const policy = compilePolicy({ deny: [], roles: [reader, guest] });
    expect(policy.access(['reader', 'guest'], []).limit).toEqual(perSecond(5));
    expect(policy.access(['reader'], []).limit).toEqual(perSecond(1));
  });

  it('make no access of their own where no role asks for them', () => {
    const policy = compilePolicy({ deny: [], roles: [reader, guest] });
    expect(policy.access(['guest'], ['a'])).toBe(policy.access(['guest'], ['b', 'c']));
    expect(policy.access(['reader'], ['mcp:read', 'a'])).toBe(policy.access(['reader'], ['mcp:read']));
    expect(policy.access(['reader'], ['mcp:read'])).not.toBe(policy.access(['reader'], []));
  });
});
