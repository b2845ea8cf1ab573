// Row 1: a fresh clone and packed tarballs, each to the first guarded answer; then `npm test` in the clone.
import { clone } from '../journeys/clone.ts';
import type { FirstRun } from '../journeys/first-run.ts';
import { say } from '../journeys/first-run.ts';
import { initAndRun, installPacked } from '../journeys/install.ts';
import type { Prove } from './result.ts';

/** Time for the whole of `npm test`, milliseconds. */
const testCeiling = 30 * 60_000;

const isGuarded = (seen: FirstRun): boolean =>
  seen.allowed.includes('"result"') && seen.refused.code === 1 && seen.ending.code !== 1;

export const prove: Prove = async () => {
  const fresh = await clone();
  const packed = await installPacked(false);
  try {
    const started = await fresh.start();
    const tested = await say(['npm', 'test'], fresh.folder, fresh.env, testCeiling);
    const ran = await initAndRun(packed, 120_000);
    const verdict = tested.text.trimEnd().split('\n').at(-1) ?? '';
    return {
      figure:
        `clone: guarded answer after ${seconds(started)}, npm test ${tested.code === 0 ? 'green' : 'red'} (${verdict}); ` +
        `tarballs: guarded answer after ${seconds(ran)}`,
      isMet: isGuarded(started) && isGuarded(ran) && tested.code === 0,
      details: [
        `Ctrl-C to the end: ${Math.round(started.toEndMs)} ms and ${Math.round(ran.toEndMs)} ms`,
        ...(tested.code === 0 ? [] : tested.text.split('\n').slice(-60)),
      ],
    };
  } finally {
    await Promise.all([fresh.remove(), packed.remove()]);
  }
};

const seconds = ({ toAnswerMs }: FirstRun): string => `${(toAnswerMs / 1000).toFixed(1)} s`;
