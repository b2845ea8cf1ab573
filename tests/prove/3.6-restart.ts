// Row 3.6: a gateway that is stopped and killed under load by callers of both eras.
import { runRestarts } from '../faults/restart.ts';
import type { Prove } from './result.ts';

const goal = { restarts: 20, each: 8 };

export const prove: Prove = async () => {
  const { isTTY } = process.stdout;
  const result = await runRestarts({
    ...goal,
    upMs: 3000,
    seed: 36,
    onProgress: (count) => void (isTTY && process.stdout.write(`\r${count} of ${goal.restarts} restarts`)),
  });
  if (isTTY) process.stdout.write('\r\u001b[K');
  const number = (value: number): string => value.toLocaleString('en');
  return {
    figure:
      `${result.restarts} restarts, ${number(result.answered)} calls answered: ${result.survivors} of ${result.plain} ` +
      `sessions went on through all, ${result.begunAnew} were sent to begin anew, ${result.wrong.length} wrong answers, ` +
      `${result.unrecorded} lost records`,
    isMet:
      result.restarts === goal.restarts &&
      result.survivors === result.plain &&
      result.wrong.length + result.lost + result.forgotten + result.shared + result.unrecorded === 0 &&
      result.goneOn > 0 &&
      result.begunAnew > 0,
    details: [
      `${number(result.goneOn)} calls answered in sessions of an earlier process`,
      `${result.lost} sessions heard 404 that should have gone on, ${result.forgotten} went on with a server that forgot them, ` +
        `${result.shared} processes of share: session spoke with two sessions`,
      `${number(result.broken)} calls found nobody or broke off, ${number(result.refused)} were told to come back later`,
      ...result.wrong.slice(0, 5),
    ],
  };
};
