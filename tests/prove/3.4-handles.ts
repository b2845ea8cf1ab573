// Row 3.4: what was given out to one caller, in the hands of another, changed, expired, or at another door or server.
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const size = 44;

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/attacks/handles.test.ts', 'tests/attacks/restart.test.ts');
  const cases = outcomes.filter(({ title }) => /^the corpus group .* > \[handles-sealed\]/.test(title));
  const refused = cases.filter(({ isPassed }) => isPassed).length;
  return {
    figure: `${refused} of ${size} cases about request states, caches, subscriptions and tasks held, ${cases.length - refused} accepted`,
    isMet: refused === size && cases.length === size && outcomes.every(({ isPassed }) => isPassed),
    details: failuresOf(outcomes),
  };
};
