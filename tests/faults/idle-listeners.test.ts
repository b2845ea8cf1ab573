// Idle listeners of both eras before the real gateway: ordinary calls go on, and all of them hear what changes.
import { describe, expect, it } from 'vitest';
import { runIdleListeners } from './idle-listeners.ts';

describe.skipIf(process.platform !== 'linux')('five hundred callers that only listen', () => {
  it('[idle-listeners] stay connected and hear of a change, and the calls of others are answered', async () => {
    const result = await runIdleListeners({ listeners: 500, calls: 100, rounds: 1 });
    expect(result).toMatchObject({ modern: 250, legacy: 250, refusals: [], heard: 500, lost: 0 });
    expect([result.quiet.wrong, result.loaded.wrong]).toEqual([0, 0]);
    expect(result.with.descriptors - result.before.descriptors).toBeGreaterThanOrEqual(500);
  });
});
