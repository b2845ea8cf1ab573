/** The official suite of each revision through the gateway, with a server behind it that speaks the other era only. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFixtureServer } from '../fixtures/conformance/server.ts';
import type { FixtureServer } from '../fixtures/conformance/server.ts';
import { stdioFixtureCommand } from '../fixtures/conformance/stdio.ts';
import { crossEraBaseline } from './cross-era.baseline.ts';
import { runSuite } from './run-suite.ts';
import type { SuiteResult } from './run-suite.ts';

const ceilingMs = 300_000;
const revisions = [
  { revision: '2025-11-25', server: 'modern', required: 30 },
  { revision: '2026-07-28', server: 'legacy', required: 37 },
] as const;
const crossings = revisions.flatMap((each) => (['http', 'stdio'] as const).map((way) => ({ ...each, way })));

describe.each(crossings)(
  'conformance to $revision with a $server $way server',
  ({ revision, server, required, way }) => {
    let out: string;
    let fixture: FixtureServer | undefined;
    let gateway: Gateway;
    let suite: SuiteResult;

    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'sallyport-cross-era-'));
      if (way === 'http') fixture = await startFixtureServer(0, server);
      const place = fixture === undefined ? { command: stdioFixtureCommand(server) } : { url: fixture.url };
      gateway = await startGateway({
        config: {
          admin: false,
          callers: { anonymous: 'everyone' },
          roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
          limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
          // A local server asks only callers that have a process of their own.
          upstreams: { fixture: { ...place, ask: ['elicitation', 'sampling', 'roots'], share: 'caller' } },
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
      const known = crossEraBaseline.filter((each) => each.revision === revision && each.ways.includes(way));
      expect(failed.toSorted()).toEqual(known.map(({ check }) => check).toSorted());
    });
  },
);
