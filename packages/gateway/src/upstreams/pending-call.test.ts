import { createCanceller, type Cancellation } from '@sallyport/guard';
import { readMessage, type Message } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts } from './fakes.ts';
import { linkFailure, type AskAnswer, type LinkAnswer, type LinkFailure, type LinkListener } from './link.ts';
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

  const question = message({ id: 1, method: 'elicitation/create', params: {} });
  /** A caller who answers when the test says so, or never. */
  const silentCaller = () => {
    const tells: ((told: AskAnswer) => void)[] = [];
    const overs: Cancellation[] = [];
    const onRequest = (_: Message, over?: Cancellation): Promise<AskAnswer> => {
      if (over !== undefined) overs.push(over);
      return new Promise((resolve) => tells.push(resolve));
    };
    return { tells, overs, onRequest };
  };
  const told: AskAnswer = { kind: 'result', body: Buffer.from('{}') };

  it('does not count the time in which the caller is asked something', async () => {
    const { onRequest, tells } = silentCaller();
    const { call, answers } = begin(1000, 5000, { onRequest });
    call.begin();
    const asking = call.ask(question);
    vi.advanceTimersByTime(4900);
    expect(answers).toHaveLength(0);
    tells[0]?.(told);
    expect(await asking).toBe(told);
    vi.advanceTimersByTime(999);
    expect(answers).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers).toMatchObject([{ failure: { reason: 'timeout' } }]);
  });

  it('whose caller never answers tells the server so at its ceiling, and then meets its own deadline', async () => {
    const { onRequest, overs } = silentCaller();
    const { call, answers } = begin(1000, 5000, { onRequest });
    call.begin();
    const asking = call.ask(question);
    await vi.advanceTimersByTimeAsync(4999);
    expect(overs.map(({ isCancelled }) => isCancelled)).toEqual([false]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await asking).toMatchObject({ kind: 'error' });
    expect(overs.map(({ isCancelled }) => isCancelled)).toEqual([true]);
    expect(answers).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(answers).toMatchObject([{ failure: { reason: 'timeout' } }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets all questions together take no longer than its ceiling, however they overlap', async () => {
    const { onRequest, tells, overs } = silentCaller();
    const { call } = begin(1000, 5000, { onRequest });
    call.begin();
    const [first, second] = [call.ask(question), call.ask(question)];
    await vi.advanceTimersByTimeAsync(2000);
    tells[0]?.(told);
    await first;
    await vi.advanceTimersByTimeAsync(1000);
    tells[1]?.(told);
    expect(await second).toBe(told);
    const third = call.ask(question);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await third).toMatchObject({ kind: 'error' });
    expect(await call.ask(question)).toMatchObject({ kind: 'error' });
    expect(overs).toHaveLength(3);
  });

  it('ends its questions at once when the caller gives up or the server is gone', async () => {
    for (const end of ['cancel', 'fail'] as const) {
      const { onRequest } = silentCaller();
      const { call, canceller } = begin(1000, 5000, { onRequest });
      call.begin();
      const asking = call.ask(question);
      if (end === 'cancel') canceller.cancel('gone');
      else call.fail(linkFailure('closed', 'It ended.'));
      expect(await asking).toMatchObject({ kind: 'error' });
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it('has a bounded number of open questions', async () => {
    const { onRequest, overs } = silentCaller();
    const { call } = begin(1000, 5000, { onRequest });
    call.begin();
    const asking = Array.from({ length: 100 }, () => call.ask(question));
    await asking.at(-1);
    expect(overs).toHaveLength(64);
  });
});
