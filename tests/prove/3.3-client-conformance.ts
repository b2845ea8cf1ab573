// Row 3.3: the official suite's client scenarios with the gateway as the client, driven by callers of both eras.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallerEra } from '../conformance/client-caller.ts';
import { failuresIn, requiredOfClients, revisions, runClientScenario } from '../conformance/run-client-suite.ts';
import type { Prove } from './result.ts';

/** Run and reported, required by nothing. */
const further = [
  { scenario: 'json-schema-2020-12-preservation', revision: '2025-11-25' },
  { scenario: 'json-schema-2020-12-preservation', revision: '2026-07-28' },
];

export const prove: Prove = async () => {
  const out = await mkdtemp(join(tmpdir(), 'sallyport-conformance-'));
  const parts: string[] = [];
  const details: string[] = [];
  let isMet = true;
  try {
    for (const { revision, era } of revisions) {
      const { run, leftOut } = await requiredOfClients(revision);
      const other: CallerEra = era === 'legacy' ? 'modern' : 'legacy';
      const own = await runAll(run, revision, era, out);
      // Servers that have both eras are spoken to in the caller's, where some scenarios then have nothing to judge.
      const crossed = await runAll(run, revision, other, out);
      const more = further.filter((each) => each.revision === revision).map(({ scenario }) => scenario);
      const optional = await runAll(more, revision, era, out);
      isMet &&= own.failures.length === 0;
      parts.push(`${revision}: ${own.passed}/${run.length} required, ${leftOut.length} left out`);
      details.push(
        ...own.failures.map((line) => `${revision}: ${line}`),
        `${revision}: driven by a caller of the other era ${crossed.passed}/${run.length}; ` +
          `further ${optional.passed}/${more.length}`,
        ...[...crossed.failures, ...optional.failures].map((line) => `  ${line}`),
        ...new Set(leftOut.map(({ reason }) => `${revision}: left out: ${reason}`)),
      );
    }
  } finally {
    await rm(out, { recursive: true, force: true });
  }
  return { figure: parts.join('; '), isMet, details };
};

async function runAll(
  scenarios: readonly string[],
  revision: string,
  caller: CallerEra,
  out: string,
): Promise<{ readonly passed: number; readonly failures: readonly string[] }> {
  const results = [];
  for (const scenario of scenarios) results.push(await runClientScenario({ scenario, revision, caller, out }));
  return { passed: results.filter(({ isPassed }) => isPassed).length, failures: results.flatMap(failuresIn) };
}
