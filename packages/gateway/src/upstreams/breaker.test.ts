import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breaker, type BreakerState } from './breaker.ts';
import { fakePorts } from './fakes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const create = (answers: boolean[]) => {
  const states: BreakerState[] = [];
  let questions = 0;
  const ask = async (): Promise<boolean> => {
    questions += 1;
    return answers.shift() ?? false;
  };
  const tuning = { breakerFailures: 3, backoffMs: 1000, maxBackoffMs: 4000 };
  const breaker = new Breaker(ask, tuning, fakePorts(), (state) => states.push(state));
  const fail = async (times: number): Promise<void> => {
    for (let turn = 0; turn < times; turn += 1) breaker.failed();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { breaker, states, fail, questions: () => questions };
};

describe('a breaker', () => {
  it('asks nothing while failures are no row', async () => {
    const { breaker, fail, questions } = create([]);
    for (let turn = 0; turn < 10; turn += 1) {
      await fail(2);
      breaker.succeeded();
    }
    expect(questions()).toBe(0);
    expect(breaker.waitMs).toBeUndefined();
  });

  it('lets calls pass when the server is well and only some of its tools hang', async () => {
    const { breaker, fail, questions, states } = create([true, true]);
    await fail(3);
    expect(questions()).toBe(1);
    await fail(2);
    expect(questions()).toBe(1);
    await fail(1);
    expect(questions()).toBe(2);
    expect([breaker.state, breaker.opened, states]).toEqual(['closed', 0, []]);
  });

  it('opens when the server does not answer, and tells how long to wait', async () => {
    const { breaker, fail, states } = create([false]);
    await fail(3);
    expect([breaker.state, breaker.opened, states]).toEqual(['open', 1, ['open']]);
    expect(breaker.waitMs).toBe(500);
    await vi.advanceTimersByTimeAsync(200);
    expect(breaker.waitMs).toBe(300);
  });

  it('asks once at a time, waits longer after each refusal, and closes with the first answer', async () => {
    const { breaker, fail, questions, states } = create([false, false, false, true]);
    await fail(3);
    await fail(100);
    expect(questions()).toBe(1);
    const waits: (number | undefined)[] = [];
    while (breaker.state !== 'closed') {
      waits.push(breaker.waitMs);
      await vi.advanceTimersByTimeAsync(breaker.waitMs ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000]);
    expect(questions()).toBe(4);
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'open', 'half-open', 'closed']);
    expect(breaker.opened).toBe(1);
  });

  it('lets nobody pass while its question is under way', async () => {
    let answer: (isWell: boolean) => void = () => {};
    const answers = [Promise.resolve(false), new Promise<boolean>((resolve) => (answer = resolve))];
    const tuning = { breakerFailures: 1, backoffMs: 1000, maxBackoffMs: 1000 };
    const breaker = new Breaker(
      () => answers.shift() ?? Promise.resolve(true),
      tuning,
      fakePorts(),
      () => {},
    );
    breaker.failed();
    await vi.advanceTimersByTimeAsync(500);
    expect([breaker.state, breaker.waitMs]).toEqual(['half-open', 1000]);
    answer(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.waitMs).toBeUndefined();
  });

  it('lets calls pass when the server was started anew, whatever a question to the old one comes to', async () => {
    let answer: (isWell: boolean) => void = () => {};
    const tuning = { breakerFailures: 1, backoffMs: 1000, maxBackoffMs: 1000 };
    const answers = [Promise.resolve(false), new Promise<boolean>((resolve) => (answer = resolve))];
    const breaker = new Breaker(
      () => answers.shift() ?? Promise.resolve(true),
      tuning,
      fakePorts(),
      () => {},
    );
    breaker.failed();
    await vi.advanceTimersByTimeAsync(500);
    breaker.reset();
    answer(false);
    await vi.advanceTimersByTimeAsync(5000);
    expect(breaker.state).toBe('closed');
  });

  it('asks no more once it is stopped', async () => {
    const { breaker, fail, questions } = create([false]);
    await fail(3);
    breaker.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    await fail(10);
    expect([breaker.state, questions()]).toEqual(['closed', 1]);
  });
});
