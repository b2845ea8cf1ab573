/**
 * The suite's tasks scenarios against a server with the extension, directly and through the gateway. Not among them:
 * `tasks-status-notifications`, which are optional and not carried.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '@sallyport/testkit';
import type { Gateway, RecordingUpstream } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTasksServer } from '../fixtures/conformance/tasks-server.ts';
import { compareSuites, runSuite } from './run-suite.ts';

const scenarios = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-required-task-error',
  'tasks-mrtr-composition',
];

describe('tasks', () => {
  let out: string;
  let server: RecordingUpstream;
  let gateway: Gateway;

  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'sallyport-tasks-'));
    server = await startTasksServer();
    gateway = await startGateway({
      config: {
        admin: false,
        callers: { anonymous: 'everyone' },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
        upstreams: { fixture: { url: server.url, ask: ['elicitation', 'sampling'] } },
      },
    });
  }, 60_000);

  afterAll(async () => {
    await gateway?.stop();
    await server?.close();
    await rm(out, { recursive: true, force: true });
  }, 60_000);

  it.each(scenarios)('[handles-sealed] %s passes through the gateway', async (scenario) => {
    const url = `http://localhost:${gateway.port}/mcp/fixture`;
    const [direct, through] = await Promise.all([
      runSuite({ url: server.url, scenario, out: join(out, `direct-${scenario}`) }),
      runSuite({ url, scenario, out: join(out, `through-${scenario}`) }),
    ]);
    expect(compareSuites(direct, through).regressions).toEqual([]);
    expect([through.checksFailed, through.checksPassed > 0]).toEqual([0, true]);
  });
});
