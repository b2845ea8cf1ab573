import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

describe('nearest', () => {
  it('finds what was meant', () => {
    const words = ['listen', 'limits', 'roles', 'audit'];
    expect(nearest('lisen', words)).toBe('listen');
    expect(nearest('Roles', words)).toBe('roles');
    expect(nearest('auidt', words)).toBe('audit');
  });

  it('finds nothing when nothing is close', () => {
    expect(nearest('whatever', ['listen', 'roles'])).toBeUndefined();
    expect(nearest('x'.repeat(1_000_000), ['listen'])).toBeUndefined();
  });

  it('counts a swap as one change', () => {
    expect(editDistance('abcd', 'abdc')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});
