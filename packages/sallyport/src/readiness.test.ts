import { describe, expect, it } from 'vitest';
import { firstUsable, type AwaitedServer } from './readiness.ts';

type Shown = [state: AwaitedServer['state'], tools: number];

/** Looks at one state of one server after another; the last one stays. */
const waitThrough = async (states: readonly Shown[], ceilingMs = 30_000) => {
  let looks = 0;
  let waitedMs = 0;
  const found = await firstUsable(
    () => {
      const [state, tools] = states[Math.min(looks++, states.length - 1)] ?? ['stopped', 0];
      return [{ name: 'files', state, tools }];
    },
    (ms) => {
      waitedMs += ms;
      return Promise.resolve();
    },
    ceilingMs,
  );
  return { found, waitedMs };
};

describe('firstUsable', () => {
  it('waits for nothing when a server is there, and when none is on its way', async () => {
    expect(await waitThrough([['ready', 2]])).toEqual({ found: true, waitedMs: 0 });
    expect(await waitThrough([['sick', 0]])).toEqual({ found: false, waitedMs: 0 });
    expect(await waitThrough([['ready', 0]])).toEqual({ found: false, waitedMs: 0 });
  });

  it('waits while one is starting, and for its tools', async () => {
    expect(
      await waitThrough([
        ['starting', 0],
        ['starting', 0],
        ['ready', 0],
        ['ready', 3],
      ]),
    ).toEqual({ found: true, waitedMs: 300 });
  });

  it('gives up at the ceiling, and soon when the one that started has failed or has no tools', async () => {
    expect(await waitThrough([['starting', 0]])).toEqual({ found: false, waitedMs: 30_000 });
    expect(
      await waitThrough([
        ['starting', 0],
        ['sick', 0],
      ]),
    ).toEqual({ found: false, waitedMs: 100 });
    const { found, waitedMs } = await waitThrough([
      ['starting', 0],
      ['ready', 0],
    ]);
    expect(found).toBe(false);
    expect(waitedMs).toBeLessThan(5_000);
  });

  it('waits without end where it is told to', async () => {
    const sick = Array.from({ length: 500 }, (): Shown => ['sick', 0]);
    expect(await waitThrough([...sick, ['ready', 1]], Infinity)).toEqual({ found: true, waitedMs: 50_000 });
  });
});
