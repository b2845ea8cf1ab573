import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileLinearPattern } from './linear-pattern.ts';

function test(source: string, text: string): boolean {
  const pattern = compileLinearPattern(source);
  if (pattern.kind === 'fault') throw new Error(`${source}: ${pattern.message}`);
  return pattern.test(text);
}

/** Texts in which the constructs of patterns differ between engines. */
const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'a1',
  '1',
  '_',
  '-',
  ' ',
  '\t',
  '\n',
  '\v',
  '\r',
  '\b',
  '\0',
  '\u0001',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '\u1680',
  'é',
  'Ω',
  '٣',
  '😀',
  'a😀',
  'a\n',
  'a\nb',
  'b\na',
  '{',
  'a{',
  'a{1',
  'x{,2}',
  ']',
  '}',
  '/',
  '.',
  '\\',
  '^',
  '$',
  'foo',
  'aab',
  'ſ',
  'K',
];

describe('a translated pattern', () => {
  it.each([
    'a',
    '^a$',
    '^a',
    'a$',
    '^$',
    '.',
    '^.$',
    '^..$',
    '\\d',
    '\\D',
    '\\w',
    '^\\W$',
    '\\s',
    '^\\S$',
    '[\\s\\S]',
    '^[^\\s]$',
    '^[^\\S]$',
    '^[\\W\\d]$',
    '^[^\\w-]$',
    '[a-z]',
    '^[^a-z]$',
    '[\\b]',
    '\\bfoo\\b',
    'a\\B',
    '\\t|\\n|\\v|\\f|\\r',
    '\\0',
    '\\cA',
    '\\x61',
    '\\u0061',
    '^\\u{1F600}$',
    '^\\ud83d\\ude00$',
    '^[\\u{1F600}-\\u{1F64F}]$',
    '^😀$',
    '\\p{L}',
    '^\\p{Letter}+$',
    '^\\P{L}$',
    '^\\p{Lu}$',
    '^\\p{Nd}$',
    '^\\p{Script=Greek}$',
    '^[\\p{L}\\d]$',
    '^[^\\p{L}]$',
    '^\\p{ASCII}$',
    '[]',
    '^[^]$',
    '(?:a|b)+',
    '(?<name>a)b',
    '(a)(b)?',
    'a*?b',
    'a{2}b',
    'a{1,2}?b',
    'a{2,}',
    '^a{0,3}b',
    '\\/',
    '\\.',
    '\\\\',
    '\\^|\\$',
    '[.^$]',
    '[\\]]',
    '[\\^a]',
    '[a\\-z]',
    '[-a]',
    '[a-]',
    'k',
  ])('%j says what ECMAScript says', (source) => {
    const reference = new RegExp(source, 'u');
    expect(TEXTS.map((text) => test(source, text))).toEqual(TEXTS.map((text) => reference.test(text)));
  });

  it.each(['a{', 'x{,2}', ']', '}', '[\\w-a]', '\\-', '\\_', '[[:alpha:]]'])(
    '%j says what ECMAScript says outside of Unicode mode',
    (source) => {
      const reference = new RegExp(source);
      expect(TEXTS.map((text) => test(source, text))).toEqual(TEXTS.map((text) => reference.test(text)));
    },
  );

  it('says what ECMAScript says for random patterns and texts', () => {
    const atom = fc.constantFrom('a', 'b', '.', '\\d', '\\w', '[ab]', '[^a]', '[^\\w]', '\\s', '(?:ab|b)', '\\n');
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}', '+?');
    const piece = fc.tuple(atom, quantifier).map((parts) => parts.join(''));
    const branch = fc.array(piece, { maxLength: 5 }).map((parts) => parts.join(''));
    const pattern = fc
      .tuple(fc.boolean(), fc.array(branch, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([start, branches, end]) => `${start ? '^' : ''}(?:${branches.join('|')})${end ? '$' : ''}`);
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '\n', ' ', 'é'), maxLength: 8 });
    const property = fc.property(pattern, text, (source, subject) => {
      expect(test(source, subject)).toBe(new RegExp(source, 'u').test(subject));
    });
    fc.assert(property, { numRuns: 1500, seed: 17 });
  });
});

describe('a pattern', () => {
  it.each([
    'a(?=b)',
    'a(?!b)',
    '(?<=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?<x>a)\\k<x>',
    '(?i)a',
    '(?i:a)',
    '(?P<x>a)',
    '\\A',
    '\\z',
    '\\Qa\\E',
    '\\C',
    '\\pL',
    '\\p{Greek}',
    '\\p{Script_Extensions=Greek}',
    '\\p{Lx}',
    '\\u{110000}',
    '\\u{d800}',
    '\\ud800',
    '\\u12',
    '\\xZZ',
    '\\c1',
    '\\01',
    '[',
    '[a',
    '[z-a]',
    '(',
    'a)',
    '*a',
    'a**',
    'a{2}{3}{4}{99}{99}',
    'a{1,65535}',
    '(?:a{100}){100}',
    '\\',
    '\ud800',
  ])('%j is refused', (source) => {
    expect(compileLinearPattern(source).kind).toBe('fault');
  });

  it('is refused when it needs too many steps for each character', () => {
    expect(compileLinearPattern('a{500}', 100)).toMatchObject({ kind: 'fault' });
    expect(compileLinearPattern('a{50}', 100)).toMatchObject({ kind: 'pattern' });
  });
});
