// Row 4.11: the configurations that are kept as examples load, pass `check`, and their own tests hold.
import { failuresOf, runTestFiles } from './test-files.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/journeys/examples.test.ts');
  const isMet = outcomes.length > 0 && outcomes.every(({ isPassed }) => isPassed);
  return {
    figure: `${outcomes.filter(({ isPassed }) => isPassed).length} of ${outcomes.length} hold: laptop, analysts, platform, three stages, quickstart`,
    isMet,
    details: failuresOf(outcomes),
  };
};
