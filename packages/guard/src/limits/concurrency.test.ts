import { describe, expect, it } from 'vitest';
import { createConcurrency } from './concurrency.ts';

describe('places', () => {
  it('are refused when all are taken, for each key apart', () => {
    const places = createConcurrency();
    expect(places.acquire('a', 2)).toBeDefined();
    expect(places.acquire('a', 2)).toBeDefined();
    expect(places.acquire('a', 2)).toBeUndefined();
    expect(places.acquire('b', 2)).toBeDefined();
  });

  it('are given back once, however often they are released', () => {
    const places = createConcurrency();
    const first = places.acquire('a', 2);
    places.acquire('a', 2);
    first?.release();
    first?.release();
    expect(places.count('a')).toBe(1);
    expect(places.acquire('a', 2)).toBeDefined();
    expect(places.acquire('a', 2)).toBeUndefined();
  });

  it('follow a changed number at once', () => {
    const places = createConcurrency();
    places.acquire('a', 5);
    places.acquire('a', 5);
    expect(places.acquire('a', 2)).toBeUndefined();
    expect(places.acquire('a', 3)).toBeDefined();
  });

  it('take no memory for keys that hold none', () => {
    const places = createConcurrency();
    for (let key = 0; key < 100; key += 1) places.acquire(`k${key}`, 1)?.release();
    expect(places.size).toBe(0);
  });
});
