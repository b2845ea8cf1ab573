/** The official suite's client scenarios, with the gateway as the client: what it sends to servers is judged. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftOut, reasonFor } from './client-baseline.ts';
import { failuresIn, requiredOfClients, revisions, runClientScenario } from './run-client-suite.ts';

/** The required scenarios that are not left out. */
const core = {
  '2025-11-25': ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry'],
  '2026-07-28': [
    'tools_call',
    'request-metadata',
    'sep-2322-client-request-state',
    'http-standard-headers',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'json-schema-ref-no-deref',
  ],
} as const;

let out: string;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'sallyport-conformance-'));
});

afterAll(async () => {
  await rm(out, { recursive: true, force: true });
});

describe.each(revisions)('the gateway as a client of $revision', ({ revision, era }) => {
  it('runs every required scenario, but for those of the baseline', async () => {
    const required = await requiredOfClients(revision);
    expect(required.run).toEqual(core[revision]);
    // The baseline names nothing that is not required, so that it can only shrink.
    expect(leftOut.every(({ scenarios }) => required.leftOut.some((each) => matches(scenarios, each.scenario)))).toBe(
      true,
    );
    expect(required.leftOut.length).toBe({ '2025-11-25': 14, '2026-07-28': 25 }[revision]);
  });

  it.each(core[revision])('[conformance-client] passes %s', async (scenario) => {
    expect(reasonFor(scenario)).toBeUndefined();
    const result = await runClientScenario({ scenario, revision, caller: era, out });
    expect(failuresIn(result)).toEqual([]);
    expect(result.isPassed).toBe(true);
  });
});

function matches(pattern: string, scenario: string): boolean {
  return pattern.endsWith('*') ? scenario.startsWith(pattern.slice(0, -1)) : pattern === scenario;
}
