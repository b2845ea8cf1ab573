import { createCanceller } from '@sallyport/guard';
import { readMessage, type Message } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts } from './fakes.ts';
import type { AskAnswer, LinkAnswer, LinkFailure, LinkListener } from './link.ts';
import { PendingCall } from './pending-call.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const message = (value: object): Message => {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...value })));
  if (reading.kind === 'fault') throw new Error(reading.fault.name);
  return reading.message;
};
const progress = message({ method: 'notifications/progress', params: { progressToken: 7, progress: 1 } });
const answer = message({ id: 7, result: {} });

const begin = (timeoutMs: number, maxTimeMs: number, listener: Partial<LinkListener> = {}) => {
  const canceller = createCanceller();
  const answers: LinkAnswer[] = [];
  const abandoned: LinkFailure[] = [];
  const heard: Message[] = [];
  const { clock, timers } = fakePorts();
  const call = new PendingCall(
    { id: 7, method: 'tools/call', params: undefined, timeoutMs, maxTimeMs, cancellation: canceller },
    {
      onMessage: (item) => void heard.push(item),
      onRequest: () => Promise.reject(new Error('unused')),
      ...listener,
    },
    (item) => answers.push(item),
    (failure) => abandoned.push(failure),
    { clock, timers, name: 'files' },
  );
  return { call, canceller, answers, abandoned, heard };
};

describe('a pending call', () => {
  it('ends by the deadline when nothing comes, and is called off', () => {
    const { call, answers, abandoned } = begin(1000, 5000);
    call.begin();
    vi.advanceTimersByTime(999);
    expect(answers).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers).toMatchObject([{ kind: 'failure', failure: { reason: 'timeout' } }]);
    expect(abandoned).toMatchObject([{ reason: 'timeout' }]);
  });

  it('waits on while there is progress, up to its ceiling', () => {
    const { call, answers } = begin(1000, 2500);
    call.begin();
    for (const step of [900, 900]) {
      vi.advanceTimersByTime(step);
      call.deliver(progress);
    }
    vi.advanceTimersByTime(699);
    expect(answers).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers).toMatchObject([{ failure: { reason: 'timeout' } }]);
  });

  it('has no deadline when it is to stay open', () => {
    const { call, answers } = begin(Infinity, Infinity);
    call.begin();
    vi.advanceTimersByTime(10 ** 9);
    expect(answers).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('settles once, and delivers nothing afterwards', () => {
    const { call, answers, abandoned, heard, canceller } = begin(1000, 5000);
    call.begin();
    call.answer(answer, 200);
    call.answer(answer, 200);
    call.deliver(progress);
    canceller.cancel('late');
    vi.advanceTimersByTime(10_000);
    expect(answers).toHaveLength(1);
    expect([abandoned, heard]).toEqual([[], []]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not begun for a caller who has given up already', () => {
    const { call, canceller, answers } = begin(1000, 5000);
    canceller.cancel('gone');
    expect(call.begin()).toBe(false);
    expect(answers).toMatchObject([{ failure: { reason: 'cancelled' } }]);
  });

  it('does not count the time in which the caller is asked something', async () => {
    let tell: (told: AskAnswer) => void = () => {};
    const onRequest = (): Promise<AskAnswer> =>
      new Promise((resolve) => {
        tell = resolve;
      });
    const { call, answers } = begin(1000, 1000, { onRequest });
    call.begin();
    const asking = call.ask(message({ id: 1, method: 'elicitation/create', params: {} }));
    vi.advanceTimersByTime(60_000);
    expect(answers).toHaveLength(0);
    tell({ kind: 'result', body: Buffer.from('{}') });
    await asking;
    vi.advanceTimersByTime(1000);
    expect(answers).toMatchObject([{ failure: { reason: 'timeout' } }]);
  });
});
