// Patterns that hang backtracking engines, as `pattern` of an input schema: refused with the schema, or checked in time
// linear in the text. How long that takes is asserted only against hanging.
import { join } from 'node:path';
import { compileInputSchema } from '@sallyport/guard';
import { corpusOrSkip, readJsonl } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';

interface Case {
  readonly pattern: string;
  readonly attack: string;
}

const corpus = corpusOrSkip('redos');

/** Writes out an attack such as `a*40+!`; words name attacks that any text shows. */
function attackText(attack: string): string {
  const repeated = /^(.+)\*(\d+)(?:\+(.))?$/.exec(attack);
  if (repeated === null) return 'ab';
  const [, unit = '', times = '1', end = ''] = repeated;
  return (unit === 'space' ? ' ' : unit).repeat(Number(times)) + end;
}

const REFUSED = ['^(?=(a+))a*b\\1$', '^a{1,65535}{1,65535}$', '[', '(?i)x', '\\u{110000}'];

describe.skipIf(!corpus.isHere)('patterns that hang backtracking engines', () => {
  const cases = corpus.isHere ? readJsonl<Case>(join(corpus.path, 'patterns.jsonl')) : [];

  it('are all here', () => {
    expect(cases).toHaveLength(26);
  });

  it('[schema-bounded] are refused when they look around, refer back, repeat too much or are malformed, and only then', () => {
    const refused = cases.filter(({ pattern }) => compileInputSchema({ pattern }).kind === 'fault');
    expect(refused.map(({ pattern }) => pattern)).toEqual(REFUSED);
  });

  it.each(cases)('$pattern takes linear time over $attack', ({ pattern, attack }) => {
    const compiled = compileInputSchema({ properties: { a: { pattern } }, patternProperties: { [pattern]: true } });
    if (compiled.kind === 'fault') {
      expect(compiled.name).toBe('bad-pattern');
      return;
    }
    const text = attackText(attack);
    const started = performance.now();
    for (const value of [text, text.repeat(10)]) compiled.check({ a: value, [value]: 1 });
    expect(performance.now() - started).toBeLessThan(500);
  });
});
