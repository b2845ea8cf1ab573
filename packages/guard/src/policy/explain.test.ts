import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile.ts';
import { decideCall } from './decide.ts';
import { exactPattern, explainDecision } from './explain.ts';
import type { CallFacts } from './facts.ts';
import type { PolicyModel, Role } from './model.ts';
import { at, conditionOf, deny, factsOf, grant, role } from './policy.test-support.ts';

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

  it('[explain] names the part of a condition that failed, with what it looked at', () => {
    const condition = conditionOf('args.schema in ["public"] && args.limit <= 100');
    const model = { deny: [], roles: [role('a', { tools: [grant('db.query', { condition }, 10)] })] };
    expect(texts(model, ['a'], 'db.query', factsOf({ schema: 'public', limit: 500 }))).toEqual([
      'send arguments for which args.limit <= 100 is true (now args.limit is 500), or change that condition (sallyport.yaml:10:7)',
    ]);
    expect(texts(model, ['a'], 'db.query', factsOf({ schema: 'public' }))).toEqual([
      'send arguments for which args.limit <= 100 is true (now there is no limit), or change that condition (sallyport.yaml:10:7)',
    ]);
    const access = compilePolicy(model).access(['a']);
    const { roles } = explainDecision(access, 'tools', 'db.query', factsOf({ schema: 'hr', limit: 5 }));
    expect(roles[0]?.grants[0]).toMatchObject({
      condition: 'fails',
      parts: [
        { text: 'args.schema in ["public"]', outcome: 'fails', values: [{ name: 'args.schema', value: 'hr' }] },
        { text: 'args.limit <= 100', outcome: 'holds' },
      ],
    });
  });

  it('prefers the grant of which the fewest parts fail', () => {
    const far = conditionOf('args.a == 1 && args.b == 1 && args.c == 1');
    const near = conditionOf('args.a == 1 && args.b == 2 && args.c == 2');
    const tools = [grant('db.query', { condition: far }, 10), grant('db.query', { condition: near }, 11)];
    const [first, ...others] = texts(
      { deny: [], roles: [role('a', { tools })] },
      ['a'],
      'db.query',
      factsOf({ a: 1, b: 2, c: 3 }),
    );
    expect(first).toContain('args.c == 2 is true (now args.c is 3), or change that condition (sallyport.yaml:11:7)');
    expect(others).toEqual([]);
  });

  it('says who would have to call where the condition is about the caller', () => {
    const condition = conditionOf('caller.agent == "notebook"');
    const model = { deny: [], roles: [role('a', { tools: [grant('db.query', { condition }, 10)] })] };
    expect(texts(model, ['a'], 'db.query', factsOf({}, { agent: 'other' }))[0]).toBe(
      'call as somebody for whom caller.agent == "notebook" is true (now caller.agent is "other"), or change that condition (sallyport.yaml:10:7)',
    );
  });

  it('[explain] names the scopes that a token would need', () => {
    const roles = [role('a', { tools: [grant('db.query', {}, 10)], scopes: ['db:read', 'db:write'] })];
    const access = compilePolicy({ deny: [], roles }).access(['a'], ['db:read']);
    const facts = factsOf({}, { kind: 'jwt', scopes: ['db:read'] });
    const explanation = explainDecision(access, 'tools', 'db.query', facts);
    expect(explanation.decision).toMatchObject({ because: 'scopes' });
    expect(explanation.roles[0]).toMatchObject({ verdict: 'scopes', missing: ['db:write'] });
    expect(explanation.changes.map(({ text }) => text)).toEqual([
      'ask for a token with the scopes db:read db:write; it lacks db:write (role a, sallyport.yaml:10:7)',
    ]);
  });

  it('leaves conditions open where the arguments are not known, and closes those that cannot hold', () => {
    const open = grant('db.query', { condition: conditionOf('args.a == 1') }, 10);
    const closed = grant('db.query', { condition: conditionOf('args.a == 1 && caller.agent == "x"') }, 11);
    const access = compilePolicy({ deny: [], roles: [role('a', { tools: [open, closed] })] }).access(['a']);
    const { args: _, ...known } = factsOf();
    const { roles } = explainDecision(access, 'tools', 'db.query', known);
    expect(roles[0]?.grants.map(({ condition }) => condition)).toEqual(['unknown', 'fails']);
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
