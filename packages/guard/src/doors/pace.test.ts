import { describe, expect, it } from 'vitest';
import { received } from '../exchange.fixture.ts';
import type { Replied } from '../exchange.ts';
import { refuse, type RefusalName } from '../refusals.ts';
import { Pace, Patience, type Step } from './pace.ts';

function refused(name: RefusalName): Replied {
  return Object.assign(received(), { refusal: refuse(name), reply: { status: 429, headers: [] } });
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function steps(pace: Pace, count: number): Step[] {
  return Array.from({ length: count }, () => pace.step());
}

describe('the requests of one connection', () => {
  it('go on for as long as each turn brings few', async () => {
    const pace = new Pace();
    for (let i = 0; i < 20; i += 1) {
      expect(new Set(steps(pace, 60))).toEqual(new Set(['go']));
      await turn();
    }
  });

  it('[connection-pace] end when one turn brings too many, and who goes on sending is cut', () => {
    const pace = new Pace();
    const taken = steps(pace, 128);
    expect(taken.filter((step) => step === 'go')).toHaveLength(127);
    expect(taken.at(-1)).toBe('last');
    expect(new Set(steps(pace, 1024))).toEqual(new Set(['drop']));
    expect(pace.step()).toBe('cut');
  });

  it('are not served behind the last answer', () => {
    const pace = new Pace();
    expect(pace.step()).toBe('go');
    pace.end();
    expect(pace.step()).toBe('drop');
  });
});

describe('refusals for the limit of the address', () => {
  it('[connection-pace] spend the patience with a connection when eight come within a second', () => {
    const patience = new Patience();
    for (let i = 0; i < 7; i += 1) expect(patience.isSpentBy(refused('address-limited'), 1000 + i)).toBe(false);
    expect(patience.isSpentBy(refused('limited'), 1008)).toBe(false);
    expect(patience.isSpentBy(refused('address-limited'), 1009)).toBe(true);
  });

  it('are borne for ever at one in the time that a retry takes', () => {
    const patience = new Patience();
    for (let i = 0; i < 100; i += 1) expect(patience.isSpentBy(refused('address-limited'), 1000 * i)).toBe(false);
  });
});
