/** The stories about what is kept (corpus group `cache`): an answer made for one authorization is nobody else's. */

import { runSallyport, createKey, postModern, waitFor } from '@sallyport/testkit';
import type { HttpAnswer } from '@sallyport/testkit';
import { expect } from 'vitest';
import { introduction, isRefused } from './stage.ts';
import type { Stage } from './stage.ts';

type Story = (stage: Stage) => Promise<void>;

const question = { method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object' } } };

let reads = 0;

/** The resource of this story alone: what an earlier one may have left behind is of another. */
let reading = readingOf('test://one');

function readingOf(uri: string): { readonly method: string; readonly params: { readonly uri: string } } {
  return { method: 'resources/read', params: { uri: `mcp+server:${uri}` } };
}

/** Each reading gets a number of its own, with these hints; so an answer that was kept is known by its number. */
function numberReads(stage: Stage, hints: Readonly<Record<string, unknown>>, more: object = {}): void {
  reading = readingOf(`test://one-${reads}`);
  stage.server.change({
    script: (call) => {
      if (call.method !== 'resources/read') return introduction(call);
      reads += 1;
      const contents = [{ uri: call.name, text: `read ${reads}` }];
      return { kind: 'result', result: { resultType: 'complete', contents, ...hints, ...more } };
    },
  });
  stage.server.clear();
}

const numberOf = ({ response }: HttpAnswer): string | undefined =>
  /"read (\d+)"/.exec(JSON.stringify(response?.result ?? {}))?.[1];

/** Both read, and get answers of their own. */
async function expectOwnAnswers(stage: Stage, one: 'ada' | 'bob' | 'low', two: 'ada' | 'bob' | 'low'): Promise<void> {
  const first = numberOf(await stage.send(reading, one));
  const second = numberOf(await stage.send(reading, two));
  expect(first).toBeDefined();
  expect(second).toBeDefined();
  expect(second).not.toBe(first);
}

/** Hints that mean nothing keep nothing. */
async function expectNothingKept(stage: Stage, hints: Readonly<Record<string, unknown>>): Promise<void> {
  numberReads(stage, hints);
  await expectOwnAnswers(stage, 'ada', 'ada');
  expect(stage.server.of('resources/read')).toHaveLength(2);
}

const toolNames = ({ response }: HttpAnswer): string[] => {
  const tools = response?.result?.['tools'];
  return Array.isArray(tools) ? tools.map((tool: { readonly name: string }) => tool.name) : [];
};

const listing = { method: 'tools/list' };

export const cacheStories: Readonly<Record<string, Story>> = {
  async 'private result, second token same subject other scope'(stage) {
    numberReads(stage, { ttlMs: 60_000, cacheScope: 'private' });
    // A principal has one set of roles, so another scope is another key.
    await expectOwnAnswers(stage, 'ada', 'low');
  },
  async 'private result, other subject'(stage) {
    numberReads(stage, { ttlMs: 60_000, cacheScope: 'private' });
    await expectOwnAnswers(stage, 'ada', 'bob');
  },
  async 'private result, no token'(stage) {
    numberReads(stage, { ttlMs: 60_000, cacheScope: 'private' });
    await stage.send(reading);
    const answer = await postModern(stage.gateway.url, reading);
    expect([answer.status, numberOf(answer)]).toEqual([401, undefined]);
  },
  async 'public result, unauthorized caller'(stage) {
    numberReads(stage, { ttlMs: 60_000, cacheScope: 'public' });
    const hidden = { ...reading, params: { uri: 'mcp+server:test://two' } };
    await stage.send(hidden);
    const answer = await stage.send(hidden, 'low');
    expect([isRefused(answer), numberOf(answer)]).toEqual([true, undefined]);
  },
  async 'policy-filtered list marked public upstream'(stage) {
    const all = await stage.send(listing);
    const filtered = await stage.send(listing, 'low');
    expect(toolNames(all).length).toBeGreaterThan(0);
    expect(toolNames(filtered)).toEqual([]);
    for (const { response } of [all, filtered]) expect(response?.result?.['cacheScope']).toBe('private');
  },
  'ttlMs negative': (stage) => expectNothingKept(stage, { ttlMs: -1, cacheScope: 'public' }),
  'ttlMs 1e300': (stage) => expectNothingKept(stage, { ttlMs: 1e300, cacheScope: 'public' }),
  'ttlMs string': (stage) => expectNothingKept(stage, { ttlMs: '60000', cacheScope: 'public' }),
  'cacheScope unknown value': (stage) => expectNothingKept(stage, { ttlMs: 60_000, cacheScope: 'everyone' }),
  async 'list_changed while in flight'(stage) {
    const { moving } = stage;
    const reads = moving.of('tools/list').length;
    await waitFor(() => moving.of('tools/list').length > reads, { everyMs: 5, what: 'a list that is on its way' });
    // It was asked for before the change, and says how long it may be kept.
    stage.turn();
    const seen = await waitFor(
      async () => {
        const names = toolNames(await stage.send(listing));
        return names.includes('moving__after') ? names : undefined;
      },
      { everyMs: 50, what: 'the list after the change' },
    );
    expect(seen).not.toContain('moving__before');
  },
  async 'poisoned list from a compromised upstream after revoke'(stage) {
    const { dir, url } = stage.gateway;
    const key = await createKey(dir, { name: 'eve', role: 'everyone' });
    const asked = { ...listing, key };
    expect(toolNames(await postModern(url, asked))).toContain('server__t');
    await runSallyport(['keys', 'revoke', 'eve', '-c', stage.gateway.configPath], dir);
    const tools = [{ name: 'poisoned', inputSchema: { type: 'object' } }];
    stage.moving.change({ tools, script: introduction });
    await waitFor(async () => (await postModern(url, asked)).status === 401, { what: 'the key to be refused' });
    expect(toolNames(await postModern(url, asked))).toEqual([]);
    // Nor does what the server says of its list reach those whom the policy keeps from it.
    expect(toolNames(await stage.send(listing, 'low'))).toEqual([]);
  },
  async 'cursor of another principal'(stage) {
    const url = `${stage.gateway.url}/many`;
    const first = await postModern(url, { ...listing, key: stage.keys.ada });
    const params = { cursor: first.response?.result?.['nextCursor'] };
    expect(params.cursor).toBeTypeOf('string');
    const own = await postModern(url, { ...listing, params, key: stage.keys.ada });
    expect(toolNames(own)).toHaveLength(1);
    expect(isRefused(await postModern(url, { ...listing, params, key: stage.keys.bob }))).toBe(true);
    expect(isRefused(await stage.send({ ...listing, params }))).toBe(true);
  },
  async 'input_required result cached'(stage) {
    const hints = { ttlMs: 60_000, cacheScope: 'public' };
    numberReads(stage, hints, { resultType: 'input_required', inputRequests: { a: question } });
    for (const who of ['ada', 'bob'] as const) {
      expect((await stage.send(reading, who)).response?.result?.['resultType']).toBe('input_required');
    }
    expect(stage.server.of('resources/read')).toHaveLength(2);
  },
  async 'error cached'(stage) {
    reading = readingOf('test://one-broken');
    stage.server.change({
      script: (call) =>
        call.method === 'resources/read'
          ? { kind: 'error', error: { code: -32603, message: 'broken', data: { ttlMs: 60_000, cacheScope: 'public' } } }
          : introduction(call),
    });
    stage.server.clear();
    for (const who of ['ada', 'bob'] as const) {
      expect((await stage.send(reading, who)).response?.error?.code).toBe(-32603);
    }
    expect(stage.server.of('resources/read')).toHaveLength(2);
  },
};
