import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rate } from '../policy/model.ts';
import { createBuckets, type Buckets } from './buckets.ts';

/** Buckets on a clock that stands still until it is moved. */
function setUp(capacity?: number): { buckets: Buckets; pass(milliseconds: number): void } {
  let time = 1000.25;
  const clock = { now: () => 0, monotonic: () => time };
  return {
    buckets: createBuckets(capacity === undefined ? { clock } : { clock, capacity }),
    pass(milliseconds) {
      time += milliseconds;
    },
  };
}

const TEN_A_SECOND: Rate = { tokens: 10, perMs: 1000, burst: 20 };
const ONE_A_DAY: Rate = { tokens: 1, perMs: 86_400_000, burst: 1 };

function waitOf(buckets: Buckets, key: string, rate: Rate, cost = 1): number {
  const answer = buckets.peek(key, rate, cost);
  return answer.isAllowed ? 0 : answer.retryAfterMs;
}

describe('a token bucket', () => {
  it('starts full and refuses when it is empty', () => {
    const { buckets } = setUp();
    const answers = Array.from({ length: 21 }, () => buckets.take('a', TEN_A_SECOND));
    expect(answers[0]).toEqual({ isAllowed: true, remaining: 19 });
    expect(answers[19]).toEqual({ isAllowed: true, remaining: 0 });
    expect(answers[20]).toEqual({ isAllowed: false, retryAfterMs: 100 });
  });

  it('keeps keys apart', () => {
    const { buckets } = setUp();
    expect(buckets.take('a', ONE_A_DAY).isAllowed).toBe(true);
    expect(buckets.take('a', ONE_A_DAY).isAllowed).toBe(false);
    expect(buckets.take('b', ONE_A_DAY).isAllowed).toBe(true);
  });

  it('[limits-truthful] lets through burst + rate × time, to one, whatever the rhythm of requests', () => {
    const rates = fc.record({
      tokens: fc.integer({ min: 1, max: 50 }),
      perMs: fc.constantFrom(1000, 60_000, 3_600_000),
      burst: fc.integer({ min: 1, max: 60 }),
    });
    const steps = fc.array(fc.double({ min: 0, max: 700, noNaN: true }), { minLength: 1, maxLength: 60 });
    const property = fc.property(rates, steps, (rate, waits) => {
      const { buckets, pass } = setUp();
      let total = 0;
      let allowed = 0;
      for (const wait of waits) {
        pass(wait);
        total += wait;
        while (buckets.take('k', rate).isAllowed) allowed += 1;
      }
      const most = rate.burst + (rate.tokens * total) / rate.perMs;
      expect(allowed).toBeLessThanOrEqual(most + 1);
      // Refill above a full bucket is lost by design, so the lower bound counts from the first emptying.
      const least = rate.burst + (rate.tokens * (total - (waits[0] ?? 0))) / rate.perMs;
      const isOverflowing = waits.some((wait) => (wait * rate.tokens) / rate.perMs > rate.burst);
      if (!isOverflowing) expect(allowed).toBeGreaterThanOrEqual(Math.floor(least) - 1);
    });
    fc.assert(property, { numRuns: 500, seed: 3 });
  });

  it('[limits-truthful] says truthfully how long to wait: not a millisecond less, not a millisecond more', () => {
    const rates = fc.record({
      tokens: fc.integer({ min: 1, max: 1000 }),
      perMs: fc.constantFrom(1000, 60_000, 3_600_000, 86_400_000),
      burst: fc.integer({ min: 1, max: 1000 }),
    });
    const property = fc.property(rates, fc.integer({ min: 1, max: 40 }), fc.nat({ max: 5000 }), (rate, cost, wait) => {
      const { buckets, pass } = setUp();
      while (buckets.take('k', rate).isAllowed);
      pass(wait / 7);
      const retryAfterMs = waitOf(buckets, 'k', rate, cost);
      if (retryAfterMs === 0) return;
      pass(retryAfterMs - 1);
      expect(buckets.peek('k', rate, cost).isAllowed).toBe(false);
      pass(1);
      expect(buckets.take('k', rate, cost).isAllowed).toBe(true);
    });
    fc.assert(property, { numRuns: 500, seed: 5 });
  });

  it('fills no time twice when the clock goes back and comes again', () => {
    const { buckets, pass } = setUp();
    for (let call = 0; call < 20; call += 1) buckets.take('a', TEN_A_SECOND);
    let allowed = 0;
    for (let swing = 0; swing < 50; swing += 1) {
      pass(-1000);
      if (buckets.take('a', TEN_A_SECOND).isAllowed) allowed += 1;
      pass(1000);
      if (buckets.take('a', TEN_A_SECOND).isAllowed) allowed += 1;
    }
    expect(allowed).toBe(0);
  });

  it('takes nothing when it is only looked at', () => {
    const { buckets } = setUp();
    for (let look = 0; look < 5; look += 1) expect(buckets.peek('a', ONE_A_DAY).isAllowed).toBe(true);
    expect(buckets.size).toBe(0);
    expect(buckets.take('a', ONE_A_DAY).isAllowed).toBe(true);
    expect(buckets.peek('a', ONE_A_DAY).isAllowed).toBe(false);
  });

  it('lets a cost above the burst through a full bucket only', () => {
    const { buckets, pass } = setUp();
    expect(buckets.take('a', TEN_A_SECOND, 500)).toEqual({ isAllowed: true, remaining: 0 });
    expect(buckets.take('a', TEN_A_SECOND, 500)).toEqual({ isAllowed: false, retryAfterMs: 2000 });
    pass(2000);
    expect(buckets.take('a', TEN_A_SECOND, 500).isAllowed).toBe(true);
  });

  it.each([0, -1, 0.5, Number.NaN])('takes a cost of %j for a mistake', (cost) => {
    const { buckets } = setUp();
    expect(() => buckets.take('a', TEN_A_SECOND, cost)).toThrow(RangeError);
  });

  it('follows a changed rate at once without giving tokens away', () => {
    const { buckets, pass } = setUp();
    for (let call = 0; call < 20; call += 1) buckets.take('a', TEN_A_SECOND);
    const faster = { tokens: 1000, perMs: 1000, burst: 500 };
    expect(buckets.take('a', faster)).toEqual({ isAllowed: false, retryAfterMs: 1 });
    pass(100);
    expect(buckets.take('a', faster)).toEqual({ isAllowed: true, remaining: 99 });
    const slower = { tokens: 1, perMs: 1000, burst: 2 };
    expect(buckets.take('a', slower)).toEqual({ isAllowed: true, remaining: 1 });
  });

  it('gives nothing away when two rates take turns on one bucket', () => {
    const { buckets } = setUp();
    const large = { tokens: 10, perMs: 1000, burst: 100 };
    const small = { tokens: 10, perMs: 60_000, burst: 5 };
    let allowed = 0;
    for (let call = 0; call < 500; call += 1) {
      if (buckets.take('a', call % 2 === 0 ? large : small).isAllowed) allowed += 1;
    }
    expect(allowed).toBeLessThanOrEqual(100);
  });
});

describe('taking several at once', () => {
  const wants = [
    { key: 'caller', rate: TEN_A_SECOND },
    { key: 'grant', rate: ONE_A_DAY },
  ];

  it('takes all or nothing', () => {
    const { buckets } = setUp();
    expect(buckets.takeAll(wants)).toMatchObject({ isAllowed: true });
    expect(buckets.takeAll(wants)).toEqual({
      isAllowed: false,
      index: 1,
      retryAfterMs: 86_400_000,
      fullAfterMs: 86_400_000,
    });
    expect(buckets.peek('caller', TEN_A_SECOND)).toEqual({ isAllowed: true, remaining: 18 });
  });

  it('names the one that has to wait longest', () => {
    const { buckets } = setUp();
    buckets.take('caller', TEN_A_SECOND, 20);
    buckets.take('grant', ONE_A_DAY);
    expect(buckets.takeAll(wants)).toMatchObject({ isAllowed: false, index: 1 });
    expect(buckets.takeAll(wants.toReversed())).toMatchObject({ isAllowed: false, index: 0 });
  });

  it('tells what is left of the one that is nearest to its end, and nothing of what callers share', () => {
    const { buckets } = setUp();
    const caller = { key: 'caller:a', rate: TEN_A_SECOND };
    const grant = { key: 'grant:a', rate: { tokens: 1, perMs: 1000, burst: 3 } };
    const upstream = { key: 'upstream:x', rate: ONE_A_DAY, isShared: true };
    const left = { isAllowed: true, remaining: 2, fullAfterMs: 1000 };
    expect(buckets.takeAll([caller, grant])).toEqual({ ...left, index: 1 });
    expect(buckets.takeAll([caller, upstream])).toMatchObject({ index: 0, remaining: 18, fullAfterMs: 200 });
    expect(buckets.takeAll([{ ...upstream, key: 'upstream:y' }])).toMatchObject({ isAllowed: true, index: -1 });
  });

  it('[limits-truthful] promises a time after which all of them have enough, and no longer one than needed', () => {
    const rates = fc.record({
      tokens: fc.integer({ min: 1, max: 50 }),
      perMs: fc.constantFrom(1000, 60_000, 3_600_000),
      burst: fc.integer({ min: 1, max: 30 }),
    });
    const several = fc.array(rates, { minLength: 1, maxLength: 4 });
    const steps = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 20 });
    const property = fc.property(several, steps, (chosen, waits) => {
      const { buckets, pass } = setUp();
      const all = chosen.map((rate, index) => ({ key: `kind${index}:k`, rate }));
      let total = 0;
      let allowed = 0;
      let retryAfterMs = 0;
      const spend = (): void => {
        for (;;) {
          const answer = buckets.takeAll(all);
          if (!answer.isAllowed) {
            ({ retryAfterMs } = answer);
            return;
          }
          allowed += 1;
        }
      };
      spend();
      for (const wait of waits) {
        pass(wait);
        total += wait;
        spend();
      }
      for (const { tokens, perMs, burst } of chosen) {
        expect(allowed).toBeLessThanOrEqual(burst + (tokens * total) / perMs + 1);
      }
      pass(retryAfterMs - 1);
      expect(buckets.takeAll(all).isAllowed).toBe(false);
      pass(1);
      expect(buckets.takeAll(all).isAllowed).toBe(true);
    });
    fc.assert(property, { numRuns: 500, seed: 7 });
  });

  it('charges a bucket that is named twice twice', () => {
    const { buckets } = setUp();
    const twice = [
      { key: 'a', rate: { tokens: 1, perMs: 1000, burst: 3 }, cost: 2 },
      { key: 'a', rate: { tokens: 1, perMs: 1000, burst: 3 }, cost: 2 },
    ];
    expect(buckets.takeAll(twice).isAllowed).toBe(false);
    expect(buckets.takeAll(twice.slice(0, 1)).isAllowed).toBe(true);
  });
});

describe('at capacity', () => {
  it('never keeps more buckets than that', () => {
    const { buckets, pass } = setUp(100);
    for (let key = 0; key < 5000; key += 1) {
      buckets.take(`k${key}`, TEN_A_SECOND);
      pass(1);
    }
    expect(buckets.size).toBeLessThanOrEqual(100);
  });

  it('does not give a fresh bucket to whoever makes up many keys', () => {
    const { buckets } = setUp(50);
    expect(buckets.take('attacker', ONE_A_DAY).isAllowed).toBe(true);
    for (let key = 0; key < 5000; key += 1) buckets.take(`made-up-${key}`, ONE_A_DAY);
    expect(buckets.take('attacker', ONE_A_DAY).isAllowed).toBe(false);
  });

  it('lets all newcomers together have one bucket', () => {
    const { buckets } = setUp(50);
    const allowed = Array.from({ length: 500 }, (_, key) => buckets.take(`k${key}`, ONE_A_DAY)).filter(
      (answer) => answer.isAllowed,
    );
    expect(allowed).toHaveLength(51);
  });

  it('[valid-never-blocked] has room for each kind of key, so that strangers take none from callers', () => {
    const { buckets } = setUp(50);
    for (let key = 0; key < 5000; key += 1) buckets.take(`login:${key}`, ONE_A_DAY);
    expect(buckets.take('login:next', ONE_A_DAY).isAllowed).toBe(false);
    for (let key = 0; key < 50; key += 1) expect(buckets.take(`caller:${key}`, ONE_A_DAY).isAllowed).toBe(true);
    expect(buckets.size).toBe(100);
  });

  it('gives nobody who drew from the shared bucket a full one of its own when there is room', () => {
    const { buckets, pass } = setUp(50);
    const short = { tokens: 1, perMs: 1000, burst: 1 };
    const rate = { tokens: 1, perMs: 60_000, burst: 5 };
    for (let key = 0; key < 50; key += 1) buckets.take(`k:${key}`, short);
    const early = Array.from({ length: 9 }, () => buckets.take('k:patient', rate)).filter((one) => one.isAllowed);
    expect(early).toHaveLength(5);
    pass(1000);
    const late = Array.from({ length: 9 }, () => buckets.take('k:patient', rate)).filter((one) => one.isAllowed);
    expect([late.length, buckets.size]).toEqual([0, 50]);
    pass(60_000);
    expect(buckets.take('k:patient', rate).isAllowed).toBe(true);
  });

  it('does not let a look say yes where the shared bucket is empty', () => {
    const { buckets } = setUp(50);
    for (let key = 0; key < 60; key += 1) buckets.take(`k${key}`, ONE_A_DAY);
    expect(buckets.peek('newcomer', ONE_A_DAY).isAllowed).toBe(false);
  });

  it('makes room with buckets that are full again, also when those were used after they came', () => {
    const { buckets, pass } = setUp(50);
    for (let key = 0; key < 25; key += 1) buckets.take(`slow${key}`, ONE_A_DAY);
    for (let key = 0; key < 25; key += 1) buckets.take(`quick${key}`, TEN_A_SECOND);
    pass(50);
    for (let key = 0; key < 25; key += 1) buckets.take(`quick${key}`, TEN_A_SECOND);
    pass(250);
    const answers = Array.from({ length: 25 }, (_, key) => buckets.take(`new${key}`, ONE_A_DAY));
    expect(answers.every((answer) => answer.isAllowed)).toBe(true);
    const old = Array.from({ length: 25 }, (_, key) => buckets.take(`slow${key}`, ONE_A_DAY));
    expect(old.some((answer) => answer.isAllowed)).toBe(false);
  });
});
