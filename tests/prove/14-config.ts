// Row 14: every wrong configuration of the table, and the real files that are refused.
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const refused = / > (?:\[config-errors\] )?is refused where it stands: /;

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/attacks/config.test.ts', 'tests/attacks/config-files.test.ts');
  const cases = outcomes.filter(({ title }) => refused.test(title));
  const groups = Map.groupBy(cases, ({ title }) => title.split(' > ')[0] ?? '');
  const right = cases.filter(({ isPassed }) => isPassed).length;
  const rest = outcomes.length - cases.length;
  return {
    figure:
      `${right} of ${cases.length} wrong configurations refused with file, line, column and suggestion; ` +
      `${outcomes.filter((each) => !cases.includes(each) && each.isPassed).length} of ${rest} other tests hold`,
    isMet: cases.length > 0 && outcomes.every(({ isPassed }) => isPassed),
    details: [
      ...[...groups].map(([group, tests]) => `${String(tests.length).padStart(4)}  ${group}`),
      ...failuresOf(outcomes),
    ],
  };
};
