import { describe, expect, it } from 'vitest';
import { compileCondition } from './condition.ts';
import type { CallFacts } from './facts.ts';
import { conditionOf, factsOf } from './policy.test-support.ts';

function allows(source: string, args?: unknown, caller?: Partial<CallFacts['caller']>): boolean {
  return conditionOf(source).evaluate(factsOf(args, caller)) === true;
}

const million = Array.from({ length: 1_000_000 }, (_, index) => index);

describe('a condition', () => {
  it.each<[string, unknown]>([
    ['args.schema in ["public", "reports"]', { schema: 'public' }],
    ['args.limit <= 100 && args.limit > 0', { limit: 10 }],
    ['args.limit * 2 == 20 && args.limit % 3 == 1', { limit: 10 }],
    ['args.share < 0.5', { share: 0.25 }],
    ['has(args.limit) ? args.limit < 5 : true', {}],
    ['args.tags.all(t, t in ["a", "b"])', { tags: ['a', 'b', 'a'] }],
    ['args.tags.exists_one(t, t.startsWith("x"))', { tags: ['a', 'xb'] }],
    ['args.rows.map(r, r.id).filter(i, i > 1).size() == 1', { rows: [{ id: 1 }, { id: 2 }] }],
    ['args.filter["kind"] == "open" && !has(args.filter.owner)', { filter: { kind: 'open' } }],
    ['args.name.matches("^[a-z]+$") && args.name.lowerAscii() == "abc"', { name: 'abc' }],
    ['within(args.path, "/srv/data")', { path: '/srv/data/a.txt' }],
    ['size(args.text) == 2', { text: '😀a' }],
    ["args.text == 'it\\'s' || args.text == r'\\d'", { text: '\\d' }],
    ['args == {"a": [1, null, {"b": true}]}', { a: [1, null, { b: true }] }],
    ['args["__proto__"].x == 1', JSON.parse('{"__proto__":{"x":1}}')],
    ['target.server == "db" && target.name == "query" && target.key == "db.query" && target.kind == "tool"', {}],
    ['caller.id == "key:ada" && caller.kind == "key" && "reader" in caller.roles', {}],
    ['args.a == 1 && // the first\n args.b == 2', { a: 1, b: 2 }],
  ])('holds: %s', (source, args) => {
    expect(allows(source, args)).toBe(true);
  });

  it.each<[string, unknown, string]>([
    ['args.schema == "public"', {}, 'a missing argument'],
    ['args.schema != "private"', {}, 'a missing argument that is forbidden a value'],
    ['!(args.schema == "private")', {}, 'a missing argument under a not'],
    ['args.schema == "public"', undefined, 'no arguments at all'],
    ['args.schema == "public"', 'text', 'arguments that are no object'],
    ['args.schema == "public"', ['public'], 'arguments that are a list'],
    ['args.a.b.c == 1', { a: { b: null } }, 'a field of nothing'],
    ['args.a', { a: 'true' }, 'a text that says true'],
    ['args.a', { a: 1 }, 'a number'],
    ['args.a', { a: {} }, 'a map'],
    ['args.a > 1', { a: '2' }, 'a text for a number'],
    ['args.a + 1 == 2', { a: 1.5 }, 'a fraction for a whole number'],
    ['args.a / 0 == 1', { a: 1 }, 'a division by zero'],
    ['args.a[5] == 1', { a: [1] }, 'an index out of bounds'],
    ['args.constructor.name == "Object"', {}, 'what every object inherits'],
    ['has(args.toString) || has(args.hasOwnProperty)', {}, 'methods of objects'],
    ['args.l.all(x, x > 0)', { l: [1, 'a'] }, 'a member of another type'],
    ['caller.agent == "x"', {}, 'a fact that this caller does not have'],
    ['"mcp:write" in caller.scopes', {}, 'scopes of a credential that knows none'],
    ['caller.claims.tid == "a"', {}, 'claims of a credential that has none'],
    ['args.n == 9007199254740991 + 1', { n: 9_007_199_254_740_992 }, 'a number beyond 2^53'],
    ['args.n > 1 || true', { n: 9_007_199_254_740_992 }, 'a number beyond 2^53 beside what would hold'],
    ['true || args.n > 1 || args.l.all(x, x >= 0)', [], 'nothing'],
  ])('does not hold: %s with %j (%s)', (source, args, what) => {
    // The last row shows that a side that settles it is enough.
    expect(allows(source, args)).toBe(what === 'nothing');
  });

  it.each<[string, unknown]>([
    ['args.l.all(x, x >= 0)', { l: million }],
    ['!args.l.exists(x, x < 0)', { l: million }],
    ['args.l.map(x, x).size() > 0', { l: million }],
    ['!(-1 in args.l)', { l: million }],
    ['args.l == args.m', { l: million, m: [...million] }],
    ['args.m != {"a": 1}', { m: Object.fromEntries(million.slice(0, 50_000).map((index) => [`k${index}`, 1])) }],
    ['args.m.all(k, k != "")', { m: Object.fromEntries(million.slice(0, 50_000).map((index) => [`k${index}`, 1])) }],
    ['args.t.matches("^(a+)+$")', { t: 'a'.repeat(1_000_000) }],
    ['!args.t.contains("b")', { t: 'a'.repeat(8_000_000) }],
    ['args.t + args.t != ""', { t: 'a'.repeat(1_000_000) }],
    ['args.l.all(x, !args.t.contains(x))', { l: Array.from({ length: 1000 }, () => 'b'), t: 'a'.repeat(60_000) }],
    ['args.l.map(x, args.l).size() > 0 && args.l.map(x, args.l) == args.l', { l: million.slice(0, 5000) }],
    ['true || args.l.all(x, x >= 0) ? args.l.all(x, x >= 0) : true', { l: million }],
  ])('denies what is too large for it: %s', (source, args) => {
    expect(allows(source, args)).toBe(false);
  });

  it('knows the claims, scopes, agent and roles of its caller', () => {
    const caller = { kind: 'jwt', agent: 'notebook', scopes: ['db:read'], claims: { tid: 't1', groups: ['a'] } };
    expect(allows('caller.claims.tid == "t1" && "a" in caller.claims.groups', {}, caller)).toBe(true);
    expect(allows('caller.agent == "notebook" && "db:read" in caller.scopes', {}, caller)).toBe(true);
    expect(allows('args.owner == caller.claims.tid', { owner: 't1' }, caller)).toBe(true);
  });

  it('tells what its parts come to, with what they looked at', () => {
    const condition = conditionOf('args.schema in ["public"] && args.limit <= 100 && caller.agent == "x"');
    expect(condition.explain?.(factsOf({ schema: 'hr', limit: 10 }))).toEqual([
      { text: 'args.schema in ["public"]', outcome: 'fails', values: [{ name: 'args.schema', value: 'hr' }] },
      { text: 'args.limit <= 100', outcome: 'holds', values: [{ name: 'args.limit', value: 10 }] },
      { text: 'caller.agent == "x"', outcome: 'error', fault: 'there is no agent', values: [] },
    ]);
  });

  it('is refused with its place, and what could be meant', () => {
    expect(compileCondition('args.a = 1')).toMatchObject({ offset: 7, length: 1, suggestion: 'write ==' });
    expect(compileCondition('arg.a == 1')).toMatchObject({ offset: 0, unknown: { word: 'arg' } });
  });

  it.each([
    '((',
    'args.',
    '"',
    "'''",
    'a'.repeat(5000),
    '!'.repeat(2048),

    '?:',
    '{',
    '[,]',
    '{,}',
    'x.y(',
    'has()',
    'args.all()',
    'args.l.all(x,)',
    '0x',
    '1e',
    '\ud800',
    '"\\ud800"',
    '"\\q"',
    'args.map(x)',
    '[1 2]',
    '{"a" 1}',
    'args[',
    'args..a',
    '..',
    ',',
    'in',
    'in in in',
    'true false',
  ])('never fails to say what is wrong with %j', (source) => {
    expect(compileCondition(source)).toMatchObject({ kind: 'fault' });
  });
});

describe('before the arguments are known, a condition', () => {
  const known = (caller: Partial<CallFacts['caller']> = {}) => {
    const { args: _, ...rest } = factsOf({}, caller);
    return rest;
  };

  it.each([
    'args.schema in []',
    'args.a == 1 && args.a == 2',
    'args.a in ["x", "y"] && args.a == "z"',
    'args.a in ["x"] && !(args.a in ["x", "y"])',
    'args.a == 1 && args.a != 1.0',
    'args.flag && !args.flag',
    'caller.agent == "x" && args.a == 1',
    '(args.a == 1 && args.a == 2) || caller.kind == "cert"',
    'args.owner == caller.claims.owner',
    'args.a == "x" ? args.a == "y" : args.a == "x"',
    'target.effect == "read" && args.a == 1',
    '"mcp:write" in caller.scopes',
    'false',
  ])('can be seen never to hold: %s', (source) => {
    expect(conditionOf(source).canHold?.(known())).toBe(false);
  });

  it.each([
    'args.a == 1 || args.a == 2',
    'args.a == 1 && args.b == 2',
    'args.a > 1 && args.a < 1',
    'args.a == 1 && args.a == 1.0',
    'args.a != 1 && args.a != 2',
    'args.list.all(x, x == 1 && x == 2)',
    'args.f == {"a": 1} && args.f.a == 1',
    'has(args.a) && !has(args.a)',
    'args.a == args.b && args.a == 1 && args.b == 2',
    'args.a in args.b',
    'true',
  ])('may hold as far as can be told: %s', (source) => {
    expect(conditionOf(source).canHold?.(known())).toBe(true);
  });

  it.each<[string, Record<string, unknown[]>]>([
    ['args.schema in ["public", "reports"]', { schema: ['public', 'reports'] }],
    ['args.schema == "public" && args.limit < 5', { schema: ['public'] }],
    ['args.schema == "a" || args.schema == "b"', { schema: ['a', 'b'] }],
    ['args.schema == "a" || args.limit == 1', {}],
    ['args.schema in ["a", "b"] && args.schema != "b"', { schema: ['a'] }],
    ['args.n in [1, 2.5, null, true]', { n: [1, 2.5, null, true] }],
    ['args.f.kind == "a"', {}],
    ['args.schema != "a"', {}],
    ['args.flag', { flag: [true] }],
  ])('leaves an argument a few values: %s', (source, expected) => {
    const choices = conditionOf(source).choices?.(known());
    expect(choices && Object.fromEntries(choices)).toEqual(expected);
  });

  it('asks the caller that it is about', () => {
    const condition = conditionOf('caller.agent == "x" && args.owner == caller.claims.owner');
    expect(condition.canHold?.(known({ agent: 'y', claims: { owner: 'o' } }))).toBe(false);
    const x = known({ agent: 'x', claims: { owner: 'o' } });
    expect(condition.canHold?.(x)).toBe(true);
    expect([...(condition.choices?.(x) ?? [])]).toEqual([['owner', ['o']]]);
  });
});
