// Row 6: the JSON-RPC corpus, the single requests of 2026-07-28 and the raw HTTP requests, before a recording server.
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles, type TestOutcome } from './test-files.ts';

/** The groups of the tests that have one case of a corpus each, and how many the corpora hold. */
const corpora = [
  { what: 'JSON-RPC messages', size: 61, group: 'JSON-RPC messages within a legacy session' },
  { what: '2026-07-28 requests', size: 81, group: '2026-07-28 single requests|Mcp-Param headers' },
  { what: 'raw HTTP requests', size: 154, group: 'raw HTTP requests' },
] as const;

/** Tests about a corpus as a whole, and not about one case of it. */
const whole = / > (?:are \d+|takes the configured origin|leaves no prototype|\[http-requests\] lets nothing)/;

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/attacks/messages.test.ts', 'tests/attacks/raw-http.test.ts');
  const parts = corpora.map(({ what, size, group }) => {
    const cases = outcomes.filter(({ title }) => new RegExp(`^(?:${group}) > `).test(title) && !whole.test(title));
    return { text: `${cases.filter(isFine).length}/${size} ${what}`, isMet: cases.filter(isFine).length === size };
  });
  const judged = outcomes.filter(({ title }) => title.includes('[judged-is-forwarded]'));
  const isForwarded = judged.length > 0 && judged.every(isFine);
  return {
    figure: `${parts.map(({ text }) => text).join(', ')} as listed; what policy saw ${isForwarded ? '=' : '≠'} what the server got`,
    isMet: isForwarded && parts.every(({ isMet }) => isMet) && outcomes.every(isFine),
    details: failuresOf(outcomes),
  };
};

function isFine({ isPassed }: TestOutcome): boolean {
  return isPassed;
}
