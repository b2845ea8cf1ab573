// Row 7: listed ⇔ callable over random policies; unknown and forbidden alike; malformed names reach no server.
import { runListingProperty } from '../attacks/listing.property.ts';
import { malformedNames, malformedUris, malformedValues } from '../attacks/malformed-names.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const seeds = 100_000;

export const prove: Prove = async () => {
  const { runs, seed } = runListingProperty(seeds, 7);
  const outcomes = await runTestFiles('tests/attacks/unknown.test.ts');
  const alike = outcomes.filter(({ title }) => title.startsWith('what is forbidden and what does not exist'));
  const malformed = outcomes.filter(({ title }) => title.startsWith('names that are none'));
  const passed = (tests: typeof outcomes) => tests.filter(({ isPassed }) => isPassed).length;
  const names = malformedNames.length + malformedUris.length + malformedValues.length;
  return {
    figure:
      `${runs.toLocaleString('en')} policies (seed ${seed}) without a counterexample; forbidden = unknown in ` +
      `${passed(alike)}/${alike.length} comparisons; ${names} malformed names, ` +
      `${passed(malformed) === malformed.length ? 'none' : 'some'} reached a server`,
    isMet: outcomes.every(({ isPassed }) => isPassed),
    details: failuresOf(outcomes),
  };
};
