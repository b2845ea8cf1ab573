/** The gateway that the stories about handles run against: servers of both eras, and callers with keys of their own. */

import { join } from 'node:path';
import { createKey, postModern, startGateway, startRecordingUpstream } from '@sallyport/testkit';
import type { Gateway, HttpAnswer, ModernRequest, RecordingUpstream, Script, UpstreamCall } from '@sallyport/testkit';
import { startFixtureServer } from '../../fixtures/conformance/server.ts';
import type { FixtureServer } from '../../fixtures/conformance/server.ts';

/** Everything that a story may use. */
export interface Stage {
  readonly gateway: Gateway;
  /** A modern server whose answers the story scripts. */
  readonly server: RecordingUpstream;
  /** Another one with the same tools. */
  readonly other: RecordingUpstream;
  /** One that says all the time that its list has changed, and takes long to read it out. */
  readonly moving: RecordingUpstream;
  /** From now on its list is another. */
  readonly turn: () => void;
  /** A legacy server that asks before it answers. */
  readonly asking: FixtureServer;
  /** Keys by name: `ada` and `bob` may use all but `hid`, `low` may read one resource. */
  readonly keys: Readonly<Record<'ada' | 'bob' | 'low', string>>;
  /** Sends a modern request to `/mcp`, as `ada` unless another caller is named. */
  send(request: ModernRequest, as?: 'ada' | 'bob' | 'low'): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** The extension of tasks, as both sides declare it. */
export const tasks = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** What a caller declares that can answer everything. */
export const everything = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {}, ...tasks };

/** Tools of which there are more than one page. */
export const manyTools = Array.from({ length: 1001 }, (_, index) => ({ name: `tool-${index}` }));

/** The server's introduction, with subscriptions and tasks. */
export function introduction(call: UpstreamCall): Script | undefined {
  if (call.method !== 'server/discover') return undefined;
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: {},
    ...tasks,
  };
  const result = {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities,
    ttlMs: 0,
    cacheScope: 'public',
  };
  return { kind: 'result', result };
}

/** A list that is `before` until the turn and `after` from then on, as of the moment when it is asked for. */
function moveLists(): { readonly script: (call: UpstreamCall) => Script | undefined; readonly turn: () => void } {
  let name = 'before';
  const script = (call: UpstreamCall): Script | undefined => {
    if (call.method === 'tools/list') {
      const tools = [{ name, inputSchema: { type: 'object' } }];
      const result = { resultType: 'complete', tools, ttlMs: 60_000, cacheScope: 'public' };
      return { kind: 'result', result, delayMs: 400 };
    }
    if (call.method !== 'subscriptions/listen') return introduction(call);
    const _meta = { 'io.modelcontextprotocol/subscriptionId': call.id };
    const say = (method: string, params: object) => ({ jsonrpc: '2.0', method, params: { ...params, _meta } });
    const acknowledged = say('notifications/subscriptions/acknowledged', {
      notifications: call.params['notifications'],
    });
    const changed = [200, say('notifications/tools/list_changed', {})];
    const stream = [acknowledged, ...Array.from({ length: 300 }, () => changed).flat()];
    return { kind: 'result', result: { resultType: 'complete' }, stream };
  };
  return {
    script,
    turn: () => {
      name = 'after';
    },
  };
}

/** A configuration over these servers. */
export function configuration(urls: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  const all = { tools: ['*'], resources: ['*'], prompts: ['*'], deny: ['hid.*'] };
  return {
    admin: false,
    callers: { keys: true, local: 'everyone' },
    roles: { everyone: all, narrow: { resources: ['server.test://one*'] } },
    limits: { perAddress: '100000/s burst 100000', concurrentPerCaller: 40 },
    upstreams: Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, { url, ask: ['elicitation'] }])),
  };
}

/** Starts it all. */
export async function openStage(): Promise<Stage> {
  const server = await startRecordingUpstream({ era: 'modern', script: introduction });
  const other = await startRecordingUpstream({ era: 'modern', script: introduction });
  const { script, turn } = moveLists();
  const moving = await startRecordingUpstream({ era: 'modern', script });
  const many = await startRecordingUpstream({ era: 'modern', tools: manyTools });
  const asking = await startFixtureServer(0, 'legacy');
  const urls = {
    server: server.url,
    other: other.url,
    hid: other.url,
    moving: moving.url,
    many: many.url,
    asking: asking.url,
  };
  const gateway = await startGateway({ config: configuration(urls) });
  const keys = {
    ada: await createKey(gateway.dir, { name: 'ada', role: 'everyone' }),
    bob: await createKey(gateway.dir, { name: 'bob', role: 'everyone' }),
    low: await createKey(gateway.dir, { name: 'low', role: 'narrow' }),
  };
  return {
    gateway,
    server,
    other,
    moving,
    turn,
    asking,
    keys,
    send: (request, as = 'ada') => postModern(gateway.url, { capabilities: everything, key: keys[as], ...request }),
    async close() {
      await gateway.stop();
      await Promise.all([server, other, moving, many, asking].map((each) => each.close()));
    },
  };
}

/** The master key's file of a gateway. */
export function masterOf({ dir }: Gateway): string {
  return join(dir, 'state', 'master.key');
}

/** What refuses a handle: an error that names nothing of what is behind it. */
export function isRefused({ response }: HttpAnswer): boolean {
  return response?.error !== undefined && response.result === undefined;
}
