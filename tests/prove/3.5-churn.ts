// Row 3.5: ten thousand sessions opened and dropped in ten minutes, while a server's process is killed each second.
import { runChurn } from '../faults/churn.ts';
import type { Prove } from './result.ts';

const mebibyte = 1024 * 1024;
const goal = { sessions: 10_000, seconds: 600, growth: 20 * mebibyte };

export const prove: Prove = async () => {
  const { isTTY } = process.stdout;
  const onProgress = (done: number): void => {
    if (isTTY) process.stdout.write(`\r${done.toLocaleString('en')} of ${goal.sessions.toLocaleString('en')} sessions`);
  };
  const result = await runChurn({ sessions: goal.sessions, perSecond: 17, seed: 35, onProgress });
  if (isTTY) process.stdout.write('\r\u001b[K');
  const [before, after] = result.descriptors;
  const growth = result.memory[1] - result.memory[0];
  const isApart = result.wrong === 0 && result.sharedByCallers === 0 && result.sharedBySessions === 0;
  return {
    figure:
      `${result.sessions.toLocaleString('en')} sessions in ${Math.round(result.seconds)} s, ${result.kills} kills: ` +
      `${result.orphans} orphans, ${result.leftOver} processes left over, descriptors ${before} → ${after}, ` +
      `memory ${growth < 0 ? '−' : '+'}${Math.abs(growth / mebibyte).toFixed(1)} MB`,
    isMet:
      isApart &&
      result.sessions === goal.sessions &&
      result.seconds < goal.seconds &&
      result.orphans === 0 &&
      result.leftOver === 0 &&
      after <= before &&
      growth < goal.growth,
    details: [
      `${result.processes} processes of servers: ${result.sharedByCallers} of share: caller spoke with two callers, ` +
        `${result.sharedBySessions} of share: session with two sessions`,
      `${result.answered} calls answered, ${result.wrong} wrongly; ${result.refused} refused while their server was down`,
      `memory at its lowest: ${(result.memory[0] / mebibyte).toFixed(0)} MB in the first half, ` +
        `${(result.memory[1] / mebibyte).toFixed(0)} MB in the second; at its highest ${(result.peak / mebibyte).toFixed(0)} MB`,
    ],
  };
};
