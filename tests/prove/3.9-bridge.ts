// Row 3.9: what is left of the throughput when caller and server are of different eras, and how fast kept lists are;
// measured as benchmarks/bridge/README.md says.
import {
  crossEraGoal,
  isFlawless,
  leastCrossEra,
  leastList,
  linesOf,
  listGoal,
  measureBridge,
} from '../../benchmarks/bridge/bridge.ts';
import type { Prove } from './result.ts';

/** Measures every pair of eras, and lists beside a bare server. */
export const prove: Prove = async () => {
  const figures = await measureBridge({
    effort: { rounds: 9, seconds: 5, warmupSeconds: 2 },
    callers: 32,
    tools: 100,
    note: (line) => console.error(`  ${line}`),
  });
  const [crossing, listing] = [leastCrossEra(figures), leastList(figures)];
  const goals: readonly (readonly [name: string, isMet: boolean])[] = [
    [`${crossEraGoal} of same-era for each cross-era pair`, crossing >= crossEraGoal],
    [`${listGoal} of a bare server for lists from memory`, listing >= listGoal],
    ['no wrong answer', isFlawless(figures)],
  ];
  const missed = goals.filter(([, isMet]) => !isMet).map(([name]) => name);
  return {
    figure: `cross-era at least ${crossing.toFixed(2)} of same-era; lists at least ${listing.toFixed(2)} of a bare server`,
    isMet: missed.length === 0,
    details: [...linesOf(figures), ...missed.map((name) => `short of: ${name}`)],
  };
};
