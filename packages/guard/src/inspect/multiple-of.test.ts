import { describe, expect, it } from 'vitest';
import { isMultipleOf } from './multiple-of.ts';

describe('a multiple', () => {
  it.each([
    [6, 3, true],
    [7, 3, false],
    [-6, 3, true],
    [0, 0.1, true],
    [0.3, 0.1, true],
    [4.35, 0.01, true],
    [4.355, 0.01, false],
    [1.1, 0.1, true],
    [0.000_75, 0.000_1, false],
    [0.007_5, 0.000_1, true],
    [1e308, 0.5, true],
    [1e308, 0.123_456_789, false],
    [1e-7, 1e-8, true],
    [5e-324, 5e-324, true],
    [1, 5e-324, true],
  ])('of decimals: %j in units of %j is %j', (value, unit, expected) => {
    expect(isMultipleOf(value, unit)).toBe(expected);
  });
});
