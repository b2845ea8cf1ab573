// Row 4.7: listed ⇔ callable with conditions, scopes and denials; hostile arguments deny, each in a few milliseconds.
import { compileCondition } from '@sallyport/guard';
import { hostileArguments } from '../attacks/hostile-arguments.ts';
import { runListingProperty } from '../attacks/listing.property.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const seeds = 100_000;
/** Longest that one evaluation may take, milliseconds. */
const goalMs = 5;
const rounds = 51;

export const prove: Prove = async () => {
  const { runs, seed } = runListingProperty(seeds, 47);
  const facts = {
    caller: { id: 'key:ada', kind: 'key', roles: ['reader'] },
    target: { server: 'db', name: 'query', key: 'db.query', kind: 'tool' },
  };
  let allowed = 0;
  const times = hostileArguments.map(({ what, when, args }) => {
    const condition = compileCondition(when);
    if ('offset' in condition) throw new Error(`${when}: ${condition.message}`);
    const given = args();
    const took = Array.from({ length: rounds }, () => {
      const began = performance.now();
      if (condition.evaluate({ ...facts, args: given }) === true) allowed += 1;
      return performance.now() - began;
    }).toSorted((one, other) => one - other);
    return { what, middle: took[Math.floor(rounds / 2)] ?? 0, worst: took.at(-1) ?? 0 };
  });
  const slowest = times.toSorted((one, other) => other.middle - one.middle);
  const outcomes = await runTestFiles('tests/attacks/conditions.test.ts');
  const most = slowest[0]?.middle ?? 0;
  return {
    figure:
      `${runs.toLocaleString('en')} policies (seed ${seed}) without a counterexample; ` +
      `${hostileArguments.length} hostile arguments: ${allowed} allowed, slowest ${most.toFixed(2)} ms (median of ${rounds}); ` +
      `${outcomes.filter(({ isPassed }) => isPassed).length}/${outcomes.length} tests at a gateway and over the corpus`,
    isMet: allowed === 0 && most < goalMs && outcomes.every(({ isPassed }) => isPassed),
    details: [
      ...slowest
        .slice(0, 5)
        .map(({ what, middle, worst }) => `${middle.toFixed(2)} ms, at most ${worst.toFixed(2)} ms: ${what}`),
      ...failuresOf(outcomes),
    ],
  };
};
