/** Conditions with arguments that are meant to make them slow, wrong or unsure: each has to deny, and quickly. */

/** One attempt. */
export interface HostileArguments {
  readonly what: string;
  readonly when: string;
  /** Made when needed: some are large. */
  readonly args: () => unknown;
}

const million = (): number[] => Array.from({ length: 1_000_000 }, (_, index) => index);
/** An object has no more members than this: the reader of messages refuses wider ones. */
const many = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};

/** Every attempt. */
export const hostileArguments: readonly HostileArguments[] = [
  { what: 'a missing argument', when: 'args.schema == "public"', args: () => ({}) },
  { what: 'a missing argument that is forbidden a value', when: 'args.schema != "private"', args: () => ({}) },
  { what: 'a missing argument under a not', when: '!(args.schema in ["private"])', args: () => ({}) },
  { what: 'a missing field of a field', when: 'args.a.b != 1', args: () => ({ a: {} }) },
  { what: 'a field of a text', when: 'args.a.b != 1', args: () => ({ a: 'b' }) },
  { what: 'a field of null', when: 'args.a.b != 1', args: () => ({ a: null }) },
  { what: 'no arguments', when: 'args.a != 1', args: () => undefined },
  { what: 'null for arguments', when: 'args.a != 1', args: () => null },
  { what: 'a list for arguments', when: 'args.a != 1', args: () => [1] },
  { what: 'a text for arguments', when: 'args.a != 1', args: () => 'a' },
  { what: 'a text that says true', when: 'args.ok', args: () => ({ ok: 'true' }) },
  { what: 'a number for true', when: 'args.ok', args: () => ({ ok: 1 }) },
  { what: 'a map for true', when: 'args.ok', args: () => ({ ok: {} }) },
  { what: 'an error for true', when: 'args.a / 0', args: () => ({ a: 1 }) },
  { what: 'a text for a number', when: 'args.n <= 100', args: () => ({ n: '5' }) },
  { what: 'a list for a number', when: 'args.n <= 100', args: () => ({ n: [5] }) },
  { what: 'null for a number', when: 'args.n <= 100', args: () => ({ n: null }) },
  { what: 'a number beyond 2^53', when: 'args.n >= 0', args: () => ({ n: 2 ** 53 }) },
  { what: 'a number beyond 2^53 in a list', when: 'args.l.all(x, x >= 0)', args: () => ({ l: [1, 2 ** 60] }) },
  { what: 'a number beyond 2^53 beside what holds', when: 'args.n == 1 || true', args: () => ({ n: -(2 ** 53) }) },
  { what: 'a sum beyond 64 bits', when: 'args.n * args.n * args.n * args.n > 0', args: () => ({ n: 2 ** 52 }) },
  { what: 'an inherited field', when: 'args.constructor != 1', args: () => ({}) },
  { what: 'an inherited method', when: 'has(args.toString)', args: () => ({}) },
  { what: 'the prototype', when: 'has(args.__proto__)', args: () => ({}) },
  { what: 'a length', when: 'args.l.length >= 0', args: () => ({ l: [1] }) },
  { what: 'a negative index', when: 'args.l[-1] == 1', args: () => ({ l: [1] }) },
  { what: 'an index beside the list', when: 'args.l[7] != 1', args: () => ({ l: [1] }) },
  { what: 'a fact that the caller lacks', when: 'caller.agent != "x"', args: () => ({}) },
  { what: 'claims that the caller lacks', when: 'caller.claims.tid != "x"', args: () => ({}) },
  { what: 'scopes that the caller lacks', when: '!("x" in caller.scopes)', args: () => ({}) },
  { what: 'an effect that nobody assigned', when: 'target.effect != "write"', args: () => ({}) },
  { what: 'a huge list for all', when: 'args.l.all(x, x >= 0)', args: () => ({ l: million() }) },
  { what: 'a huge list for exists', when: '!args.l.exists(x, x < 0)', args: () => ({ l: million() }) },
  { what: 'a huge list for exists_one', when: 'args.l.exists_one(x, x == 5)', args: () => ({ l: million() }) },
  { what: 'a huge list for map', when: 'args.l.map(x, x).size() > 0', args: () => ({ l: million() }) },
  { what: 'a huge list for filter', when: 'args.l.filter(x, x > 1).size() > 0', args: () => ({ l: million() }) },
  { what: 'a huge list for in', when: '!(-1 in args.l)', args: () => ({ l: million() }) },
  { what: 'two huge lists', when: 'args.l == args.m', args: () => ({ l: million(), m: million() }) },
  { what: 'a huge list joined', when: 'size(args.l + args.l) > 0', args: () => ({ l: million() }) },
  { what: 'a huge map', when: 'args.m.all(k, k != "")', args: () => ({ m: many(10_000) }) },
  { what: 'two huge maps', when: 'args.m == args.n', args: () => ({ m: many(10_000), n: many(10_000) }) },
  { what: 'the size of a huge map', when: 'size(args.m) > 0', args: () => ({ m: many(10_000) }) },
  {
    what: 'a list whose members are each compared with a list',
    when: 'args.l.all(x, x in args.m || true)',
    args: () => ({ l: million().slice(0, 5000), m: million().slice(0, 5000) }),
  },
  { what: 'two deep values', when: 'args.a == args.b', args: () => ({ a: deep(50_000), b: deep(50_000) }) },
  { what: 'a huge text', when: 'args.t.lowerAscii() != ""', args: () => ({ t: 'A'.repeat(1_000_000) }) },
  {
    what: 'two huge texts',
    when: 'args.t == args.u',
    args: () => ({ t: 'a'.repeat(4_000_000), u: 'a'.repeat(4_000_000) }),
  },
  { what: 'a huge text joined', when: 'args.t + args.t != ""', args: () => ({ t: 'a'.repeat(1_000_000) }) },
  {
    what: 'a search that compares every pair of characters',
    when: 'args.t.contains(args.u) || true',
    args: () => ({ t: 'a'.repeat(300_000), u: `${'a'.repeat(100_000)}b` }),
  },
  { what: 'a huge text for a pattern', when: 'args.t.matches("a")', args: () => ({ t: 'a'.repeat(1_000_000) }) },
  {
    what: 'a text that makes other engines try every way',
    when: 'args.t.matches("^(a+)+$")',
    args: () => ({ t: `${'a'.repeat(2000)}b` }),
  },
  { what: 'a path out of its folder', when: 'within(args.p, "/srv")', args: () => ({ p: '/srv/../etc/passwd' }) },
  { what: 'a path beside its folder', when: 'within(args.p, "/srv")', args: () => ({ p: '/srvx/a' }) },
  { what: 'a list of paths', when: 'within(args.p, "/srv")', args: () => ({ p: ['/srv/a'] }) },
  { what: 'a huge path', when: 'within(args.p, "/srv")', args: () => ({ p: `/srv/${'a/'.repeat(500_000)}` }) },
];
