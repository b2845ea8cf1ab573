import { describe, expect, it } from 'vitest';
import { createSettlement } from './settlement.ts';

const never = new Promise<void>(() => undefined);

describe('servers that are starting', () => {
  it('[sick-upstream] are waited for by those who name them only', async () => {
    const settlement = createSettlement();
    let finish: () => void = () => undefined;
    settlement.begin('slow', never);
    settlement.begin('quick', new Promise<void>((resolve) => (finish = resolve)));
    const waiting = settlement.wait(['quick']);
    expect(waiting).toBeDefined();
    expect(settlement.wait(['another'])).toBeUndefined();
    finish();
    await waiting;
    expect(settlement.wait(['quick'])).toBeUndefined();
    expect(settlement.wait(['slow'])).toBeDefined();
    expect(settlement.wait()).toBeDefined();
  });

  it('are not waited for any more once it has been given up', async () => {
    const settlement = createSettlement();
    settlement.begin('slow', never);
    const waiting = settlement.wait();
    settlement.giveUp();
    await waiting;
    expect(settlement.wait()).toBeUndefined();
  });

  it('count as settled when they fail', async () => {
    const settlement = createSettlement();
    settlement.begin('broken', Promise.reject(new Error('gone')));
    await settlement.wait();
    expect(settlement.wait()).toBeUndefined();
  });
});
