import { expect, it } from 'vitest';
import { runCrossing } from './crossing.ts';

it(
  '[answers-never-cross] gives each of 200 callers with the same request id its own answers',
  { timeout: 300_000 },
  async () => {
    const result = await runCrossing(50_000, 200);
    expect(result).toMatchObject({ calls: 50_000, crossed: 0, lost: 0, firstLost: undefined });
  },
);
