import { describe, expect, it } from 'vitest';
import { createExchangeIds } from './exchange-id.ts';

const fixed = (...bytes: number[]) => ({ bytes: (length: number) => Uint8Array.from(bytes).slice(0, length) });

describe('exchange ids', () => {
  it('begin with the process’s own five characters and go on with a counter', () => {
    const next = createExchangeIds(fixed(0, 9, 10, 35, 36));
    expect([next(), next(), next()]).toEqual(['09AZa0000', '09AZa0001', '09AZa0002']);
  });

  it('keep ten thousand exchanges of a process apart, in letters and digits only', () => {
    const next = createExchangeIds(fixed(255, 254, 253, 252, 251));
    const ids = Array.from({ length: 10_000 }, next);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[0-9A-Za-z]{9}$/.test(id))).toBe(true);
  });

  it('sort by age within one process, because the counter is of fixed width', () => {
    const next = createExchangeIds(fixed(1, 2, 3, 4, 5));
    const ids = Array.from({ length: 5000 }, next);
    expect([...ids].sort()).toEqual(ids);
  });

  it('differ between processes', () => {
    expect(createExchangeIds(fixed(1, 2, 3, 4, 5))()).not.toBe(createExchangeIds(fixed(1, 2, 3, 4, 6))());
  });
});
