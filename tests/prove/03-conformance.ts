// Row 3: the official suite against a server of the official SDK, directly and through the gateway.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '@sallyport/testkit';
import { compareSuites, failedRequirements, runSuite, type SuiteSelection } from '../conformance/run-suite.ts';
import { startFixtureServer } from '../fixtures/conformance/server.ts';
import type { Prove } from './result.ts';

const selections: readonly (SuiteSelection & { readonly name: string })[] = [
  { name: '2025-11-25', requirements: '2025-11-25' },
  { name: '2026-07-28', requirements: '2026-07-28' },
  { name: 'all', suite: 'all' },
];

export const prove: Prove = async () => {
  const out = await mkdtemp(join(tmpdir(), 'sallyport-conformance-'));
  const fixture = await startFixtureServer();
  const gateway = await startGateway({
    config: {
      admin: false,
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
      upstreams: { fixture: { url: fixture.url, ask: ['elicitation', 'sampling', 'roots'] } },
    },
  });
  const parts: string[] = [];
  const details: string[] = [];
  let isMet = true;
  try {
    // One scenario insists on a name for the loopback address.
    const throughUrl = `http://localhost:${gateway.port}/mcp/fixture`;
    for (const { name, ...selection } of selections) {
      const run = { ...selection, ceilingMs: 900_000 };
      const direct = await runSuite({ ...run, url: fixture.url, out: join(out, `direct-${name}`) });
      const through = await runSuite({ ...run, url: throughUrl, out: join(out, `through-${name}`) });
      const { regressions, weakened } = compareSuites(direct, through);
      const passed = ({ scenarios }: typeof direct) => scenarios.filter((each) => each.isPassed).length;
      const required = through.scenarios.filter((each) => each.isRequired);
      parts.push(
        `${name}: ${passed(direct)}/${direct.scenarios.length} direct, ` +
          `${passed(through)}/${through.scenarios.length} through, ${regressions.length} lost`,
      );
      // The requirement sets are to pass whole; of the whole suite nothing may get worse.
      const missing = 'requirements' in selection ? failedRequirements(through) : [];
      isMet &&= regressions.length === 0 && missing.length === 0;
      details.push(
        `${name}: ${required.filter((each) => each.isPassed).length}/${required.length} required through; ` +
          `checks passed ${direct.checksPassed} direct, ${through.checksPassed} through`,
        ...missing.map((line) => `  required, fails: ${line}`),
        ...regressions.map((line) => `  passes direct, fails through: ${line}`),
        ...weakened.map((line) => `  succeeds direct, is less through: ${line}`),
      );
    }
  } finally {
    await gateway.stop();
    await fixture.close();
    await rm(out, { recursive: true, force: true });
  }
  return { figure: parts.join('; '), isMet, details };
};
