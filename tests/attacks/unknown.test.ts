// What a caller may not reach looks exactly like what does not exist, and names that are none never reach a server.
import {
  LegacySession,
  createKey,
  post,
  postModern,
  prepareFolder,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  startStdioDoor,
  waitFor,
  type Gateway,
  type GatewayFolder,
  type HttpAnswer,
  type RecordingUpstream,
  type StdioPeer,
  type UpstreamCall,
} from '@sallyport/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { malformedNames, malformedUris, malformedValues } from './malformed-names.ts';

/** Something that exists and is forbidden, and something of equal length that does not exist. */
interface Pair {
  readonly what: string;
  readonly path: '/mcp' | '/mcp/rec';
  readonly method: string;
  /** Params for a name. */
  readonly params: (name: string) => Readonly<Record<string, unknown>>;
  readonly forbidden: string;
  readonly missing: string;
}

const named = (name: string) => ({ name, arguments: {} });
const located = (uri: string) => ({ uri });
const ofPrompt = (name: string) => ({ ref: { type: 'ref/prompt', name }, argument: { name: 'who', value: 'a' } });
const ofResource = (uri: string) => ({ ref: { type: 'ref/resource', uri }, argument: { name: 'id', value: 'a' } });

const tool = { method: 'tools/call', params: named } as const;
const prompt = { method: 'prompts/get', params: named } as const;
const read = { method: 'resources/read', params: located } as const;
const complete = 'completion/complete';

const pairs: readonly Pair[] = [
  { what: 'a tool', path: '/mcp', ...tool, forbidden: 'rec__secret', missing: 'rec__nosuch' },
  { what: 'a tool of its server', path: '/mcp/rec', ...tool, forbidden: 'secret', missing: 'nosuch' },
  { what: 'a tool with a long name', path: '/mcp', ...tool, forbidden: longName('s'), missing: longName('n') },
  { what: 'a tool of a hidden server', path: '/mcp', ...tool, forbidden: 'hid__echo', missing: 'hix__echo' },
  {
    what: 'a tool with arguments that its schema refuses',
    path: '/mcp',
    method: 'tools/call',
    params: (name) => ({ name, arguments: { count: 'many' } }),
    forbidden: 'rec__strict',
    missing: 'rec__nosuch',
  },
  {
    what: 'a tool that is denied to everybody',
    path: '/mcp',
    method: 'tools/call',
    params: named,
    forbidden: 'rec__banned',
    missing: 'rec__nosuch',
  },
  { what: 'a prompt', path: '/mcp', ...prompt, forbidden: 'rec__hidden', missing: 'rec__nosuch' },
  { what: 'a prompt of its server', path: '/mcp/rec', ...prompt, forbidden: 'hidden', missing: 'nosuch' },
  { what: 'a resource', path: '/mcp', ...read, forbidden: 'mcp+rec:test://two', missing: 'mcp+rec:test://2wo' },
  { what: 'a resource of its server', path: '/mcp/rec', ...read, forbidden: 'test://two', missing: 'test://2wo' },
  {
    what: 'a resource of a hidden server',
    path: '/mcp',
    ...read,
    forbidden: 'mcp+hid:test://one',
    missing: 'mcp+hix:test://one',
  },
  { what: 'a user interface', path: '/mcp', ...read, forbidden: 'ui://hid/page', missing: 'ui://hix/page' },
  {
    what: 'completion for a prompt',
    path: '/mcp',
    method: complete,
    params: ofPrompt,
    forbidden: 'rec__hidden',
    missing: 'rec__nosuch',
  },
  {
    what: 'completion for a template',
    path: '/mcp',
    method: complete,
    params: ofResource,
    forbidden: 'mcp+hid:test://{id}',
    missing: 'mcp+hix:test://{id}',
  },
];

/** Legacy methods alone. */
const subscriptions: readonly Pair[] = ['resources/subscribe', 'resources/unsubscribe'].flatMap((method): Pair[] => [
  {
    what: method,
    path: '/mcp',
    method,
    params: located,
    forbidden: 'mcp+hid:test://one',
    missing: 'mcp+hix:test://one',
  },
  { what: method, path: '/mcp/rec', method, params: located, forbidden: 'test://two', missing: 'test://2wo' },
]);

/** A tool name that does not fit on `/mcp` and is cut there; the caller does not guess its digest. */
function longName(first: string): string {
  return `rec__${first}${'o'.repeat(58)}`;
}

const tools = [
  ...['echo', 'secret', 'banned', longName('s').slice('rec__'.length)].map((name) => ({ name })),
  { name: 'strict', inputSchema: { type: 'object', properties: { count: { type: 'integer' } } } },
];

const resources = ['test://one', 'test://two'].map((uri) => ({ uri, name: uri }));
const prompts = ['greet', 'hidden'].map((name) => ({ name, arguments: [{ name: 'who' }] }));

function answerLists({ method, era }: UpstreamCall) {
  const hints = era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  if (method === 'resources/list') return { kind: 'result', result: { resources, ...hints } } as const;
  if (method === 'prompts/list') return { kind: 'result', result: { prompts, ...hints } } as const;
  if (method === 'resources/templates/list') {
    const resourceTemplates = [{ uriTemplate: 'test://{id}', name: 'one' }];
    return { kind: 'result', result: { resourceTemplates, ...hints } } as const;
  }
  return undefined;
}

let rec: RecordingUpstream;
let hid: RecordingUpstream;
let gateway: Gateway;
let reader: string;
let admin: string;
let blocked: string;
let folder: GatewayFolder;
let door: StdioPeer;

beforeAll(async () => {
  [rec, hid] = (await Promise.all([0, 1].map(() => startRecordingUpstream({ tools, script: answerLists })))) as [
    RecordingUpstream,
    RecordingUpstream,
  ];
  const config = {
    callers: { keys: true, local: 'reader' },
    deny: ['rec.banned'],
    roles: {
      reader: { tools: ['rec.echo'], resources: ['rec.test://one'], prompts: ['rec.greet'] },
      admin: { tools: ['*'], resources: ['*'], prompts: ['*'] },
    },
    limits: { perAddress: '100000/s burst 100000' },
    refusals: 'status',
    upstreams: { rec: { url: rec.url }, hid: { url: hid.url } },
  };
  gateway = await startGateway({ config });
  reader = await createKey(gateway.dir, { name: 'reader', role: 'reader' });
  admin = await createKey(gateway.dir, { name: 'admin', role: 'admin' });
  blocked = await createKey(gateway.dir, { name: 'blocked', role: 'reader' });
  await runSallyport(['block', 'key:blocked', '-c', gateway.configPath], gateway.dir);
  await waitFor(
    async () => {
      const answer = await postModern(gateway.url, { ...tool, params: named('rec__echo'), key: blocked });
      return answer.text.includes('"caller-blocked"');
    },
    { what: 'the block to act' },
  );
  await waitFor(async () => (await call(admin, 'rec__secret')).response?.result?.['isError'] !== true, {
    what: 'the keys to work',
  });
  // A folder of its own, so that this door is a gateway by itself and not a guest of the one above.
  folder = await prepareFolder(config);
  door = startStdioDoor(folder.configPath, folder.dir);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  await door.request({ jsonrpc: '2.0', id: 'begin', method: 'initialize', params });
}, 60_000);

afterAll(async () => {
  await door?.stop();
  await folder?.remove();
  await gateway?.stop();
  await rec?.close();
  await hid?.close();
}, 60_000);

beforeEach(() => {
  rec.clear();
  hid.clear();
});

function call(key: string, name: string): Promise<HttpAnswer> {
  return postModern(gateway.url, { ...tool, params: named(name), key });
}

function endpoint({ path }: Pair): string {
  return path === '/mcp' ? gateway.url : `${gateway.url}/rec`;
}

/** All that a caller gets to see, with the name taken out and without what differs in every answer. */
function seen(answer: HttpAnswer, name: string): object {
  const { 'sallyport-exchange': exchange = '', date = '', ...headers } = answer.headers;
  expect([exchange.length, date.length]).not.toContain(0);
  const text = answer.text.replaceAll(name, '<name>').replaceAll(exchange, '<exchange>');
  return { status: answer.status, headers, text };
}

function expectNothingReached(): void {
  const list = /\/list$|^server\/discover$|^initialize$|^notifications\//;
  const reached = [...rec.requests, ...hid.requests].map(({ method, name }) => `${method} ${name}`);
  expect(reached.filter((line) => !list.test(line.split(' ')[0] ?? ''))).toEqual([]);
}

describe('what is forbidden and what does not exist', () => {
  it.each(pairs)('[unknown-equals-forbidden] are answered alike in the newer revision: $what', async (pair) => {
    expect(pair.forbidden).toHaveLength(pair.missing.length);
    const [forbidden, missing] = await Promise.all(
      [pair.forbidden, pair.missing].map(async (name) =>
        seen(await postModern(endpoint(pair), { method: pair.method, params: pair.params(name), key: reader }), name),
      ),
    );
    expect(forbidden).toEqual(missing);
    expect(JSON.stringify(forbidden)).toMatch(/Unknown .*<name>/);
    expectNothingReached();
  });

  it.each([...pairs, ...subscriptions])(
    '[unknown-equals-forbidden] are answered alike in a session: $what on $path',
    async (pair) => {
      const session = await LegacySession.open(endpoint(pair), { key: reader });
      const answers: object[] = [];
      for (const name of [pair.forbidden, pair.missing]) {
        answers.push(seen(await session.request(pair.method, pair.params(name), { id: 7 }), name));
      }
      expect(answers[0]).toEqual(answers[1]);
      expect(JSON.stringify(answers[0])).toMatch(/Unknown .*<name>/);
      expectNothingReached();
    },
  );

  it.each(pairs.filter(({ path }) => path === '/mcp'))(
    '[unknown-equals-forbidden] are answered alike at the stdio door: $what',
    async (pair) => {
      const texts: string[] = [];
      for (const [index, name] of [pair.forbidden, pair.missing].entries()) {
        const id = `${pair.what} ${index}`;
        const message = await door.request({ jsonrpc: '2.0', id, method: pair.method, params: pair.params(name) });
        texts.push(JSON.stringify({ ...message, id: 0 }).replaceAll(name, '<name>'));
      }
      expect(texts[0]).toBe(texts[1]);
      expect(texts[0]).toContain('Unknown');
      expectNothingReached();
    },
  );

  it('[unknown-equals-forbidden] are answered alike when the request carries a state', async () => {
    for (const requestState of ['made up', 17, null]) {
      const [forbidden, missing] = await Promise.all(
        ['rec__secret', 'rec__nosuch'].map(async (name) =>
          seen(await postModern(gateway.url, { ...tool, params: { ...named(name), requestState }, key: reader }), name),
        ),
      );
      expect(forbidden, String(requestState)).toEqual(missing);
    }
  });

  it('[unknown-equals-forbidden] are answered alike to a caller who is blocked', async () => {
    const session = await LegacySession.open(gateway.url, { key: blocked });
    const [forbidden, missing] = await Promise.all(
      ['rec__secret', 'rec__nosuch'].map(async (name) => {
        const plain = seen(await call(blocked, name), name);
        return [plain, seen(await session.request('tools/call', named(name), { id: 7 }), name)];
      }),
    );
    expect(forbidden).toEqual(missing);
  });

  it('[unknown-equals-forbidden] are both left out of what a subscription honours', async () => {
    const acknowledged = await Promise.all(
      ['mcp+rec:test://two', 'mcp+hid:test://one', 'mcp+hix:test://one', 'mcp+rec:test://2wo'].map(async (uri) => {
        const stop = new AbortController();
        const { promise, resolve } = Promise.withResolvers<string>();
        postModern(gateway.url, {
          method: 'subscriptions/listen',
          params: { notifications: { toolsListChanged: true, resourceSubscriptions: [uri] } },
          key: reader,
          signal: stop.signal,
          onMessage: (message) => resolve(JSON.stringify(message)),
        }).catch(() => undefined);
        const text = await promise;
        stop.abort();
        return text;
      }),
    );
    expect(new Set(acknowledged).size).toBe(1);
    expect(acknowledged[0]).toContain('"toolsListChanged":true');
    expect(acknowledged[0]).not.toContain('test://');
    expectNothingReached();
  });

  it('are told apart by a caller who may reach the one', async () => {
    expect((await call(admin, 'rec__secret')).response?.result?.['isError']).toBeUndefined();
    expect((await call(admin, 'rec__nosuch')).response?.error?.code).toBe(-32602);
    expect((await call(reader, 'rec__echo')).response?.result?.['isError']).toBeUndefined();
  });
});

describe('lists', () => {
  it('[list-equals-call] hold exactly what the caller may reach, through every door', async () => {
    const methods = [
      { list: 'tools/list', member: 'tools', key: 'name', method: 'tools/call', params: named },
      { list: 'prompts/list', member: 'prompts', key: 'name', method: 'prompts/get', params: named },
      { list: 'resources/list', member: 'resources', key: 'uri', method: 'resources/read', params: located },
    ];
    for (const url of [gateway.url, `${gateway.url}/rec`, `${gateway.url}/hid`]) {
      for (const { list, member, key: field, method, params } of methods) {
        const listed = async (key: string): Promise<string[]> => {
          const modern = await postModern(url, { method: list, key });
          const session = await LegacySession.open(url, { key });
          const legacy = await session.request(list);
          const names = [modern, legacy].map(({ response }) =>
            ((response?.result?.[member] ?? []) as Record<string, string>[]).map((each) => each[field] ?? ''),
          );
          expect(names[0]).toEqual(names[1]);
          return names[0] ?? [];
        };
        const own = await listed(reader);
        const all = new Set([...(await listed(admin)), ...own]);
        const callable: string[] = [];
        for (const name of all) {
          const answer = await postModern(url, { method, params: params(name), key: reader });
          // 404: a server of which the caller may reach nothing does not exist for it.
          if (![-32602, 404].includes(answer.response?.error?.code ?? 0)) callable.push(name);
        }
        expect([url, list, own.toSorted()]).toEqual([url, list, callable.toSorted()]);
      }
    }
    expect((await postModern(gateway.url, { method: 'tools/list', key: reader })).text).toContain('rec__echo');
  });
});

describe('a session', () => {
  it('[handles-sealed] works for its owner, on its door, and for anybody else as if it did not exist', async () => {
    const session = await LegacySession.open(gateway.url, { key: reader });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    const send = async (url: string, key: string, id: string) => {
      const headers = { authorization: `Bearer ${key}`, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
      return seen(await post(url, body, { headers }), id);
    };
    const id = session.id ?? '';
    const nowhere = await send(gateway.url, admin, 'x'.repeat(id.length));
    expect(nowhere).toMatchObject({ status: 404 });
    expect(await send(gateway.url, admin, id)).toEqual(nowhere);
    expect(await send(`${gateway.url}/rec`, reader, id)).toEqual(nowhere);
    expect(await send(gateway.url, reader, `${id}A`)).toEqual(nowhere);
    expect(await send(gateway.url, reader, id)).toMatchObject({ status: 200 });
    expect(await session.close()).toBe(204);
    expect(await send(gateway.url, reader, id)).toEqual(nowhere);
  });
});

describe('names that are none', () => {
  it('are 139, all different in their list', () => {
    const values = malformedValues.map((value) => JSON.stringify(value));
    for (const each of [malformedNames, malformedUris, values]) expect(new Set(each).size).toBe(each.length);
    expect([malformedNames.length, malformedUris.length, values.length]).toEqual([66, 54, 19]);
  });

  /** Sends the same in both revisions; both refuse, neither breaks. */
  async function expectRefused(
    method: string,
    params: Readonly<Record<string, unknown>>,
    name: unknown,
  ): Promise<void> {
    const session = await LegacySession.open(gateway.url, { key: admin });
    const shown = JSON.stringify(params).slice(0, 200);
    const legacy = await session.request(method, params);
    expect(legacy.response?.error?.code, shown).toBeLessThan(0);
    const mirrored = typeof name === 'string' ? { name } : {};
    const modern = await postModern(gateway.url, { method, params, key: admin, ...mirrored });
    // A name that fits in no header is refused by the HTTP parser, before there is a message.
    if (modern.status !== 431) expect(modern.response?.error?.code, shown).toBeLessThan(0);
    expect(modern.status, shown).toBeLessThan(500);
  }

  it('[unknown-equals-forbidden] reach no server as tools or prompts, whoever calls', async () => {
    for (const name of malformedNames) {
      await expectRefused('tools/call', { name, arguments: {} }, name);
      await expectRefused('prompts/get', { name }, name);
      await expectRefused(complete, ofPrompt(name), undefined);
    }
    expectNothingReached();
  });

  it('[unknown-equals-forbidden] reach no server as resources, whoever calls', async () => {
    for (const uri of malformedUris) {
      await expectRefused('resources/read', { uri }, uri);
      await expectRefused(complete, ofResource(uri), undefined);
      const session = await LegacySession.open(gateway.url, { key: admin });
      expect((await session.request('resources/subscribe', { uri })).response?.error?.code).toBeLessThan(0);
    }
    expectNothingReached();
  });

  it('[unknown-equals-forbidden] reach no server where a string belongs and something else stands', async () => {
    for (const value of malformedValues) {
      await expectRefused('tools/call', { name: value, arguments: {} }, undefined);
      await expectRefused('prompts/get', { name: value }, undefined);
      await expectRefused('resources/read', { uri: value }, undefined);
      await expectRefused(
        complete,
        { ref: { type: 'ref/prompt', name: value }, argument: { name: 'a', value: 'b' } },
        undefined,
      );
      await expectRefused(complete, { ref: value, argument: { name: 'a', value: 'b' } }, undefined);
    }
    expectNothingReached();
  });

  it('[unknown-equals-forbidden] reach no server by way of the path', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    for (const path of ['nosuch', 'REC', 'rec/', 'rec/x', 're%63', 'rec%00', '../mcp/rec', 'rec?x=1', 'rec;x', '']) {
      const answer = await post(`http://${gateway.host}:${gateway.port}/mcp/${path}`, body, {
        headers: { authorization: `Bearer ${admin}` },
      });
      expect([path, answer.status === 404 || path === '../mcp/rec']).toEqual([path, true]);
    }
    expectNothingReached();
  });
});
