// Row 10: the audit folder on a small file system that fills up below a running gateway.
import { canMount, runDiskFull } from '../faults/disk-full.ts';
import type { Prove } from './result.ts';

const resumeGoalMs = 5000;

export const prove: Prove = async () => {
  if (!canMount()) throw new Error('this row mounts a small file system, so it has to run as root on Linux');
  const { reasons, status, unrecorded, isAlive, resumedAfterMs } = await runDiskFull();
  return {
    figure:
      `full disk: calls refused with ${status} (${reasons.join(', ')}), ${unrecorded} unrecorded calls, ` +
      `health ${isAlive ? 'answers' : 'is silent'}, resumed ${Math.round(resumedAfterMs)} ms after room was made`,
    isMet: status === 503 && unrecorded === 0 && isAlive && resumedAfterMs < resumeGoalMs,
  };
};
