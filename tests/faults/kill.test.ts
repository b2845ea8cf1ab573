import { expect, it } from 'vitest';
import { runKills } from './kill.ts';

it('[kill-9] leaves no answer and no effect without an intent record', { timeout: 300_000 }, async () => {
  const result = await runKills(10, 20261120);
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(result).toMatchObject({ rounds: 10, unrecordedAnswers: 0, unrecordedEffects: 0, brokenTrails: 0 });
});
