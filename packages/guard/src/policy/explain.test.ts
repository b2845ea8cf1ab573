import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile.ts';
import { decideCall } from './decide.ts';
import { exactPattern, explainDecision } from './explain.ts';
import type { CallFacts } from './facts.ts';
import type { PolicyModel, Role } from './model.ts';
import { at, deny, factsOf, grant, role } from './policy.test-support.ts';

function texts(model: PolicyModel, roles: readonly string[], key: string, facts?: CallFacts): readonly string[] {
  return explainDecision(compilePolicy(model).access(roles), 'tools', key, facts).changes.map((change) => change.text);
}

describe('an explanation', () => {
  it('[explain] names every rule that bears on the decision and the one that decided', () => {
    const access = compilePolicy({
      deny: [deny('*.drop', 2)],
      roles: [
        role('a', { tools: [grant('db.*', {}, 10), grant('!db.drop', {}, 11)] }),
        role('b', { tools: [grant('*', {}, 20)], deny: [deny('db.drop', 21)] }),
        role('c'),
      ],
    }).access(['c', 'b', 'a']);
    const explanation = explainDecision(access, 'tools', 'db.drop');
    expect(explanation.decision).toEqual({
      effect: 'deny',
      because: 'top-deny',
      rule: { pattern: '*.drop', origin: at(2) },
    });
    expect(explanation.topDenials).toHaveLength(1);
    expect(explanation.roles.map((one) => [one.role, one.verdict])).toEqual([
      ['a', 'subtracts'],
      ['b', 'denies'],
      ['c', 'silent'],
    ]);
    expect(explanation.roles[0]?.grants[0]?.rule).toEqual({ role: 'a', pattern: 'db.*', origin: at(10) });
    expect(explanation.roles[0]?.subtractions[0]?.origin).toEqual(at(11));
  });

  it('suggests the exact pattern for the list of a role that is silent', () => {
    const model = { deny: [], roles: [role('a', { tools: [grant('db.read', {}, 10)] })] };
    expect(texts(model, ['a'], 'db.a*b')).toEqual(["add 'db.a\\*b' to tools of role a (sallyport.yaml:10:7)"]);
  });

  it('suggests to take out what subtracts', () => {
    const model = { deny: [], roles: [role('a', { tools: [grant('db.*', {}, 10), grant('!db.drop', {}, 11)] })] };
    expect(texts(model, ['a'], 'db.drop')).toEqual(["remove '!db.drop' from tools of role a (sallyport.yaml:11:7)"]);
  });

  it('suggests every denial that has to go', () => {
    const model = {
      deny: [deny('db.*', 2)],
      roles: [role('a', { tools: [grant('*')], deny: [deny('*.drop', 12)] })],
    };
    expect(texts(model, ['a'], 'db.drop')).toEqual([
      "remove 'db.*' from the top-level deny list (sallyport.yaml:2:7)",
      "remove '*.drop' from deny of role a (sallyport.yaml:12:7)",
    ]);
  });

  it('suggests arguments that meet a condition', () => {
    const condition = { source: 'args.safe == true', evaluate: ({ args }: CallFacts) => args };
    const model = { deny: [], roles: [role('a', { tools: [grant('db.drop', { condition }, 10)] })] };
    expect(texts(model, ['a'], 'db.drop', factsOf(false))[0]).toContain('args.safe == true');
    expect(texts(model, ['a'], 'db.drop', factsOf(true))).toEqual([]);
    const explanation = explainDecision(compilePolicy(model).access(['a']), 'tools', 'db.drop');
    expect(explanation.roles[0]?.grants[0]?.condition).toBe('unknown');
  });

  it('says so when the caller has no role', () => {
    expect(texts({ deny: [], roles: [] }, ['gone'], 'db.drop')[0]).toContain('give the caller a role');
  });

  it('[explain] suggests changes that do allow when they are made', () => {
    const model: PolicyModel = {
      deny: [deny('db.d*', 2)],
      roles: [
        role('a', { tools: [grant('db.*', {}, 10), grant('!db.drop', {}, 11), grant('!*.drop', {}, 12)] }),
        role('b', { tools: [grant('!db.*', {}, 20)], deny: [deny('*.drop', 21)] }),
      ],
    };
    const access = compilePolicy(model).access(['a', 'b']);
    const { changes } = explainDecision(access, 'tools', 'db.drop');
    const isRemoved = (line: number): boolean =>
      changes.some((change) => change.action === 'remove' && change.origin?.line === line);
    const added = (name: string) =>
      changes
        .filter((change) => change.action === 'add' && change.role === name)
        .map((change) => grant(change.pattern));
    const edit = (one: Role): Role => ({
      ...one,
      tools: [...one.tools.filter((entry) => !isRemoved(entry.origin.line)), ...added(one.name)],
      deny: one.deny.filter((entry) => !isRemoved(entry.origin.line)),
    });
    const changed = {
      deny: model.deny.filter((entry) => !isRemoved(entry.origin.line)),
      roles: model.roles.map(edit),
    };
    const after = compilePolicy(changed).access(['a', 'b']);
    expect(decideCall(access, 'tools', 'db.drop', factsOf()).effect).toBe('deny');
    expect(decideCall(after, 'tools', 'db.drop', factsOf()).effect).toBe('allow');
  });

  it('writes a pattern that matches one key only', () => {
    expect(exactPattern('a.x*\\y')).toBe('a.x\\*\\\\y');
  });
});
