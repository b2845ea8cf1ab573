// What is kept for one authorization never reaches another: the group `cache` of the corpus, against a running gateway
// and a server that says of its answers what it likes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  corpusOrSkip,
  createKey,
  postModern,
  post,
  readAudit,
  readJsonl,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
  type Script,
  type UpstreamCall,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ample = '100000/s burst 100000';
const everyone = { tools: ['*'], resources: ['*'], prompts: ['*'] };

let rec: RecordingUpstream;
let many: RecordingUpstream;
let gateway: Gateway;
const keys: Record<string, string> = {};

/** What the server says of the resources below one authority, and how often each was asked for. */
const hints: Record<string, Readonly<Record<string, unknown>>> = {
  private: { ttlMs: 60_000, cacheScope: 'private' },
  public: { ttlMs: 60_000, cacheScope: 'public' },
  negative: { ttlMs: -1, cacheScope: 'public' },
  endless: { ttlMs: 1e300, cacheScope: 'public' },
  text: { ttlMs: '60000', cacheScope: 'public' },
  strange: { ttlMs: 60_000, cacheScope: 'everyone' },
};

/** What a test holds back; the server waits for it. */
const gates = new Map<string, { readonly isOpen: Promise<void>; open(): void }>();

function gate(name: string): { readonly isOpen: Promise<void>; open(): void } {
  let release: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => {
    release = resolve;
  });
  const made = gates.get(name) ?? { isOpen, open: () => release() };
  gates.set(name, made);
  return made;
}

let answered = 0;

async function answer(call: UpstreamCall): Promise<Script | undefined> {
  if (call.method === 'server/discover') return discover;
  if (call.method === 'subscriptions/listen') return listen(call);
  if (call.method === 'tools/list') return { kind: 'result', result: listed };
  if (call.method !== 'resources/read') return undefined;
  const [, kind = ''] = /^test:\/\/([a-z]+)\//.exec(call.name ?? '') ?? [];
  const number = (answered += 1);
  await gates.get(call.name ?? '')?.isOpen;
  if (kind === 'asking') {
    const inputRequests = { name: { method: 'elicitation/create', params: { mode: 'form', message: 'Name?' } } };
    return { kind: 'result', result: { resultType: 'input_required', inputRequests, ...hints['public'] } };
  }
  if (kind === 'failing') return { kind: 'error', error: { code: -32602, message: `failure ${number}` } };
  const contents = [{ uri: call.name, text: `answer ${number}` }];
  return { kind: 'result', result: { resultType: 'complete', contents, ...hints[kind] } };
}

const discover: Script = {
  kind: 'result',
  result: {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true } },
    ttlMs: 60_000,
    cacheScope: 'public',
  },
};

const listed = {
  resultType: 'complete',
  tools: ['open', 'secret'].map((name) => ({ name, description: `The ${name} one.`, inputSchema: { type: 'object' } })),
  ttlMs: 60_000,
  cacheScope: 'public',
};

let listened = 0;

/** Says once that resources have changed, and stays silent when it is asked again. */
async function listen(call: UpstreamCall): Promise<Script> {
  listened += 1;
  await gate(listened === 1 ? 'listen' : 'end').isOpen;
  const _meta = { 'io.modelcontextprotocol/subscriptionId': call.id };
  const note = (method: string, params: object) => ({ jsonrpc: '2.0', method, params: { ...params, _meta } });
  return {
    kind: 'result',
    result: { resultType: 'complete', _meta },
    stream: [
      note('notifications/subscriptions/acknowledged', { notifications: { resourcesListChanged: true } }),
      note('notifications/resources/list_changed', {}),
    ],
  };
}

beforeAll(async () => {
  rec = await startRecordingUpstream({ era: 'modern', script: answer });
  const tools = Array.from({ length: 1200 }, (_, i) => ({ name: `tool-${i}` }));
  many = await startRecordingUpstream({ era: 'modern', tools });
  gateway = await startGateway({
    config: {
      callers: { keys: true },
      limits: { perAddress: ample, concurrentPerCaller: 1000 },
      roles: {
        reader: everyone,
        shifting: everyone,
        narrow: { tools: ['rec.open'] },
      },
      upstreams: { rec: { url: rec.url, ask: ['elicitation'] }, many: { url: many.url } },
    },
  });
  for (const [name, role] of [
    ['ada', 'reader'],
    ['eve', 'reader'],
    ['tim', 'shifting'],
    ['mal', 'narrow'],
  ] as const) {
    keys[name] = await createKey(gateway.dir, { name, role });
  }
  await waitFor(async () => (await send('mal', 'tools/list')).status === 200, { what: 'the last key to work' });
}, 60_000);

afterAll(async () => {
  for (const { open } of gates.values()) open();
  await gateway.stop();
  await rec.close();
  await many.close();
});

function send(who: string, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<HttpAnswer> {
  const key = keys[who];
  return postModern(gateway.url, {
    method,
    params,
    capabilities: { elicitation: {} },
    ...(key === undefined ? {} : { key }),
  });
}

const read = (who: string, uri: string): Promise<HttpAnswer> => send(who, 'resources/read', { uri: `mcp+rec:${uri}` });

function textOf({ response, text }: HttpAnswer): string {
  const contents = response?.result?.['contents'] as readonly { readonly text?: string }[] | undefined;
  return contents?.[0]?.text ?? text;
}

/** How often the server was asked for a resource. */
const asked = (uri: string): number => rec.of('resources/read').filter(({ name }) => name === uri).length;

const namesOf = ({ response }: HttpAnswer): string[] =>
  ((response?.result?.['tools'] ?? []) as readonly { readonly name: string }[]).map(({ name }) => name);

/** Two reads of one caller, each of which has to reach the server. */
async function isNeverKept(uri: string): Promise<void> {
  const [one, two] = [await read('ada', uri), await read('ada', uri)];
  expect(textOf(one)).not.toBe(textOf(two));
  expect(asked(uri)).toBe(2);
  expect(one.response?.result).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
}

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  'private result, second token same subject other scope': async () => {
    const uri = 'test://private/scope';
    const kept = textOf(await read('tim', uri));
    expect(textOf(await read('tim', uri))).toBe(kept);
    // The same subject comes with other rights from now on: what was kept for the old ones is out of reach.
    const config = JSON.parse(await readFile(gateway.configPath, 'utf8')) as { readonly roles: object };
    const roles = { ...config.roles, shifting: { tools: ['*'] } };
    await writeFile(gateway.configPath, JSON.stringify({ ...config, roles }));
    await waitFor(async () => (await read('tim', uri)).response?.error !== undefined, { what: 'the new rights' });
    expect((await read('tim', uri)).text).not.toContain(kept);
    expect(asked(uri)).toBe(1);
  },
  'private result, other subject': async () => {
    const uri = 'test://private/subject';
    const mine = textOf(await read('ada', uri));
    expect(textOf(await read('eve', uri))).not.toBe(mine);
    expect(textOf(await read('ada', uri))).toBe(mine);
    expect(asked(uri)).toBe(2);
  },
  'private result, no token': async () => {
    const uri = 'test://private/token';
    const mine = textOf(await read('ada', uri));
    const refused = await read('nobody', uri);
    expect([refused.status, refused.text.includes(mine)]).toEqual([401, false]);
  },
  'public result, unauthorized caller': async () => {
    const uri = 'test://public/unauthorized';
    const shown = textOf(await read('ada', uri));
    expect(textOf(await read('eve', uri))).toBe(shown);
    const refused = await read('mal', uri);
    expect([refused.response?.error?.code, refused.text.includes(shown)]).toEqual([-32602, false]);
    expect(asked(uri)).toBe(1);
  },
  'policy-filtered list marked public upstream': async () => {
    const [wide, narrow] = [await send('ada', 'tools/list'), await send('mal', 'tools/list')];
    expect(namesOf(wide)).toContain('rec__secret');
    expect(namesOf(narrow)).toEqual(['rec__open']);
    for (const { response } of [wide, narrow]) expect(response?.result).toMatchObject({ cacheScope: 'private' });
  },
  'ttlMs negative': () => isNeverKept('test://negative/a'),
  'ttlMs 1e300': () => isNeverKept('test://endless/a'),
  'ttlMs string': () => isNeverKept('test://text/a'),
  'cacheScope unknown value': () => isNeverKept('test://strange/a'),
  'list_changed while in flight': async () => {
    const uri = 'test://public/flight';
    const held = gate(uri);
    const first = read('ada', uri);
    await waitFor(() => asked(uri) === 1, { what: 'the read to reach the server' });
    const lists = rec.of('resources/list').length;
    gate('listen').open();
    await waitFor(() => rec.of('resources/list').length > lists, { what: 'the change to be heard' });
    held.open();
    const old = textOf(await first);
    expect(textOf(await read('ada', uri))).not.toBe(old);
    expect(asked(uri)).toBe(2);
  },
  'poisoned list from a compromised upstream after revoke': async () => {
    expect(namesOf(await send('ada', 'tools/list'))).toContain('rec__open');
    const [command, undo] = ['block', 'unblock'].map((word) => [word, 'rec', '-c', gateway.configPath]);
    await runSallyport(command ?? [], gateway.dir);
    await waitFor(async () => !(await send('ada', 'tools/list')).text.includes('rec__'), {
      what: 'the list to be clean',
    });
    const refused = await read('ada', 'test://public/unauthorized');
    expect(refused.text).toContain('blocked');
    await runSallyport(undo ?? [], gateway.dir);
    await waitFor(async () => (await send('ada', 'tools/list')).text.includes('rec__'), {
      what: 'the list to be back',
    });
  },
  'cursor of another principal': async () => {
    const cursor = (await send('ada', 'tools/list')).response?.result?.['nextCursor'];
    expect(cursor).toBeTypeOf('string');
    const stolen = await send('eve', 'tools/list', { cursor });
    expect([stolen.response?.error?.code, namesOf(stolen)]).toEqual([-32602, []]);
    expect(namesOf(await send('ada', 'tools/list', { cursor })).length).toBeGreaterThan(100);
  },
  'input_required result cached': async () => {
    const uri = 'test://asking/a';
    for (const who of ['ada', 'ada', 'eve']) {
      const { response } = await read(who, uri);
      expect(response?.result).toMatchObject({ resultType: 'input_required', ttlMs: 0, cacheScope: 'private' });
    }
    expect(asked(uri)).toBe(3);
  },
  'error cached': async () => {
    const uri = 'test://failing/a';
    const texts = [await read('ada', uri), await read('ada', uri), await read('eve', uri)].map(({ text }) => text);
    expect(new Set(texts).size).toBe(3);
    expect(asked(uri)).toBe(3);
  },
};

describe('kept answers and lists', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`[kept-for-its-caller] ${name}`, scenario, 30_000);
  }

  it('are read once for a hundred callers at once, and each leaves its intent', async () => {
    const uri = 'test://public/hundred';
    const held = gate(uri);
    const reading = Array.from({ length: 100 }, (_, i) => read(i % 2 === 0 ? 'ada' : 'eve', uri));
    await waitFor(() => asked(uri) === 1, { what: 'the read to reach the server' });
    // Long enough for the others to have come, however they are scheduled.
    await delay(300);
    held.open();
    const texts = (await Promise.all(reading)).map(textOf);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/^answer \d+$/);
    await read('ada', uri);
    expect(asked(uri)).toBe(1);
    const intents = async () =>
      (await readAudit(join(gateway.dir, 'state', 'audit'))).filter(
        ({ kind, target }) => kind === 'intent' && target?.name === uri,
      );
    expect(await intents()).toHaveLength(101);
  }, 30_000);

  it('are counted in the metrics', async () => {
    const { text } = await post(`${gateway.adminUrl}/metrics`, '', { method: 'GET' });
    const count = (source: string) =>
      Number(new RegExp(`cache_answers_total\\{source="${source}"\\} (\\d+)`).exec(text)?.[1]);
    expect(count('kept')).toBeGreaterThan(3);
    expect(count('shared')).toBeGreaterThan(10);
    expect(count('own')).toBeGreaterThan(10);
  });
});

const corpus = corpusOrSkip('jsonrpc/mcp-2026-07-28.jsonl');

describe.skipIf(!corpus.isHere)('the group cache of the corpus', () => {
  it('has 14 cases, each of which is tried', () => {
    const cases = readJsonl<{ group: string; name: string }>(corpus.path).filter(({ group }) => group === 'cache');
    expect(cases).toHaveLength(14);
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(scenarios).sort());
  });
});
