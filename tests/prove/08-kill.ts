// Row 8: two hundred kills at random moments under load, on one audit trail.
import { runKills } from '../faults/kill.ts';
import type { Prove } from './result.ts';

const recoveryGoalMs = 2000;

export const prove: Prove = async () => {
  const result = await runKills(200, 8);
  const { unrecordedAnswers, unrecordedEffects, brokenTrails, slowestRecoveryMs } = result;
  const isMet =
    unrecordedAnswers === 0 && unrecordedEffects === 0 && brokenTrails === 0 && slowestRecoveryMs < recoveryGoalMs;
  return {
    figure:
      `${result.rounds} kills, ${result.acknowledged} answers, ${result.effects} effects: ` +
      `${unrecordedAnswers} answers and ${unrecordedEffects} effects without an intent record, ` +
      `slowest recovery ${Math.round(slowestRecoveryMs)} ms, verify ${brokenTrails === 0 ? 'fine' : 'broken'}`,
    isMet,
  };
};
