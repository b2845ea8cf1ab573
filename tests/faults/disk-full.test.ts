import { expect, it } from 'vitest';
import { canMount, runDiskFull } from './disk-full.ts';

it.skipIf(!canMount())(
  '[no-record-no-action] refuses calls with 503 while the audit disk is full, and resumes by itself (needs root to mount)',
  { timeout: 120_000 },
  async () => {
    const result = await runDiskFull();
    expect(result).toMatchObject({ reasons: ['unrecorded'], status: 503, unrecorded: 0, isAlive: true });
  },
);
