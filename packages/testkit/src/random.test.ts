import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

describe('createRandom', () => {
  it('repeats its whole sequence for the same seed', () => {
    const [one, other] = [createRandom(7), createRandom(7)];
    expect(one.bytes(64)).toEqual(other.bytes(64));
    expect(one.text(20)).toBe(other.text(20));
    expect(createRandom(8).bytes(64)).not.toEqual(createRandom(7).bytes(64));
  });

  it('stays below its bound and reaches every value', () => {
    const random = createRandom(1);
    const seen = new Set(Array.from({ length: 500 }, () => random.integer(5)));
    expect([...seen].toSorted()).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a bound that is not a positive integer', () => {
    expect(() => createRandom(1).integer(0)).toThrow(RangeError);
    expect(() => createRandom(1).pick([])).toThrow(RangeError);
  });
});
