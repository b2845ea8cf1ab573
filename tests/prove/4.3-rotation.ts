// Row 4.3: an issuer's keys rotate, and the issuer fails, while callers with its tokens go on calling.
import { setTimeout as delay } from 'node:timers/promises';
import { call, failuresIn, openBench, rotateUnderLoad, underLoad, type Bench } from '../faults/key-rotation.ts';
import type { Prove } from './result.ts';

async function withBench<T>(more: object, run: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = await openBench({ ...more });
  try {
    return await run(bench);
  } finally {
    await bench.stop();
  }
}

export const prove: Prove = async () => {
  const rotation = await withBench({}, (bench) => rotateUnderLoad(bench, { rotations: 20, everyMs: 5500, width: 8 }));
  const lasted = await withBench({}, async (bench) => {
    await call(bench, bench.issuer.token());
    return underLoad(bench, 8, async () => {
      bench.issuer.mood = 'silent';
      await delay(60_000);
    });
  });
  const closed = await withBench({ staleFor: '5s' }, async (bench) => {
    await call(bench, bench.issuer.token());
    return underLoad(bench, 4, async () => {
      bench.issuer.mood = 'failing';
      await delay(40_000);
      bench.issuer.mood = 'well';
      await delay(30_000);
    });
  });
  const statuses = Object.keys(closed.byStatus).sort().join(' and ');
  const failed = failuresIn(rotation.counts);
  return {
    figure:
      `${rotation.rotations} rotations, ${rotation.counts.calls.toLocaleString('en')} calls: ${failed} failed; ` +
      `issuer away for 60 s with known keys: ${failuresIn(lasted)} of ${lasted.calls.toLocaleString('en')} failed; ` +
      `beyond staleFor: answers are ${statuses}`,
    isMet: failed === 0 && failuresIn(lasted) === 0 && statuses === '200 and 503',
    details: [
      `keys were asked for ${rotation.keyRequests} times in ${rotation.rotations} rotations`,
      `a key that was taken away stopped counting after ${(rotation.slowestRemoval / 1000).toFixed(1)} s (refresh: 10s)`,
      `beyond staleFor: ${closed.byStatus[503] ?? 0} × 503 while the issuer was away, ${closed.byStatus[200] ?? 0} × 200`,
    ],
  };
};
