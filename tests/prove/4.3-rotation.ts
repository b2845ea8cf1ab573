// Row 4.3: an issuer's keys rotate, and the issuer fails, while callers with its tokens go on calling.
import { setTimeout as delay } from 'node:timers/promises';
import { call, failuresIn, openBench, rotateUnderLoad, underLoad } from '../faults/key-rotation.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const rotating = await openBench();
  const rotation = await rotateUnderLoad(rotating, { rotations: 20, everyMs: 5500, width: 8 }).finally(() =>
    rotating.stop(),
  );

  const lasting = await openBench();
  const lasted = await (async () => {
    await call(lasting, lasting.issuer.token());
    return underLoad(lasting, 8, async () => {
      lasting.issuer.mood = 'silent';
      await delay(60_000);
    });
  })().finally(() => lasting.stop());

  const closing = await openBench({ staleFor: '5s' });
  const closed = await (async () => {
    await call(closing, closing.issuer.token());
    return underLoad(closing, 4, async () => {
      closing.issuer.mood = 'failing';
      await delay(40_000);
      closing.issuer.mood = 'well';
      await delay(30_000);
    });
  })().finally(() => closing.stop());
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
