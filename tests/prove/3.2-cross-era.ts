// Row 3.2: the official suite of each revision, with a server of the other era behind the gateway.
import { crossEraBaseline, type Way } from '../conformance/cross-era.baseline.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/conformance/cross-era.test.ts');
  const isMet = outcomes.every(({ isPassed }) => isPassed);
  const over = (way: Way): number => crossEraBaseline.filter(({ ways }) => ways.includes(way)).length;
  return {
    figure: `${isMet ? 'nothing else fails' : 'more fails'} than the baseline explains: ${over('http')} checks over HTTP, ${over('stdio')} over stdio`,
    isMet,
    details: [
      ...failuresOf(outcomes),
      ...crossEraBaseline.map(
        ({ revision, ways, check, reason }) => `${revision}, ${ways.join(' and ')}: ${check}: ${reason}`,
      ),
    ],
  };
};
