// Row 11: stdio servers that die, hang, flood, fork and ignore signals, behind the real gateway.
import { runStubborn } from '../faults/misbehaving.ts';
import type { Prove } from './result.ts';

const mebibyte = 1024 * 1024;
const goal = { errorMs: 1000, memory: 150 * mebibyte };

export const prove: Prove = async () => {
  const result = await runStubborn(1024 * mebibyte);
  const { killed, silent, flooded, orphans } = result;
  const isKilled = killed.ms < goal.errorMs && killed.reason === 'unavailable' && killed.isBack;
  const isSilent = silent.reason === 'timeout' && silent.ms < silent.deadlineMs + goal.errorMs && silent.isBack;
  return {
    figure:
      `killed mid-call: error after ${Math.round(killed.ms)} ms; never answers: error after ${Math.round(silent.ms)} ms ` +
      `(deadline ${silent.deadlineMs} ms); 1 GB without newline: gateway grew by ${(flooded.grown / mebibyte).toFixed(0)} MB; ` +
      `${orphans} orphans`,
    isMet: isKilled && isSilent && flooded.isBack && flooded.grown < goal.memory && orphans === 0,
    details: [
      `next call after the kill: ${killed.isBack ? 'works' : 'fails'}, after the deadline: ${silent.isBack ? 'works' : 'fails'}, ` +
        `after the flood: ${flooded.isBack ? 'works' : 'fails'}`,
      `the call that flooded ended as ${flooded.reason}; the server was heard again ${Math.round(flooded.ms)} ms after it`,
      `processes of servers before the stop: ${result.family}; the gateway stopped within ${Math.round(result.stopMs)} ms`,
    ],
  };
};
