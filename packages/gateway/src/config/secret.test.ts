import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

const value = ['hidden', 'value'].join('-');

describe('Secret', () => {
  it('shows where it comes from and never what it is', () => {
    const secret = new Secret(value, 'env:TOKEN');
    const shown = [
      String(secret),
      `${secret.toString()}`,
      JSON.stringify({ secret }),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      inspect(secret, { customInspect: false }),
      Object.values(secret).join(),
    ];
    for (const text of shown) {
      expect(text).not.toContain(value);
      expect(text).toContain('env:TOKEN');
    }
  });

  it('gives the value on demand, also with a prefix', () => {
    const secret = new Secret(value, 'env:TOKEN');
    expect(secret.reveal()).toBe(value);
    expect(secret.withPrefix('Bearer ').reveal()).toBe(`Bearer ${value}`);
    expect(secret.withPrefix('Bearer ').source).toBe('env:TOKEN');
  });

  it('that was not followed says where it would come from, and throws when it is asked for', () => {
    const secret = new Secret(undefined, 'env:TOKEN');
    expect(String(secret)).toBe('[secret env:TOKEN]');
    expect(secret.isKnown).toBe(false);
    expect(() => secret.reveal()).toThrow('env:TOKEN was not followed');
    expect(() => secret.withPrefix('Bearer ').reveal()).toThrow('env:TOKEN was not followed');
    expect(() => secret.equals(new Secret(undefined, 'env:TOKEN'))).toThrow('env:TOKEN was not followed');
  });

  it('equals a secret of the same value from elsewhere', () => {
    expect(new Secret(value, 'env:A').equals(new Secret(value, 'file:b'))).toBe(true);
    expect(new Secret(value, 'env:A').equals(new Secret('other', 'env:A'))).toBe(false);
  });
});
