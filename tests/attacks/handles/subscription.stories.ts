/** The stories about listening and tasks (corpus group `subscriptions-tasks`): each is its caller's, and bounded. */

import { post, postModern, startStdioDoor, waitFor } from '@sallyport/testkit';
import type { HttpAnswer, Script, UpstreamCall, WireMessage } from '@sallyport/testkit';
import { expect } from 'vitest';
import { everything, introduction, isRefused } from './stage.ts';
import type { Stage } from './stage.ts';

type Story = (stage: Stage) => Promise<void>;

const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';
const one = 'mcp+server:test://one';

/** What a server says on a listen stream, after it has acknowledged. */
type Said = (call: UpstreamCall) => readonly (Readonly<Record<string, unknown>> | number)[];

const notify = (method: string, params: object) => ({ jsonrpc: '2.0', method, params });

/** Scripts the server's listen streams for resources; what it listens to for itself stays silent. */
function listen(stage: Stage, said: Said, acknowledged?: Readonly<Record<string, unknown>>): void {
  stage.server.clear();
  stage.server.change({
    script: (call): Script | undefined => {
      if (call.method !== 'subscriptions/listen') return introduction(call);
      const asked = call.params['notifications'] as Readonly<Record<string, unknown>>;
      const isForResources = 'resourceSubscriptions' in asked;
      const notifications = isForResources ? { ...asked, ...acknowledged } : asked;
      const _meta = { [subscriptionKey]: call.id };
      const first = notify('notifications/subscriptions/acknowledged', { notifications, _meta });
      return {
        kind: 'result',
        result: { resultType: 'complete', _meta },
        stream: [first, ...(isForResources ? said(call) : [60_000])],
      };
    },
  });
}

const updated = (uri: string, subscription: unknown) =>
  notify('notifications/resources/updated', { uri, _meta: { [subscriptionKey]: subscription } });

interface Listening {
  readonly heard: WireMessage[];
  readonly ended: Promise<HttpAnswer | undefined>;
  leave(): void;
}

/** Opens a listening of a caller. */
function openListening(stage: Stage, notifications: object, id: string, as: 'ada' | 'bob' | 'low' = 'ada'): Listening {
  const heard: WireMessage[] = [];
  const aborted = new AbortController();
  const request = { method: 'subscriptions/listen', params: { notifications }, id, signal: aborted.signal };
  const onMessage = (message: WireMessage): void => void heard.push(message);
  const ended = stage.send({ ...request, onMessage }, as).catch(() => undefined);
  return { heard, ended, leave: () => aborted.abort() };
}

const subscriptionOf = ({ params }: WireMessage): unknown =>
  (params as { readonly _meta?: Readonly<Record<string, unknown>> } | undefined)?._meta?.[subscriptionKey];

const honouredBy = ({ heard }: Listening): unknown =>
  (heard[0]?.params as { readonly notifications?: Readonly<Record<string, unknown>> } | undefined)?.notifications;

async function isHeard(listening: Listening, count: number): Promise<void> {
  await waitFor(() => listening.heard.length >= count, { what: `${count} messages` });
}

/** A task of ada's at the server. */
async function beginTask(stage: Stage): Promise<string> {
  stage.server.change({
    script: (call) => {
      if (call.method === 'tools/call') {
        const task = { taskId: 'inner-task', status: 'working', createdAt: '', lastUpdatedAt: '', ttlMs: 60_000 };
        return { kind: 'result', result: { resultType: 'task', ...task } };
      }
      if (!call.method.startsWith('tasks/')) return introduction(call);
      return { kind: 'result', result: { resultType: 'complete', taskId: 'inner-task', status: 'working' } };
    },
  });
  const begun = await stage.send({ method: 'tools/call', params: { name: 'server__t', arguments: {} } });
  const taskId = begun.response?.result?.['taskId'];
  if (typeof taskId !== 'string') throw new Error(`no task: ${begun.text}`);
  expect(begun.text).not.toContain('inner-task');
  return taskId;
}

const taskMethods = ['tasks/get', 'tasks/update', 'tasks/cancel'] as const;

async function expectNoTask(stage: Stage, taskId: string, as: 'ada' | 'bob', url = stage.gateway.url): Promise<void> {
  stage.server.clear();
  for (const method of taskMethods) {
    const params = { taskId, ...(method === 'tasks/update' ? { inputResponses: {} } : {}) };
    const answer = await postModern(url, { method, params, key: stage.keys[as], capabilities: everything });
    expect(isRefused(answer), method).toBe(true);
  }
  for (const method of taskMethods) expect(stage.server.of(method)).toEqual([]);
}

export const subscriptionStories: Readonly<Record<string, Story>> = {
  async 'subscriptionId of another stream'(stage) {
    listen(stage, ({ id }) => [100, updated('test://one', 'of-bob'), updated('test://one', id), 60_000]);
    const [ada, bob] = [
      openListening(stage, { resourceSubscriptions: [one] }, 'of-ada'),
      openListening(stage, { resourceSubscriptions: [one] }, 'of-bob', 'bob'),
    ];
    await Promise.all([isHeard(ada, 2), isHeard(bob, 2)]);
    expect(new Set(ada.heard.map(subscriptionOf))).toEqual(new Set(['of-ada']));
    expect(new Set(bob.heard.map(subscriptionOf))).toEqual(new Set(['of-bob']));
    ada.leave();
    bob.leave();
  },
  async 'listen for resource URIs of a forbidden upstream'(stage) {
    listen(stage, () => [60_000]);
    stage.other.clear();
    const uris = ['mcp+hid:test://one', 'mcp+ghost:test://one', 'mcp+server:test://two'];
    const listening = openListening(stage, { resourceSubscriptions: uris }, 'L', 'low');
    await isHeard(listening, 1);
    expect(honouredBy(listening)).toEqual({});
    for (const { requests } of [stage.server, stage.other]) {
      expect(requests.filter(({ body }) => body.includes('resourceSubscriptions'))).toEqual([]);
    }
    listening.leave();
  },
  async '10,000 listens'(stage) {
    listen(stage, () => [60_000]);
    const many = Array.from({ length: 300 }, (_, index) =>
      openListening(stage, { resourceSubscriptions: [one] }, `L${index}`),
    );
    const word = firstWord(many);
    const refused = await Promise.all(many.map(({ ended }) => Promise.race([ended, word])));
    expect(refused.filter((answer) => answer !== undefined && isRefused(answer)).length).toBeGreaterThanOrEqual(200);
    // One stream at the server serves them all, and others go on.
    expect(stage.server.of('subscriptions/listen')).toHaveLength(1);
    const answer = await stage.send({ method: 'tools/call', params: { name: 'server__t', arguments: {} } }, 'bob');
    expect(answer.response?.result).toBeDefined();
    for (const { leave } of many) leave();
    await waitFor(() => stage.server.abandoned > 0, { what: 'the end of the stream at the server' });
  },
  async 'ack claims more than asked'(stage) {
    const claimed = { resourceSubscriptions: ['test://one', 'test://secret'], toolsListChanged: true, taskIds: ['x'] };
    listen(stage, () => [50, updated('test://secret', 1), updated('test://one', 1), 60_000], claimed);
    const listening = openListening(stage, { resourceSubscriptions: [one] }, 'L');
    await isHeard(listening, 2);
    expect(honouredBy(listening)).toEqual({ resourceSubscriptions: [one] });
    expect(listening.heard.slice(1).map(({ params }) => (params as { uri: string }).uri)).toEqual([one]);
    listening.leave();
  },
  async 'notification type never requested'(stage) {
    const unwanted = ['tools/list_changed', 'message', 'tasks', 'progress', 'cancelled'].map((method) =>
      notify(`notifications/${method}`, { level: 'info', data: 'x', taskId: 'x', progressToken: 1, progress: 1 }),
    );
    listen(stage, ({ id }) => [50, ...unwanted, updated('test://one', id), 60_000]);
    const listening = openListening(stage, { resourceSubscriptions: [one] }, 'L');
    await isHeard(listening, 2);
    expect(listening.heard.map(({ method }) => method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/resources/updated',
    ]);
    listening.leave();
  },
  async 'upstream drops without result'(stage) {
    let streams = 0;
    listen(stage, ({ id }) => {
      streams += 1;
      return streams === 1 ? [50] : [50, updated('test://one', id), 60_000];
    });
    const listening = openListening(stage, { resourceSubscriptions: [one] }, 'L');
    // The caller's own listening goes on, over the next stream; a break may hide a change, so it is told of one.
    await waitFor(() => streams > 1 && listening.heard.length >= 3, { ceilingMs: 20_000, what: 'the next stream' });
    expect(listening.heard.slice(1).every(({ method }) => method === 'notifications/resources/updated')).toBe(true);
    listening.leave();
  },
  async 'caller disconnects: upstream cancelled within 1 s'(stage) {
    listen(stage, () => [60_000]);
    const listening = openListening(stage, { resourceSubscriptions: [one] }, 'L');
    await isHeard(listening, 1);
    const before = stage.server.abandoned;
    listening.leave();
    await waitFor(() => stage.server.abandoned > before, { what: 'the cancellation at the server' });
  },
  async 'taskId of another principal (get, update, cancel)'(stage) {
    const taskId = await beginTask(stage);
    await expectNoTask(stage, taskId, 'bob');
    await expectNoTask(stage, taskId, 'ada', `${stage.gateway.url}/server`);
    const own = await stage.send({ method: 'tasks/get', params: { taskId } });
    expect(own.response?.result).toMatchObject({ taskId, status: 'working' });
  },
  async 'taskId guess'(stage) {
    const taskId = await beginTask(stage);
    const changed = `${taskId.slice(0, 40)}${taskId[40] === 'A' ? 'B' : 'A'}${taskId.slice(41)}`;
    for (const guess of ['inner-task', '', changed, taskId.slice(0, -4), `${taskId}A`, 'A'.repeat(240)]) {
      await expectNoTask(stage, guess, 'ada');
    }
  },
  async 'notifications/cancelled for another request over stdio'(stage) {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    stage.server.change({
      script: async (call) => {
        if (call.method !== 'tools/call') return introduction(call);
        await released;
        return undefined;
      },
    });
    stage.server.clear();
    const mine = stage.send({ method: 'tools/call', params: { name: 'server__t', arguments: {} }, id: 77 });
    await waitFor(() => stage.server.of('tools/call').length === 1, { what: 'the call to reach the server' });
    const door = startStdioDoor(stage.gateway.configPath, stage.gateway.dir);
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    await door.request({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    const cancelled = notify('notifications/cancelled', { requestId: 77 });
    door.write(`${JSON.stringify(cancelled)}\n`);
    await door.request({ jsonrpc: '2.0', id: 2, method: 'ping' });
    await post(stage.gateway.url, JSON.stringify(cancelled), {
      headers: { authorization: `Bearer ${stage.keys.bob}` },
    });
    expect(stage.server.of('notifications/cancelled')).toEqual([]);
    release();
    expect((await mine).response?.result?.['content']).toBeDefined();
    await door.stop();
  },
};

/** Resolves once every listening has been refused or acknowledged. */
async function firstWord(many: readonly Listening[]): Promise<undefined> {
  const settled = new Set<Listening>();
  for (const listening of many) void listening.ended.then(() => settled.add(listening));
  await waitFor(() => many.every((listening) => listening.heard.length > 0 || settled.has(listening)), {
    ceilingMs: 30_000,
    what: 'a word to every listening',
  });
  return undefined;
}
