import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeLink, fakePorts } from './fakes.ts';
import { linkFailure } from './link.ts';
import { defaultTuning } from './options.ts';
import { describe as describeFailure, Supervisor } from './supervisor.ts';
import type { Opening } from './transport.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const refused: Opening = { kind: 'failure', failure: linkFailure('unreachable', 'No.', { detail: 'ECONNREFUSED' }) };
const opened = (link: FakeLink): Opening => ({ kind: 'open', link });

const supervise = (outcomes: readonly (Opening | Promise<Opening>)[]) => {
  let tries = 0;
  const states: string[] = [];
  const supervisor: Supervisor = new Supervisor(
    'files',
    () => {
      const outcome = outcomes[Math.min(tries, outcomes.length - 1)] ?? refused;
      tries += 1;
      return Promise.resolve(outcome);
    },
    { ...defaultTuning, backoffMs: 1000, maxBackoffMs: 8000 },
    fakePorts(),
    { onState: () => void states.push(supervisor.state), onOpen: () => {}, onFailure: () => {} },
  );
  return { supervisor, states, tries: () => tries };
};

describe('a supervisor', () => {
  it('opens the conversation and lends it', async () => {
    const link = new FakeLink();
    const { supervisor, states } = supervise([opened(link)]);
    supervisor.start();
    expect(await supervisor.get()).toEqual({ kind: 'open', link });
    expect(states).toEqual(['starting', 'ready']);
  });

  it('opens anew at once after the first end, and makes those wait who ask meanwhile', async () => {
    const [first, second] = [new FakeLink(), new FakeLink()];
    const { supervisor } = supervise([opened(first), opened(second)]);
    supervisor.start();
    await supervisor.get();
    first.die();
    const waiting = supervisor.get();
    await vi.advanceTimersByTimeAsync(0);
    expect(await waiting).toEqual({ kind: 'open', link: second });
    expect(supervisor.restarts).toBe(1);
  });

  it('waits longer after each failure, up to the longest wait', async () => {
    const { supervisor, tries } = supervise([refused]);
    supervisor.start();
    await vi.advanceTimersByTimeAsync(0);
    const seen: number[] = [];
    for (let second = 0; second < 30; second += 1) {
      const before = tries();
      await vi.advanceTimersByTimeAsync(500);
      if (tries() > before) seen.push((second + 1) * 500);
    }
    // With jitter at its least, waits are 500, 1000, 2000, 4000 and again 4000.
    expect(seen).toEqual([500, 1500, 3500, 7500, 11_500]);
  });

  it('fails at once while sick, with the reason for the log and the time of the next try', async () => {
    const { supervisor } = supervise([refused, refused, refused, refused]);
    supervisor.start();
    await vi.advanceTimersByTimeAsync(2400);
    const opening = supervisor.get();
    expect(opening).toMatchObject({
      kind: 'failure',
      failure: { reason: 'unreachable', detail: 'No. (ECONNREFUSED)', retryAfterMs: 1100 },
    });
  });

  it('counts failures anew once a conversation has lasted', async () => {
    const links = [new FakeLink(), new FakeLink(), new FakeLink()];
    const { supervisor, tries } = supervise(links.map(opened));
    supervisor.start();
    await vi.advanceTimersByTimeAsync(0);
    links[0]?.die();
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(60_000);
    links[1]?.die();
    await vi.advanceTimersByTimeAsync(0);
    expect(tries()).toBe(3);
  });

  it('keeps a doubted conversation in use until its successor is there', async () => {
    const [first, second] = [new FakeLink(), new FakeLink()];
    let open: (opening: Opening) => void = () => {};
    const pending = new Promise<Opening>((resolve) => {
      open = resolve;
    });
    const { supervisor } = supervise([opened(first), pending]);
    supervisor.start();
    await supervisor.get();
    first.pending = 1;
    supervisor.doubt();
    expect(supervisor.get()).toEqual({ kind: 'open', link: first });
    open(opened(second));
    await vi.advanceTimersByTimeAsync(0);
    expect(supervisor.get()).toEqual({ kind: 'open', link: second });
    expect(first.state).toBe('open');
    await vi.advanceTimersByTimeAsync(1500);
    expect(first.state).toBe('open');
    first.pending = 0;
    await vi.advanceTimersByTimeAsync(1000);
    expect(first.closeReason).toBe('replaced');
    expect(supervisor.state).toBe('ready');
  });

  it('is not led by repeated doubts into opening all the time', async () => {
    const { supervisor, tries } = supervise(Array.from({ length: 6 }, () => opened(new FakeLink())));
    supervisor.start();
    for (let round = 0; round < 90; round += 1) {
      await vi.advanceTimersByTimeAsync(100);
      supervisor.doubt();
    }
    expect(tries()).toBe(3);
  });

  it('opens nothing more once stopped, and closes what opens late', async () => {
    const link = new FakeLink();
    let open: (opening: Opening) => void = () => {};
    const pending = new Promise<Opening>((resolve) => {
      open = resolve;
    });
    const { supervisor, tries } = supervise([pending]);
    supervisor.start();
    const waiting = supervisor.get();
    const stopping = supervisor.stop('enough');
    open(opened(link));
    await stopping;
    expect(link.closeReason).toBe('stopped');
    expect(await waiting).toMatchObject({ kind: 'failure', failure: { reason: 'closed' } });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(tries()).toBe(1);
  });

  it('tells the operator what a server said last, and nobody else', async () => {
    const failure = linkFailure('closed', 'It stopped.', { detail: 'exit code 1', words: 'no key' });
    const { supervisor } = supervise([{ kind: 'failure', failure }]);
    supervisor.start();
    await vi.advanceTimersByTimeAsync(5000);
    expect(supervisor.lastFailure && describeFailure(supervisor.lastFailure)).toBe('It stopped. (exit code 1: no key)');
    expect(await supervisor.get()).toMatchObject({
      failure: { detail: 'It stopped. (exit code 1)', words: undefined },
    });
  });
});
