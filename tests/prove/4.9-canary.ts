// Row 4.9: one secret of each kind, looked for in everything that is written or said.
import { failuresOf, runTestFiles } from './test-files.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/attacks/canary.test.ts');
  const isMet = outcomes.length > 0 && outcomes.every(({ isPassed }) => isPassed);
  return {
    figure: `15 secrets in the forms in which they are written: ${isMet ? '0' : 'some'} in clear`,
    isMet,
    details: failuresOf(outcomes),
  };
};
