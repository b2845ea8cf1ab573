import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compilePattern,
  compileTextPattern,
  matchesPattern,
  MAX_PATTERN_LENGTH,
  patternCoversPrefix,
  patternMayMatchPrefix,
  patternMayMatchServer,
  type Pattern,
} from './pattern.ts';

function pattern(source: string): Pattern {
  const compiled = compilePattern(source);
  if (compiled.kind === 'fault') throw new Error(`${source}: ${compiled.message}`);
  return compiled;
}

function offsetOf(source: string): number | undefined {
  const compiled = compilePattern(source);
  return compiled.kind === 'fault' ? compiled.offset : undefined;
}

/** Matches over the set of places reached in the pattern: as slow as it is plain. */
function matchesByPlaces(tokens: readonly string[], text: string): boolean {
  const close = (places: Set<number>): Set<number> => {
    for (const place of places) if (tokens[place] === 'star') places.add(place + 1);
    return places;
  };
  let places = close(new Set([0]));
  for (const unit of text) {
    const next = new Set<number>();
    for (const place of places) {
      if (tokens[place] === 'star') next.add(place);
      if (tokens[place] === unit) next.add(place + 1);
    }
    places = close(next);
  }
  return places.has(tokens.length);
}

describe('a pattern', () => {
  it.each([
    ['files.read', 'files.read', true],
    ['files.read', 'files.reads', false],
    ['files.read', 'files.Read', false],
    ['files.read_*', 'files.read_', true],
    ['files.read_*', 'files.read_a.b/c', true],
    ['files.*', 'files.', true],
    ['files.*', 'filesystem.x', false],
    ['files*', 'filesystem.x', true],
    ['*', 'anything.at/all', true],
    ['*.delete', 'a.delete', true],
    ['*.delete', 'a.delete_all', false],
    ['a.*x*x', 'a.x', false],
    ['a.*x*x', 'a.xx', true],
    ['a.ab*ba', 'a.aba', false],
    ['a.**b', 'a.b', true],
    ['a.\\*', 'a.*', true],
    ['a.\\*', 'a.b', false],
    ['a.\\\\*', 'a.\\x', true],
    ['a.file:///srv/*', 'a.file:///srv/deep/er', true],
    ['a.?', 'a.b', false],
    ['a.[bc]', 'a.b', false],
    ['a.(b|c)', 'a.b', false],
  ])('%j over %j says %j', (source, text, expected) => {
    expect(matchesPattern(pattern(source), text)).toBe(expected);
  });

  it('agrees with a plain matcher on random texts', () => {
    const unit = fc.constantFrom('a', 'b', '.', '\\');
    const token = fc.oneof({ weight: 3, arbitrary: unit }, { weight: 2, arbitrary: fc.constant('star') });
    const tokens = fc.array(token, { maxLength: 12 });
    const escape = (one: string): string => (one === '\\' ? '\\\\' : one === 'star' ? '*' : one);
    const property = fc.property(tokens, fc.string({ unit, maxLength: 24 }), (list, text) => {
      const source = `s.${list.map(escape).join('')}*`;
      const expected = matchesByPlaces(['s', '.', ...list, 'star'], `s.${text}`);
      expect(matchesPattern(pattern(source), `s.${text}`)).toBe(expected);
    });
    fc.assert(property, { numRuns: 4000, seed: 7 });
  });

  it('agrees with a plain matcher where long repetitive literals stand between stars', () => {
    const run = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 9, maxLength: 14 });
    const property = fc.property(
      run,
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 }),
      (literal, text) => {
        const expected = text.includes(literal);
        expect(matchesPattern(pattern(`s.*${literal}*`), `s.${text}`)).toBe(expected);
        expect(matchesPattern(pattern(`s.*${literal}*`), `s.${text}${literal}b`)).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 2000, seed: 11 });
  });

  it('takes steps linear in the text on what makes backtracking matchers explode', () => {
    const stars = pattern(`s.${'a*'.repeat(400)}b`);
    const periodic = pattern(`s.*${'a'.repeat(500)}b*`);
    const text = `s.${'a'.repeat(200_000)}`;
    expect(matchesPattern(stars, text)).toBe(false);
    expect(matchesPattern(periodic, text)).toBe(false);
  });
});

describe('compiling a pattern', () => {
  it.each([
    ['', 0],
    ['files', 5],
    ['files.', 6],
    ['Files.read', 0],
    ['fi_les.read', 2],
    ['.read', 0],
    ['\\*.read', 0],
    ['abcdefghijklmnopqrstuvwxy.read', 24],
    ['a_b*', 1],
    ['9*', 0],
    ['files.\\n', 6],
    ['files.x\\', 7],
    [`files.${'x'.repeat(MAX_PATTERN_LENGTH)}`, MAX_PATTERN_LENGTH],
  ])('finds the fault in %j at %j', (source, offset) => {
    expect(offsetOf(source)).toBe(offset);
  });

  it.each(['*', '*.x', '**', 'f*', 'files*', 'files.*', 'a-b9.x', 'abcdefghijklmnopqrstuvwx.y', 'files.a b'])(
    'accepts %j',
    (source) => {
      expect(offsetOf(source)).toBeUndefined();
    },
  );
});

describe('narrowing', () => {
  it('leaves out servers of which a pattern matches nothing', () => {
    expect(patternMayMatchServer(pattern('files.read'), 'files')).toBe(true);
    expect(patternMayMatchServer(pattern('files.read'), 'file')).toBe(false);
    expect(patternMayMatchServer(pattern('fi*'), 'files')).toBe(true);
    expect(patternMayMatchServer(pattern('files*'), 'fi')).toBe(false);
    expect(patternMayMatchServer(pattern('*.x'), 'anything')).toBe(true);
  });

  it('says whether a pattern matches something, or everything, that begins like a template', () => {
    expect(patternMayMatchPrefix(pattern('a.file:///srv/*'), 'a.file:///')).toBe(true);
    expect(patternMayMatchPrefix(pattern('a.file:///srv/*'), 'a.file:///srv/x/')).toBe(true);
    expect(patternMayMatchPrefix(pattern('a.file:///srv/*'), 'a.file:///etc/')).toBe(false);
    expect(patternMayMatchPrefix(pattern('a.file:///srv/x'), 'a.file:///srv/')).toBe(true);
    expect(patternMayMatchPrefix(pattern('a.file:///srv/x'), 'a.file:///srv/xy')).toBe(false);
    expect(patternCoversPrefix(pattern('a.file:///*'), 'a.file:///srv/')).toBe(true);
    expect(patternCoversPrefix(pattern('a.file:///srv/*'), 'a.file:///')).toBe(false);
    expect(patternCoversPrefix(pattern('*.txt'), 'a.file:///x.txt')).toBe(false);
    expect(patternCoversPrefix(pattern('a.x'), 'a.x')).toBe(false);
  });
});

describe('compileTextPattern', () => {
  const matches = (source: string, text: string): boolean => {
    const pattern = compileTextPattern(source);
    return pattern.kind === 'pattern' && matchesPattern(pattern, text);
  };

  it('takes any text, whatever stands before a dot', () => {
    expect(matches('spiffe://example.com/agent/*', 'spiffe://example.com/agent/a.b')).toBe(true);
    expect(matches('spiffe://example.com/agent/*', 'spiffe://example.org/agent/a')).toBe(false);
    expect(matches('CN only', 'CN only')).toBe(true);
    expect(matches('\\*.example.com', '*.example.com')).toBe(true);
    expect(matches('\\*.example.com', 'a.example.com')).toBe(false);
  });

  it.each(['', 'a\\b', 'x'.repeat(1025)])('refuses %j', (source) => {
    expect(compileTextPattern(source)).toMatchObject({ kind: 'fault' });
  });
});
