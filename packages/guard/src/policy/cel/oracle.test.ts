/** What conditions compute is what @bufbuild/cel computes, over random expressions and arguments. */
import { isCelError, run } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionOf, factsOf } from '../policy.test-support.ts';

const field = fc.constantFrom('args.a', 'args.b', 'args.s', 'args.l', 'args.m', 'args.m.k', 'args.none', 'args["s"]');
const literal = fc.constantFrom(
  "'x'",
  "'xy'",
  "''",
  "'😀'",
  '1',
  '2',
  '-1',
  '0',
  '1.5',
  '2.0',
  'true',
  'false',
  'null',
);
const listLiteral = fc.constantFrom('[]', '[1, 2]', "['x', 'y']", '[1.0, null]', "{'k': 1}");

/** With and without brackets, so that what binds closer shows. */
function bracketed(text: string, isBare: boolean): string {
  return isBare ? text : `(${text})`;
}

const value: fc.Arbitrary<string> = fc.letrec<{ value: string; test: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    field,
    literal,
    listLiteral,
    fc
      .tuple(tie('value'), fc.constantFrom('+', '-', '*', '/', '%'), tie('value'), fc.boolean())
      .map(([one, sign, other, isBare]) => bracketed(`${one} ${sign} ${other}`, isBare)),
    fc.tuple(tie('test'), tie('value'), tie('value')).map(([one, yes, no]) => `(${one} ? ${yes} : ${no})`),
    tie('value').map((one) => `size(${one})`),
    fc.tuple(tie('value'), fc.constantFrom('0', '1', "'k'")).map(([one, at]) => `${one}[${at}]`),
    tie('value').map((one) => `[${one}]`),
  ),
  test: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'has(args.a)', 'has(args.none)', 'has(args.m.k)', 'args.t'),
    fc
      .tuple(tie('value'), fc.constantFrom('==', '!=', '<', '<=', '>', '>=', 'in'), tie('value'), fc.boolean())
      .map(([one, sign, other, isBare]) => bracketed(`${one} ${sign} ${other}`, isBare)),
    fc
      .tuple(tie('test'), fc.constantFrom('&&', '||'), tie('test'), fc.boolean())
      .map(([one, sign, other, isBare]) => bracketed(`${one} ${sign} ${other}`, isBare)),
    tie('test').map((one) => `!${one}`),
    fc
      .tuple(tie('value'), fc.constantFrom('contains', 'startsWith', 'endsWith'), tie('value'))
      .map(([one, name, other]) => `${one}.${name}(${other})`),
    fc
      .tuple(field, fc.constantFrom('all', 'exists', 'exists_one'), fc.constantFrom('x == 1', "x != 'x'", 'x > 0', 'x'))
      .map(([one, name, body]) => `${one}.${name}(x, ${body})`),
    fc.constantFrom('args.l.map(x, x).size() == 2', "args.l.filter(x, x != 1) == ['x']", 'args.m.all(k, k == "k")'),
  ),
})).test;

const json = fc.oneof(
  fc.constantFrom<unknown>(0, 1, 2, -1, 1.5, 'x', 'xy', '', '😀', true, false),
  fc.constantFrom<unknown>([], [1, 2], ['x', 'y'], [1, 'x'], { k: 1 }, {}),
);
const args = fc.record(
  { a: json, b: json, s: json, l: json, m: fc.constantFrom<unknown>({ k: 1 }, {}, { k: 'x', l: [] }), t: fc.boolean() },
  { requiredKeys: ['m'] },
);

/** Whole numbers are whole in CEL too, as they are in our reading of JSON. */
function asCel(given: unknown): unknown {
  if (typeof given === 'number') return Number.isInteger(given) ? BigInt(given) : given;
  if (Array.isArray(given)) return given.map(asCel);
  if (typeof given !== 'object' || given === null) return given;
  return new Map(Object.entries(given).map(([name, one]) => [name, asCel(one)]));
}

describe('a condition', () => {
  it('[conditions] computes what the reference implementation computes', () => {
    const seen = { true: 0, false: 0, error: 0 };
    fc.assert(
      fc.property(value, args, (source, given) => {
        const ours = conditionOf(source).evaluate(factsOf(given));
        const theirs = run(source, { args: asCel(given) as Map<string, never> });
        const outcome = (one: unknown): string => (typeof one === 'boolean' ? String(one) : 'error');
        const expected = isCelError(theirs) ? 'error' : outcome(theirs);
        if (expected === 'true' || expected === 'false') seen[expected] += 1;
        else seen.error += 1;
        expect(`${source} ${outcome(ours)}`).toBe(`${source} ${expected}`);
      }),
      { numRuns: 3000, seed: 41 },
    );
    expect(Math.min(seen.true, seen.false, seen.error)).toBeGreaterThan(200);
  });
});
