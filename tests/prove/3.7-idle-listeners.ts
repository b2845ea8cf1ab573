// Row 3.7: ten thousand callers that only listen, half of each era, and ordinary calls beside them.
import { runIdleListeners } from '../faults/idle-listeners.ts';
import type { Prove } from './result.ts';

const mebibyte = 1024 * 1024;
const goal = { listeners: 10_000, slowdown: 2 };

export const prove: Prove = async () => {
  const result = await runIdleListeners({ listeners: goal.listeners, calls: 2000, rounds: 5 });
  const { modern, legacy, heard, lost, quiet, loaded, before, after } = result;
  const slowdown = loaded.p99 / quiet.p99;
  const grown = result.with.memory - before.memory;
  const open = modern + legacy;
  const megabytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(0)} MB`;
  return {
    figure:
      `${modern.toLocaleString('en')} modern and ${legacy.toLocaleString('en')} legacy streams open: ` +
      `p99 ${quiet.p99.toFixed(1)} → ${loaded.p99.toFixed(1)} ms (${slowdown.toFixed(2)}×), ` +
      `memory ${megabytes(before.memory)} → ${megabytes(result.with.memory)}, ${heard.toLocaleString('en')} heard of a change`,
    isMet:
      open === goal.listeners &&
      heard === open &&
      lost === 0 &&
      quiet.wrong + loaded.wrong === 0 &&
      slowdown <= goal.slowdown,
    details: [
      `median ${quiet.p50.toFixed(1)} → ${loaded.p50.toFixed(1)} ms; ${quiet.calls + loaded.calls} calls, ` +
        `${quiet.wrong + loaded.wrong} not answered as they should be`,
      `${(grown / 1024 / Math.max(1, open)).toFixed(1)} KB for each stream; descriptors ${before.descriptors} → ` +
        `${result.with.descriptors}; after all had left ${megabytes(after.memory)}, ${after.descriptors} descriptors`,
      `streams that were refused: ${result.refusals.join(', ') || 'none'}; that ended early: ${lost}`,
      'Node raises its own limit of open files to the hard one (ulimit -Hn), which has to be above the number of streams',
    ],
  };
};
