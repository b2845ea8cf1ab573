// Every single write, sync and open of a recorded session fails once: no record, no action, and it resumes by itself.
import { describe, expect, it } from 'vitest';
import { diskOperations, runFailingDisk, runThrowing, type DiskFailure } from './failing-disk.ts';

const held = { other: [], unrecorded: 0, ranThoughRefused: 0, incomplete: 0, verdict: 'fine' };

describe.each(['intent', 'full'] as const)('an audit disk that fails, at durability %s', (durability) => {
  it('[no-record-no-action] loses no record of a call while it works', async () => {
    const result = await runFailingDisk(durability);
    expect(result).toMatchObject({ ...held, refused: 0, answered: 16 });
    expect(Math.min(result.counts.append, result.counts.sync)).toBeGreaterThanOrEqual(5);
    expect(result.counts.open).toBeGreaterThan(1);
  });

  it.each(diskOperations)(
    '[no-record-no-action] runs no call without its intent on disk, whichever %s fails',
    async (operation) => {
      const count = (await runFailingDisk(durability)).counts[operation];
      let refused = 0;
      for (let nth = 1; nth <= count; nth++) {
        for (const [times, code] of [
          [1, 'EIO'],
          [3, 'ENOSPC'],
        ] as const) {
          const failure: DiskFailure = { operation, nth, times, code };
          const result = await runFailingDisk(durability, failure);
          expect(result, JSON.stringify(failure)).toMatchObject(held);
          refused += result.refused;
        }
      }
      // Without the size of what is free the trail goes on; without anything else it must have refused.
      if (operation === 'append' || operation === 'sync') expect(refused).toBeGreaterThan(0);
    },
  );
});

describe('a call whose code fails', () => {
  it('[one-record] still has one intent and one end', async () => {
    expect(await runThrowing()).toEqual({ records: ['intent', 'refusal internal: thrown in invoke'], status: 500 });
  });
});
