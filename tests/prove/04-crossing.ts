// Row 4: a million calls at once with one request id, over shared servers of every kind.
import { runCrossing } from '../attacks/crossing.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const { calls, crossed, lost, seconds, firstLost } = await runCrossing(1_000_000, 200);
  return {
    figure: `${calls.toLocaleString('en')} calls from 200 callers, all with id 1: ${crossed} crossed, ${lost} lost`,
    isMet: crossed === 0 && lost === 0,
    details: [
      `${Math.round(calls / seconds)} calls a second`,
      ...(firstLost === undefined ? [] : [`the first lost call got ${firstLost.slice(0, 500)}`]),
    ],
  };
};
