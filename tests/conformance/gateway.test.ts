/** The official suite against a server of the official SDK, directly and through the gateway's door for that server. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFixtureServer } from '../fixtures/conformance/server.ts';
import type { FixtureServer } from '../fixtures/conformance/server.ts';
import { compareSuites, failedRequirements, runSuite } from './run-suite.ts';
import type { SuiteResult } from './run-suite.ts';

const ceilingMs = 300_000;
const requirements = [
  { revision: '2025-11-25', required: 30 },
  { revision: '2026-07-28', required: 37 },
] as const;

let out: string;
let fixture: FixtureServer;
let gateway: Gateway;

/** The gateway answers on its loopback address; the suite's rebinding scenario insists on a name. */
function throughUrl(): string {
  return `http://localhost:${gateway.port}/mcp/fixture`;
}

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'sallyport-conformance-'));
  fixture = await startFixtureServer();
  gateway = await startGateway({
    config: {
      admin: false,
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
      upstreams: { fixture: { url: fixture.url, ask: ['elicitation', 'sampling', 'roots'] } },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await fixture?.close();
  await rm(out, { recursive: true, force: true });
}, 60_000);

describe.each(requirements)('conformance to $revision', ({ revision, required }) => {
  let direct: SuiteResult;
  let through: SuiteResult;

  beforeAll(async () => {
    direct = await runSuite({ url: fixture.url, requirements: revision, out: join(out, `direct-${revision}`) });
    through = await runSuite({ url: throughUrl(), requirements: revision, out: join(out, `through-${revision}`) });
  }, ceilingMs);

  it('runs every required scenario both ways', () => {
    expect(direct.scenarios.filter(({ isRequired }) => isRequired)).toHaveLength(required);
    expect(through.scenarios.filter(({ isRequired }) => isRequired)).toHaveLength(required);
  });

  it('passes every required scenario without the gateway', () => {
    expect(failedRequirements(direct)).toEqual([]);
  });

  it('[conformance] passes every required scenario through the gateway', () => {
    expect(failedRequirements(through)).toEqual([]);
  });

  it('[conformance] fails nothing through the gateway that passes without it', () => {
    expect(compareSuites(direct, through).regressions).toEqual([]);
  });

  it('passes no check less well through the gateway', () => {
    expect(compareSuites(direct, through).weakened).toEqual([]);
  });
});
