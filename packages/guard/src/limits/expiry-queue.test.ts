import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExpiryQueue } from './expiry-queue.ts';

describe('an expiry queue', () => {
  it('hands out exactly the things whose time has come, first things first', () => {
    const property = fc.property(
      fc.array(fc.nat({ max: 100 }), { maxLength: 60 }),
      fc.nat({ max: 100 }),
      (times, now) => {
        const queue = createExpiryQueue<{ time: number }>((thing) => thing.time);
        for (const time of times) queue.add({ time });
        const taken: number[] = [];
        for (let thing = queue.takeExpired(now); thing !== undefined; thing = queue.takeExpired(now)) {
          taken.push(thing.time);
        }
        expect(taken).toEqual(times.filter((time) => time <= now).toSorted((one, other) => one - other));
        expect(queue.size).toBe(times.length - taken.length);
      },
    );
    fc.assert(property, { numRuns: 300, seed: 2 });
  });

  it('does not hand out a thing whose time moved later', () => {
    const queue = createExpiryQueue<{ time: number }>((thing) => thing.time);
    const thing = { time: 5 };
    queue.add(thing);
    thing.time = 50;
    expect(queue.takeExpired(10)).toBeUndefined();
    expect(queue.takeExpired(50)).toBe(thing);
  });
});
