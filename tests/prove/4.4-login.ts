// Row 4.4: clients of the official SDKs log in unattended against a foreign authorization server, a process of its own.
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

/** Three clients with three ways to be known, two habits of Entra ID, one of Okta, one of opaque tokens. */
const size = 13;

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/journeys/login.test.ts');
  const passed = outcomes.filter(({ isPassed }) => isPassed).length;
  return {
    figure: `${passed} of ${size} journeys from discovery to the first call and through step-up`,
    isMet: passed === size && outcomes.length === size,
    details: [
      ...outcomes.filter(({ isPassed }) => isPassed).map(({ title }) => title.replace(/^.* > /, '')),
      ...failuresOf(outcomes),
    ],
  };
};
