import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternsMeet } from './meeting.ts';
import { compilePattern, matchesPattern, type Pattern } from './pattern.ts';

function compiled(source: string): Pattern {
  const pattern = compilePattern(source);
  if (pattern.kind === 'fault') throw new Error(pattern.message);
  return pattern;
}

/** Every text over two letters behind `a.`, up to six characters. */
const texts = ['a.'];
for (let from = 0; from < texts.length && (texts[from] ?? '').length < 8; from++) {
  for (const letter of 'xy') texts.push(`${texts[from] ?? ''}${letter}`);
}

describe('two patterns', () => {
  it.each([
    ['wiki.*_page', 'wiki.echo', 'wiki.', false],
    ['wiki.*_page', 'wiki.read_*', 'wiki.', true],
    ['*', 'wiki.echo', 'wiki.', true],
    ['*', 'wiki.echo', 'shop.', false],
    ['wiki.*', 'shop.*', 'wiki.', false],
    ['*.a', '*.b', 'wiki.', false],
    ['wiki.*', '*', 'wiki.test://', true],
  ])('%s and %s behind %s', (one, other, prefix, expected) => {
    expect(patternsMeet(compiled(one), compiled(other), prefix)).toBe(expected);
    expect(patternsMeet(compiled(other), compiled(one), prefix)).toBe(expected);
  });

  it('meet where a text matches both, and nowhere else', () => {
    const pattern = fc
      .array(fc.constantFrom('x', 'y', '*'), { minLength: 1, maxLength: 5 })
      .map((parts) => compiled(`a.${parts.join('')}`));
    const prefix = fc.constantFrom('a.', 'a.x', 'a.yx', '');
    fc.assert(
      fc.property(pattern, pattern, prefix, (one, other, beginning) => {
        const isFound = texts.some(
          (text) => text.startsWith(beginning) && matchesPattern(one, text) && matchesPattern(other, text),
        );
        expect(patternsMeet(one, other, beginning)).toBe(isFound);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
