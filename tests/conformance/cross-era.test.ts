/** The official suite of each revision through the gateway, with a server behind it that speaks the other era only. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFixtureServer } from '../fixtures/conformance/server.ts';
import type { FixtureServer } from '../fixtures/conformance/server.ts';
import { crossEraBaseline } from './cross-era.baseline.ts';
import { runSuite } from './run-suite.ts';
import type { SuiteResult } from './run-suite.ts';

const ceilingMs = 300_000;
const crossings = [
  { revision: '2025-11-25', server: 'modern', required: 30 },
  { revision: '2026-07-28', server: 'legacy', required: 37 },
] as const;

describe.each(crossings)('conformance to $revision with a $server server', ({ revision, server, required }) => {
  let out: string;
  let fixture: FixtureServer;
  let gateway: Gateway;
  let suite: SuiteResult;

  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'sallyport-cross-era-'));
    fixture = await startFixtureServer(0, server);
    gateway = await startGateway({
      config: {
        admin: false,
        callers: { anonymous: 'everyone' },
        roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
        limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
        upstreams: { fixture: { url: fixture.url, ask: ['elicitation', 'sampling', 'roots'] } },
      },
    });
    const url = `http://localhost:${gateway.port}/mcp/fixture`;
    suite = await runSuite({ url, requirements: revision, out: join(out, revision) });
  }, ceilingMs);

  afterAll(async () => {
    await gateway?.stop();
    await fixture?.close();
    await rm(out, { recursive: true, force: true });
  }, 60_000);

  it('runs every required scenario', () => {
    expect(suite.scenarios.filter(({ isRequired }) => isRequired)).toHaveLength(required);
  });

  it('[any-caller-any-server] fails the checks that the baseline explains, and no other', () => {
    const failed = suite.scenarios
      .filter(({ isRequired }) => isRequired)
      .flatMap(({ name, checks }) => {
        const failures = checks.filter(({ status }) => status === 'FAILURE');
        if (checks.length === 0) return [`${name}: no results`];
        return failures.map(({ id }) => `${name}: ${id}`);
      });
    const reasons = crossEraBaseline[revision];
    expect(failed.toSorted()).toEqual(Object.keys(reasons).toSorted());
  });
});
