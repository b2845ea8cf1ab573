import { createCanceller } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeLink } from './fakes.ts';
import { defaultTuning, type OpenOptions } from './options.ts';
import { realTimers } from './ports.ts';
import { recheckEra } from './recheck.ts';
import type { Transport } from './transport.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const options: OpenOptions = {
  name: 'files',
  tuning: defaultTuning,
  clientCapabilities: {},
  clientInfo: {},
  ask: [],
  isShared: true,
  cancellation: createCanceller(),
  onEvent: () => {},
};

const watch = (answers: readonly boolean[], link = new FakeLink('legacy')) => {
  let asked = 0;
  let told = 0;
  const transport: Transport = {
    kind: 'http',
    open: () => Promise.reject(new Error('nothing is opened')),
    recheck: () => {
      asked += 1;
      return Promise.resolve(answers[asked - 1] ?? false);
    },
    close: () => Promise.resolve(),
  };
  const end = recheckEra(link, transport, options, 1000, realTimers, () => void (told += 1));
  return { link, end, counts: () => ({ asked, told }) };
};

describe('the era of a server that counts as legacy', () => {
  it('is asked for again each time that the answer has become old, until it is modern', async () => {
    const { counts } = watch([false, false, true]);
    await vi.advanceTimersByTimeAsync(2999);
    expect(counts()).toEqual({ asked: 2, told: 0 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(counts()).toEqual({ asked: 3, told: 1 });
  });

  it('is of no more interest when the conversation has ended or the asking was', async () => {
    const first = watch([]);
    first.link.die();
    const second = watch([]);
    second.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([first.counts(), second.counts()]).toEqual([
      { asked: 0, told: 0 },
      { asked: 0, told: 0 },
    ]);
  });

  it('is not asked for where it is modern', async () => {
    const { counts } = watch([], new FakeLink('modern'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(counts()).toEqual({ asked: 0, told: 0 });
  });
});
