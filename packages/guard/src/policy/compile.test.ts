import { describe, expect, it } from 'vitest';
import { compilePolicy, findPolicyFaults, type Policy } from './compile.ts';
import { canList, decide, decideCall } from './decide.ts';
import type { Condition, PolicyModel } from './model.ts';
import { at, deny, factsOf, grant, perSecond, role } from './policy.test-support.ts';

function effects(policy: Policy, roles: readonly string[], ...keys: readonly string[]): readonly string[] {
  const access = policy.access(roles);
  return keys.map((key) => {
    const decision = decide(access, 'tools', key);
    return decision.effect === 'allow' ? 'allow' : decision.because;
  });
}

function when(source: string, evaluate: Condition['evaluate']): Condition {
  return { source, evaluate };
}

describe('a policy', () => {
  it('denies what no role lists', () => {
    const policy = compilePolicy({ deny: [], roles: [role('reader', { tools: [grant('files.read_*')] })] });
    expect(effects(policy, ['reader'], 'files.read_a', 'files.write', 'files.Read_a')).toEqual([
      'allow',
      'no-grant',
      'no-grant',
    ]);
    expect(effects(policy, [], 'files.read_a')).toEqual(['no-grant']);
    expect(effects(policy, ['unheard-of'], 'files.read_a')).toEqual(['no-grant']);
    expect(decide(policy.access(['reader']), 'resources', 'files.read_a').effect).toBe('deny');
  });

  it('subtracts inside one list only, wherever the subtraction stands', () => {
    const policy = compilePolicy({
      deny: [],
      roles: [
        role('first', { tools: [grant('!files.secret'), grant('files.*')] }),
        role('last', { tools: [grant('files.*'), grant('!files.secret')] }),
        role('other', { tools: [grant('files.secret')], resources: [grant('!files.*')] }),
      ],
    });
    expect(effects(policy, ['first'], 'files.secret', 'files.open')).toEqual(['subtracted', 'allow']);
    expect(effects(policy, ['last'], 'files.secret', 'files.open')).toEqual(['subtracted', 'allow']);
    expect(effects(policy, ['first', 'other'], 'files.secret')).toEqual(['allow']);
  });

  it('lets the denial of any role of the caller win over every role, and the top one over all', () => {
    const policy = compilePolicy({
      deny: [deny('*.delete_repository', 3)],
      roles: [role('admin', { tools: [grant('*')] }), role('intern', { deny: [deny('db.*', 9)] })],
    });
    expect(effects(policy, ['admin'], 'db.query', 'git.delete_repository')).toEqual(['allow', 'top-deny']);
    expect(effects(policy, ['admin', 'intern'], 'db.query')).toEqual(['role-deny']);
    expect(decide(policy.access(['intern', 'admin']), 'tools', 'db.query')).toEqual({
      effect: 'deny',
      because: 'role-deny',
      rule: { role: 'intern', pattern: 'db.*', origin: at(9) },
    });
    expect(decide(policy.access(['admin']), 'prompts', 'git.delete_repository')).toEqual({
      effect: 'deny',
      because: 'top-deny',
      rule: { pattern: '*.delete_repository', origin: at(3) },
    });
  });

  it('counts the most generous limit of the grants that allow', () => {
    const policy = compilePolicy({
      deny: [],
      roles: [
        role('slow', { tools: [grant('db.*', { limit: perSecond(1, 50) }), grant('fs.*', { limit: perSecond(1) })] }),
        role('fast', { tools: [grant('db.query', { limit: perSecond(2) }), grant('fs.read')] }),
      ],
    });
    const both = decide(policy.access(['slow', 'fast']), 'tools', 'db.query');
    expect(both).toMatchObject({ effect: 'allow', limit: perSecond(2), rule: { role: 'fast', pattern: 'db.query' } });
    const unlimited = decide(policy.access(['slow', 'fast']), 'tools', 'fs.read');
    expect(unlimited).toMatchObject({ effect: 'allow', limit: undefined, limitKey: undefined });
    const limited = decide(policy.access(['slow']), 'tools', 'fs.read');
    expect(limited).toMatchObject({ limit: perSecond(1) });
  });

  it('compares limits by what they let through in the long run, then at once', () => {
    const rate = (tokens: number, perMs: number, burst: number) => ({ tokens, perMs, burst });
    const tools = [
      grant('a.x', { limit: rate(59, 60_000, 59) }),
      grant('a.*', { limit: rate(1, 1000, 5) }),
      grant('*', { limit: rate(60, 60_000, 60) }),
    ];
    const policy = compilePolicy({ deny: [], roles: [role('r', { tools })] });
    expect(decide(policy.access(['r']), 'tools', 'a.x')).toMatchObject({ limit: rate(60, 60_000, 60) });
  });

  it('gives the caller the most generous limit of its roles', () => {
    const policy = compilePolicy({
      deny: [],
      roles: [role('a', { limit: perSecond(1) }), role('b', { limit: perSecond(3) }), role('c')],
    });
    expect(policy.access(['a', 'b']).limit).toEqual(perSecond(3));
    expect(policy.access(['b', 'a', 'c']).limit).toBeUndefined();
    expect(policy.access([]).limit).toBeUndefined();
  });

  it('names a bucket by what the grant says, not by its rate or its place', () => {
    const keyOf = (tools: PolicyModel['roles'][number]['tools']): string | undefined => {
      const policy = compilePolicy({ deny: [], roles: [role('r', { tools })] });
      const decision = decide(policy.access(['r']), 'tools', 'db.query');
      return decision.effect === 'allow' ? decision.limitKey : undefined;
    };
    const before = keyOf([grant('db.query', { limit: perSecond(1) })]);
    const after = keyOf([grant('fs.*'), grant('db.query', { limit: perSecond(9) }, 4)]);
    expect(before).toBeDefined();
    expect(after).toBe(before);
  });

  it('returns the same access for the same set of roles, and never takes one name for several', () => {
    const policy = compilePolicy({ deny: [], roles: [role('a', { tools: [grant('*')] }), role('b')] });
    expect(policy.access(['a', 'b'])).toBe(policy.access(['b', 'a', 'a']));
    expect(policy.access(['a'])).not.toBe(policy.access(['a', 'b']));
    expect(policy.access(['["a","b"]'])).toBe(policy.access([]));
    expect(effects(policy, ['["a","b"]'], 'x.y')).toEqual(['no-grant']);
  });

  it('answers the same after it had to forget', () => {
    const model = { deny: [deny('a.7')], roles: [role('r', { tools: [grant('a.*')] })] };
    const policy = compilePolicy(model, { judgements: 3 });
    for (let round = 0; round < 3; round += 1) {
      for (let tool = 0; tool < 10; tool += 1) {
        expect(effects(policy, ['r'], `a.${tool}`)).toEqual([tool === 7 ? 'top-deny' : 'allow']);
      }
    }
  });

  it('changes its epoch with its rules', () => {
    const model = { deny: [], roles: [role('r', { tools: [grant('a.*')] })] };
    expect(compilePolicy(model).epoch).toBe(compilePolicy(structuredClone(model)).epoch);
    expect(compilePolicy({ ...model, deny: [deny('a.b')] }).epoch).not.toBe(compilePolicy(model).epoch);
    expect(compilePolicy(model, { epoch: 4 }).epoch).toBe(4);
  });
});

describe('a condition', () => {
  const policy = compilePolicy({
    deny: [],
    roles: [
      role('r', {
        tools: [
          grant('db.query', { condition: when('given', ({ args }) => args), limit: perSecond(1) }, 5),
          grant('fs.read'),
          grant('fs.*', { condition: when('true', () => true), limit: perSecond(1) }),
        ],
      }),
    ],
  });
  const access = policy.access(['r']);

  it.each([[false], [undefined], [null], [1], ['true'], [{}], [new Error('missing field')], [Promise.resolve(true)]])(
    'that comes to %o does not allow',
    (value) => {
      expect(decideCall(access, 'tools', 'db.query', factsOf(value))).toMatchObject({
        effect: 'deny',
        because: 'condition',
      });
    },
  );

  it('that is exactly true allows', () => {
    expect(decideCall(access, 'tools', 'db.query', factsOf(true))).toMatchObject({
      effect: 'allow',
      limit: perSecond(1),
    });
  });

  it('that throws does not allow, and the cause is kept', () => {
    const cause = new Error('broken');
    const throwing = grant('db.query', {
      condition: when('throws', () => {
        throw cause;
      }),
    });
    const own = compilePolicy({ deny: [], roles: [role('r', { tools: [throwing] })] }).access(['r']);
    expect(decideCall(own, 'tools', 'db.query', factsOf())).toMatchObject({
      effect: 'deny',
      because: 'condition',
      cause,
    });
  });

  it('never allows where no call is known', () => {
    expect(decide(access, 'tools', 'db.query')).toMatchObject({ effect: 'deny', because: 'condition' });
    expect(canList(access, 'tools', 'db.query')).toBe(true);
    expect(canList(access, 'tools', 'db.other')).toBe(false);
  });

  it('adds to the grants without one', () => {
    const decision = decideCall(access, 'tools', 'fs.read', factsOf());
    expect(decision).toMatchObject({ effect: 'allow', limit: undefined });
    expect(decision.effect === 'allow' ? decision.grants.length : 0).toBe(2);
  });
});

describe('templates', () => {
  const access = compilePolicy({
    deny: [deny('logs.*')],
    roles: [
      role('r', { resources: [grant('files.file:///srv/*'), grant('!files.file:///srv/private/*'), grant('logs.*')] }),
    ],
  }).access(['r']);

  it('may be reachable when a grant matches some URI that begins so', () => {
    expect(access.mayMatchPrefix('resources', 'files.file:///')).toBe(true);
    expect(access.mayMatchPrefix('resources', 'files.file:///srv/public/')).toBe(true);
    expect(access.mayMatchPrefix('resources', 'files.file:///etc/')).toBe(false);
    expect(access.mayMatchPrefix('tools', 'files.file:///srv/')).toBe(false);
  });

  it('are unreachable when a subtraction or a denial takes everything that begins so', () => {
    expect(access.mayMatchPrefix('resources', 'files.file:///srv/private/')).toBe(false);
    expect(access.mayMatchPrefix('resources', 'logs.x')).toBe(false);
  });
});

describe('a model with faults', () => {
  const model: PolicyModel = {
    deny: [deny('delete', 2)],
    roles: [role('r', { tools: [grant('files.\\x', {}, 5)] }), role('r')],
  };

  it('is described fault by fault', () => {
    expect(findPolicyFaults(model).map(({ origin, offset }) => [origin.line, offset])).toEqual([
      [2, 6],
      [5, 6],
      [1, 0],
    ]);
  });

  it('is never compiled without its faulty rules', () => {
    expect(() => compilePolicy(model)).toThrow(TypeError);
  });
});
