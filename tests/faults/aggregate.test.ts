// Many servers behind one door: one is sick, one floods with announcements, one goes away between two pages.
import { readFile, writeFile } from 'node:fs/promises';
import {
  createKey,
  postModern,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  within,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
  type Script,
  type UpstreamCall,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Announcements that the loud server makes in one breath. */
const flood = 3000;

let zoo: RecordingUpstream;
let loud: RecordingUpstream;
let last: RecordingUpstream;
let dying: RecordingUpstream;
let gateway: Gateway;
const keys: Record<string, string> = {};

let startFlood: () => void = () => undefined;
const flooding = new Promise<void>((resolve) => {
  startFlood = resolve;
});

const page = 'ui://panel/main';

function answerZoo(call: UpstreamCall): Script | undefined {
  if (call.method === 'tools/list') {
    const tools = ['zebra', 'ant', 'mole'].map((name) => ({ name, inputSchema: { type: 'object' } }));
    const shown = { name: 'show', inputSchema: { type: 'object' }, _meta: { ui: { resourceUri: page } } };
    return modern({ tools: [...tools, shown], ttlMs: 60_000, cacheScope: 'public' });
  }
  if (call.method !== 'resources/read') return undefined;
  return modern({
    contents: [{ uri: call.name, mimeType: 'text/html', text: '<p>' }],
    ttlMs: 0,
    cacheScope: 'private',
  });
}

let listens = 0;

async function answerLoud(call: UpstreamCall): Promise<Script | undefined> {
  if (call.method !== 'subscriptions/listen') return undefined;
  listens += 1;
  if (listens > 1) return { kind: 'hang' };
  await flooding;
  const _meta = { 'io.modelcontextprotocol/subscriptionId': call.id };
  const note = { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } };
  return { ...modern({ _meta }), stream: Array.from({ length: flood }, () => note) };
}

function modern(result: object): Extract<Script, { kind: 'result' }> {
  return { kind: 'result', result: { resultType: 'complete', ...result } };
}

const numbered = (prefix: string) => Array.from({ length: 700 }, (_, i) => ({ name: `${prefix}${i}` }));

beforeAll(async () => {
  zoo = await startRecordingUpstream({ era: 'modern', script: answerZoo });
  loud = await startRecordingUpstream({ era: 'modern', script: answerLoud, tools: numbered('loud') });
  dying = await startRecordingUpstream({ era: 'modern', tools: [{ name: 'sigh' }] });
  last = await startRecordingUpstream({ era: 'modern', tools: numbered('last') });
  gateway = await startGateway({
    config: {
      callers: { keys: true },
      limits: { perAddress: '100000/s burst 100000' },
      roles: {
        reader: { tools: ['*'], resources: ['*'] },
        narrow: { tools: ['zoo.*'] },
      },
      upstreams: { zoo: { url: zoo.url }, loud: { url: loud.url }, dying: { url: dying.url }, last: { url: last.url } },
    },
  });
  keys['ada'] = await createKey(gateway.dir, { name: 'ada', role: 'reader' });
  keys['mal'] = await createKey(gateway.dir, { name: 'mal', role: 'narrow' });
  await waitFor(async () => (await send('mal', 'tools/list')).status === 200, { what: 'the last key to work' });
}, 60_000);

afterAll(async () => {
  startFlood();
  await gateway.stop();
  for (const upstream of [zoo, loud, dying, last]) await upstream.close().catch(() => undefined);
});

function send(
  who: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  more: Pick<Parameters<typeof postModern>[1], 'onMessage' | 'signal'> = {},
): Promise<HttpAnswer> {
  return postModern(gateway.url, { method, params, key: keys[who] ?? '', ...more });
}

interface Listed {
  readonly tools: readonly { readonly name: string; readonly _meta?: { readonly ui?: object } }[];
  readonly nextCursor?: string;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

async function list(who: string, cursor?: string): Promise<Listed> {
  const { response, text } = await send(who, 'tools/list', cursor === undefined ? {} : { cursor });
  if (response?.result === undefined) throw new Error(text);
  return response.result as unknown as Listed;
}

const namesOf = ({ tools }: Listed): string[] => tools.map(({ name }) => name);

describe('servers behind one door', () => {
  it('are listed in the order of the file, each in its own order', async () => {
    const names = namesOf(await list('ada'));
    expect(names.slice(0, 5)).toEqual(['zoo__zebra', 'zoo__ant', 'zoo__mole', 'zoo__show', 'loud__loud0']);
    expect(names.slice(-2)).toEqual(['last__last293', 'last__last294']);
    expect(names).toHaveLength(1000);
  });

  it('have pages whose names lead to them and to nobody else', async () => {
    const { tools } = await list('mal');
    expect(tools.at(-1)?._meta?.ui).toEqual({ resourceUri: 'ui://zoo/panel/main' });
    const { response } = await send('ada', 'resources/read', { uri: 'ui://zoo/panel/main' });
    expect(response?.result?.['contents']).toMatchObject([{ uri: 'ui://zoo/panel/main', text: '<p>' }]);
    expect(zoo.of('resources/read').at(-1)?.name).toBe(page);
    const other = await send('ada', 'resources/read', { uri: page });
    expect(other.response?.error?.code).toBe(-32602);
  });

  it('that flood with announcements are read and announced a few times, and delay nobody', async () => {
    const heard: string[] = [];
    const ending = new AbortController();
    const listening = send(
      'ada',
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      { onMessage: ({ method }) => void heard.push(method ?? ''), signal: ending.signal },
    ).catch(() => undefined);
    await waitFor(() => heard.length === 1, { what: 'the listening to be acknowledged' });
    const before = loud.of('tools/list').length;
    startFlood();
    await waitFor(() => heard.length > 1, { what: 'a change to be announced' });
    expect(namesOf(await within(list('mal'), 5000, 'a list while the flood runs'))).toContain('zoo__ant');
    await waitFor(() => listens > 1, { what: 'the flood to be over and the listening to be back' });
    ending.abort();
    await listening;
    // One at once, one for all others, and one because the stream broke.
    expect(loud.of('tools/list').length - before).toBeLessThanOrEqual(4);
    expect(heard.length - 1).toBeLessThanOrEqual(4);
  }, 30_000);

  it('[sick-upstream] that are sick are named in lists and in status, to those who may use them', async () => {
    expect((await list('ada'))._meta).not.toHaveProperty('io.sallyport/unavailable');
    await dying.close();
    const named = async () => (await list('ada'))._meta?.['io.sallyport/unavailable'];
    await waitFor(
      async () => {
        // A call finds out; until then nobody knows.
        await send('ada', 'tools/call', { name: 'dying__sigh', arguments: {} });
        return (await named()) !== undefined;
      },
      { what: 'the dead server to be named' },
    );
    expect(await named()).toEqual([{ server: 'dying', state: expect.stringMatching(/^(sick|unreadable)$/) }]);
    expect(JSON.stringify(await list('mal'))).not.toContain('dying');
    const { stdout } = await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir, {
      isFailureFine: true,
    });
    const { servers } = JSON.parse(stdout) as {
      servers: readonly { name: string; state: string; lastError?: string }[];
    };
    expect(servers.find(({ name }) => name === 'dying')).toMatchObject({
      state: 'sick',
      lastError: expect.any(String),
    });
    expect(servers.filter(({ state }) => state === 'ready').map(({ name }) => name)).toEqual(['zoo', 'loud', 'last']);
  }, 30_000);

  it('may go between two pages: what stays is shown once', async () => {
    const first = await list('ada');
    const config = JSON.parse(await readFile(gateway.configPath, 'utf8')) as { readonly upstreams: object };
    const { loud: _, ...upstreams } = config.upstreams as Record<string, unknown>;
    await writeFile(gateway.configPath, JSON.stringify({ ...config, upstreams }));
    await waitFor(async () => !namesOf(await list('ada')).includes('loud__loud0'), { what: 'the server to be gone' });
    const names = namesOf(await list('ada', first.nextCursor));
    const shown = namesOf(first).filter((name) => name.startsWith('last__'));
    expect([...shown, ...names]).toEqual(Array.from({ length: 700 }, (__, i) => `last__last${i}`));
  }, 30_000);
});
