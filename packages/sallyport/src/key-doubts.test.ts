import { describe, expect, it } from 'vitest';
import { findKeyDoubts } from './key-doubts.ts';

const day = 24 * 3_600_000;
const now = Date.UTC(2026, 10, 20, 12);
const used = { createdAt: now - 30 * day, lastUsedAt: now - day };
const messages = (...keys: Parameters<typeof findKeyDoubts>[0]) =>
  findKeyDoubts(keys, now).map(({ message }) => message);

describe('what is said of API keys', () => {
  it('is that they end within a week', () => {
    expect(messages({ name: 'ci', id: 'a', ...used, expiresAt: now + 3 * day + 5 })).toEqual([
      'the key ci expires in 3 days',
    ]);
    expect(messages({ name: 'ci', id: 'a', ...used, expiresAt: now + 90_000 })).toEqual([
      'the key ci expires in less than an hour',
    ]);
    expect(messages({ name: 'ci', id: 'a', ...used, expiresAt: now + 8 * day })).toEqual([]);
    expect(messages({ name: 'ci', id: 'a', ...used, expiresAt: now - 1 })).toEqual([]);
    expect(messages({ name: 'ci', id: 'a', ...used })).toEqual([]);
  });

  it('is nothing of an old key that goes on beside its successor', () => {
    const old = { name: 'ci', id: 'a', ...used, expiresAt: now + day };
    expect(messages(old, { name: 'ci', id: 'b', ...used })).toEqual([]);
    expect(messages(old, { name: 'other', id: 'b', ...used })).toEqual(['the key ci expires in 1 day']);
  });

  it('is that nobody has used them for the week that they are there', () => {
    expect(messages({ name: 'ci', id: 'abc', createdAt: now - 8 * day })).toEqual([
      'the key ci (sp_abc_…) was never used since 2026-11-12',
    ]);
    expect(messages({ name: 'ci', id: 'abc', createdAt: now - 6 * day })).toEqual([]);
  });
});
