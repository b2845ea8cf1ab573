import { describe, expect, it } from 'vitest';
import { createMemo } from './memo.ts';

describe('a memo', () => {
  it('never keeps more than its capacity', () => {
    const memo = createMemo<number, string>(10);
    for (let key = 0; key < 1000; key += 1) memo.set(key, String(key));
    expect(memo.size).toBeLessThanOrEqual(10);
    expect(memo.get(999)).toBe('999');
    expect(memo.get(0)).toBeUndefined();
  });

  it('keeps what is used', () => {
    const memo = createMemo<number, string>(10);
    memo.set(-1, 'used');
    for (let key = 0; key < 100; key += 1) {
      memo.set(key, String(key));
      expect(memo.get(-1)).toBe('used');
    }
  });

  it('replaces what was kept under a key', () => {
    const memo = createMemo<string, number>(4);
    memo.set('a', 1);
    memo.set('a', 2);
    expect(memo.get('a')).toBe(2);
    expect(memo.size).toBe(1);
  });
});
