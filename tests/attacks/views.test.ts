// A view shows a part and nothing else: by every method and every door, whatever the caller's roles allow elsewhere.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  LegacySession,
  createKey,
  post,
  postModern,
  readAudit,
  startGateway,
  startRecordingUpstream,
  startStdioDoor,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
  type UpstreamCall,
  type WireMessage,
} from '@sallyport/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const strict = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
const named = { type: 'object', properties: { city: { type: 'string', 'x-mcp-header': 'City' } } };
const tools = [
  { name: 'echo', description: 'Says what it is told' },
  { name: 'read_page', description: 'Reads a page of the wiki' },
  { name: 'delete_page', description: 'Deletes a page', annotations: { readOnlyHint: true, title: 'Gone' } },
  { name: 'strict', description: 'Counts sheep', inputSchema: strict },
  { name: 'weather', description: 'Weather of a city', inputSchema: named },
  { name: 'secret_audit', description: 'Reads the secret audit of salaries' },
];
const resources = ['test://one', 'test://two'].map((uri) => ({ uri, name: uri }));
const prompts = ['greet', 'hidden'].map((name) => ({ name, arguments: [{ name: 'who' }] }));

function answerLists({ method, era }: UpstreamCall) {
  const hints = era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  if (method === 'resources/list') return { kind: 'result', result: { resources, ...hints } } as const;
  if (method === 'prompts/list') return { kind: 'result', result: { prompts, ...hints } } as const;
  if (method === 'resources/templates/list') {
    return {
      kind: 'result',
      result: { resourceTemplates: [{ uriTemplate: 'test://{id}', name: 'one' }], ...hints },
    } as const;
  }
  return undefined;
}

let wiki: RecordingUpstream;
let shop: RecordingUpstream;
let gateway: Gateway;
/** Every tool of both servers. */
let admin: string;
/** Some of the wiki's. */
let reader: string;
/** Nothing that a view holds. */
let outsider: string;

const views = {
  pages: { tools: ['wiki.*_page', '!wiki.delete_page'], resources: ['wiki.test://one'], prompts: ['wiki.greet'] },
  find: { tools: ['*', '!wiki.secret_audit'], mode: 'search' },
  staff: { tools: ['*'], for: ['admin'] },
};

const config = {
  callers: { keys: true, local: 'admin' },
  deny: ['shop.secret_audit'],
  effects: { '*.delete_*': 'destructive', 'wiki.read_*': 'read' },
  roles: {
    admin: { tools: ['*'], resources: ['*'], prompts: ['*'] },
    reader: { tools: ['wiki.read_page', 'wiki.strict', 'wiki.secret_audit'], resources: ['*'], prompts: ['*'] },
    outsider: { tools: ['wiki.echo'] },
  },
  limits: { perAddress: '100000/s burst 100000' },
  doors: { websocket: true, sse: true },
  views,
};

beforeAll(async () => {
  [wiki, shop] = (await Promise.all([0, 1].map(() => startRecordingUpstream({ tools, script: answerLists })))) as [
    RecordingUpstream,
    RecordingUpstream,
  ];
  gateway = await startGateway({
    config: { ...config, upstreams: { wiki: { url: wiki.url }, shop: { url: shop.url } } },
  });
  admin = await createKey(gateway.dir, { name: 'admin', role: 'admin' });
  reader = await createKey(gateway.dir, { name: 'reader', role: 'reader' });
  outsider = await createKey(gateway.dir, { name: 'outsider', role: 'outsider' });
  await waitFor(async () => (await call('', admin, 'wiki__echo')).response?.result !== undefined, { what: 'the keys' });
  await waitFor(async () => (await call('', outsider, 'wiki__echo')).response?.result !== undefined, { what: 'keys' });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await wiki?.close();
  await shop?.close();
}, 60_000);

beforeEach(() => {
  wiki.clear();
  shop.clear();
});

function ask(path: string, key: string, method: string, params: Record<string, unknown> = {}): Promise<HttpAnswer> {
  return postModern(`${gateway.url}${path}`, { method, params, key });
}

function call(path: string, key: string, name: string, args: object = {}): Promise<HttpAnswer> {
  return ask(path, key, 'tools/call', { name, arguments: args });
}

function namesIn(message: WireMessage | undefined, member: string, field = 'name'): string[] {
  return ((message?.result?.[member] ?? []) as Record<string, string>[]).map((item) => item[field] ?? '');
}

/** The JSON that one of our own tools has answered. */
function told(answer: HttpAnswer): Record<string, unknown> {
  const [content] = (answer.response?.result?.['content'] ?? []) as { text: string }[];
  return JSON.parse(content?.text ?? 'null') as Record<string, unknown>;
}

function seen(answer: HttpAnswer, name: string): object {
  const { 'sallyport-exchange': exchange = '', date: _, ...headers } = answer.headers;
  return {
    status: answer.status,
    headers,
    text: answer.text.replaceAll(name, '<name>').replaceAll(exchange, '<exchange>'),
  };
}

async function lastRecord(id: string) {
  return waitFor(
    async () => {
      const records = await readAudit(join(gateway.dir, 'state', 'audit'));
      return records.findLast(({ exchange, kind }) => exchange === id && kind !== 'intent');
    },
    { what: `the record of ${id}` },
  );
}

describe('a view', () => {
  it('[views] lists what it holds and the caller may reach, under the names of /mcp, in both eras', async () => {
    const session = await LegacySession.open(`${gateway.url}/pages`, { key: admin });
    const rows = [
      ['tools/list', 'tools', 'name', ['wiki__read_page']],
      ['prompts/list', 'prompts', 'name', ['wiki__greet']],
      ['resources/list', 'resources', 'uri', ['mcp+wiki:test://one']],
      ['resources/templates/list', 'resourceTemplates', 'uriTemplate', ['mcp+wiki:test://{id}']],
    ] as const;
    for (const [method, member, field, expected] of rows) {
      expect(namesIn((await ask('/pages', admin, method)).response, member, field)).toEqual(expected);
      expect(namesIn((await session.request(method)).response, member, field)).toEqual(expected);
    }
  });

  it('[views] [unknown-equals-forbidden] answers what it does not hold like what does not exist', async () => {
    const pairs = [
      ['tools/call', { name: 'wiki__echo' }, { name: 'wiki__ecno' }],
      ['tools/call', { name: 'wiki__delete_page' }, { name: 'wiki__delete_pawe' }],
      ['tools/call', { name: 'shop__read_page' }, { name: 'shap__read_page' }],
      ['prompts/get', { name: 'wiki__hidden' }, { name: 'wiki__hiddxn' }],
      ['resources/read', { uri: 'mcp+wiki:test://two' }, { uri: 'mcp+wiki:test://2wo' }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'wiki__hidden' }, argument: { name: 'who', value: '' } },
        { ref: { type: 'ref/prompt', name: 'wiki__hiddxn' }, argument: { name: 'who', value: '' } },
      ],
    ] as const;
    for (const [method, hidden, missing] of pairs) {
      const nameOf = (params: object): string => {
        const { name, uri, ref } = params as { name?: string; uri?: string; ref?: { name: string } };
        return name ?? uri ?? ref?.name ?? '';
      };
      const answers = await Promise.all(
        [hidden, missing].map(async (params) => seen(await ask('/pages', admin, method, params), nameOf(params))),
      );
      expect(answers[0]).toEqual(answers[1]);
      expect(JSON.stringify(answers[0])).toContain('Unknown');
    }
    expect(wiki.of('tools/call').length + shop.of('tools/call').length).toBe(0);
    // The same caller reaches it all elsewhere, so it is the view that says no.
    expect((await call('', admin, 'wiki__echo')).response?.result).toBeDefined();
  });

  it('[views] narrows and never widens', async () => {
    expect(namesIn((await ask('/find', reader, 'tools/list')).response, 'tools')).toContain('search_tools');
    expect((await call('/find', reader, 'shop__echo')).text).toContain('Unknown');
    expect((await call('/find', reader, 'wiki__strict', { count: 1 })).response?.result?.['isError']).toBeUndefined();
    expect((await call('/find', admin, 'shop__secret_audit')).text).toContain('Unknown');
  });

  it('[views] is there for its roles only; to others it is no path at all', async () => {
    const [closed, missing] = await Promise.all(
      ['staff', 'stuff'].map(async (name) => seen(await ask(`/${name}`, reader, 'tools/list'), name)),
    );
    expect(closed).toEqual(missing);
    expect(JSON.stringify(closed)).toContain('404');
    expect((await ask('/staff', admin, 'tools/list')).status).toBe(200);
    const sessions = await Promise.all(
      ['staff', 'stuff'].map((name) => LegacySession.open(`${gateway.url}/${name}`, { key: reader })),
    );
    const [one, other] = sessions.map(({ initialized }, at) => seen(initialized, at === 0 ? 'staff' : 'stuff'));
    expect(one).toEqual(other);
  });

  it('[views] is no path for a caller who may use nothing in it', async () => {
    const [closed, missing] = await Promise.all(
      ['pages', 'pogos'].map(async (name) => seen(await ask(`/${name}`, outsider, 'tools/list'), name)),
    );
    expect(closed).toEqual(missing);
  });

  it('[views] offers what it has lists of, and speaks for the servers in it alone', async () => {
    const { result } = (await ask('/staff', admin, 'server/discover')).response ?? {};
    expect(Object.keys(result?.['capabilities'] as object)).not.toContain('prompts');
    const pages = (await ask('/pages', admin, 'server/discover')).response?.result;
    expect(Object.keys(pages?.['capabilities'] as object)).toEqual(
      expect.arrayContaining(['tools', 'prompts', 'resources']),
    );
  });

  it('[views] keeps sessions and other handles to itself', async () => {
    const session = await LegacySession.open(`${gateway.url}/pages`, { key: admin });
    const elsewhere = await post(gateway.url, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), {
      headers: session.headers(),
    });
    expect(elsewhere.status).toBe(404);
    expect((await session.request('tools/list')).status).toBe(200);
  });

  it('[views] is served at a stdio door too, and nowhere else there', async () => {
    const door = startStdioDoor(gateway.configPath, gateway.dir, ['--at', 'pages']);
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    await door.request({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const listed = await door.request({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    expect(namesIn(listed, 'tools')).toEqual(['wiki__read_page']);
    const hidden = await door.request({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'wiki__echo' } });
    expect(hidden.error?.code).toBe(-32602);
    await door.stop();
  });
});

describe('a view that is searched', () => {
  const own = ['search_tools', 'describe_tool', 'call_tool'];

  it('[views-search] lists three tools in place of all others', async () => {
    const session = await LegacySession.open(`${gateway.url}/find`, { key: admin });
    expect(namesIn((await ask('/find', admin, 'tools/list')).response, 'tools')).toEqual(own);
    expect(namesIn((await session.request('tools/list')).response, 'tools')).toEqual(own);
    // They are there and nowhere else.
    expect((await call('', admin, 'search_tools', {})).text).toContain('Unknown');
    expect((await call('/pages', admin, 'call_tool', { name: 'wiki__read_page' })).text).toContain('Unknown');
  });

  it('[views-search] finds, describes and calls a tool', async () => {
    const found = told(await call('/find', admin, 'search_tools', { query: 'count the sheep' }));
    expect((found['tools'] as object[])[0]).toEqual({
      name: 'wiki__strict',
      description: 'Counts sheep',
      arguments: ['count'],
    });
    const described = told(await call('/find', admin, 'describe_tool', { name: 'wiki__strict' }));
    expect(described).toMatchObject({ name: 'wiki__strict', inputSchema: strict });
    const called = await call('/find', admin, 'call_tool', { name: 'wiki__strict', arguments: { count: 3 } });
    expect(called.response?.result?.['isError']).toBeUndefined();
    expect(wiki.of('tools/call').map(({ message }) => message['params'])).toMatchObject([
      { name: 'strict', arguments: { count: 3 } },
    ]);
  });

  it('[views-search] tells of nothing that the caller may not call or the view does not hold', async () => {
    for (const query of ['secret audit salaries', 'wiki__secret_audit', 'weather', '']) {
      const text = (await call('/find', reader, 'search_tools', { query, limit: 25 })).text;
      expect(text).not.toMatch(/secret_audit|weather|shop/);
    }
    for (const name of ['wiki__secret_audit', 'shop__echo', 'wiki__weather']) {
      const missing = `${name.slice(0, -1)}q`;
      const answers = await Promise.all(
        [name, missing].map(async (each) => seen(await call('/find', reader, 'describe_tool', { name: each }), each)),
      );
      expect(answers[0]).toEqual(answers[1]);
      const calls = await Promise.all(
        [name, missing].map(async (each) => seen(await call('/find', reader, 'call_tool', { name: each }), each)),
      );
      expect(calls[0]).toEqual(calls[1]);
      // And like the same call without a detour.
      const direct = seen(await call('/find', reader, name), name);
      expect(direct).toEqual(calls[0]);
    }
    expect(wiki.of('tools/call')).toEqual([]);
  });

  it('[views-search] judges, checks and records the tool that is called, not the one that calls it', async () => {
    const answer = await call('/find', admin, 'call_tool', { name: 'wiki__delete_page', arguments: { page: 1 } });
    expect(await lastRecord(answer.headers['sallyport-exchange'] ?? '')).toMatchObject({
      door: 'http:/mcp/find',
      method: 'tools/call',
      target: { upstream: 'wiki', kind: 'tool', name: 'delete_page', effect: 'destructive' },
      decision: { effect: 'allow', rule: 'admin: *' },
      args: { bytes: '{"page":1}'.length },
    });
    const wrong = await call('/find', admin, 'call_tool', { name: 'wiki__strict', arguments: { count: 'many' } });
    expect(wrong.text).toMatch(/wiki\.strict: .*\/count/);
    expect(wiki.of('tools/call')).toHaveLength(1);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/sallyport_exchanges_total\{[^}]*method="tools\/call",server="wiki"/);
  });

  it('[views-search] forwards the very bytes of the inner arguments', async () => {
    const body = (inner: string): string =>
      `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"arguments":{"arguments":${inner},"name":"wiki__echo"},` +
      '"name":"call_tool","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
      '"io.modelcontextprotocol/clientCapabilities":{}}}}';
    const headers = {
      authorization: `Bearer ${admin}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'call_tool',
    };
    const inner = '{ "b" : 1.50, "a":"\\u00e9" , "name":"search_tools" }';
    expect((await post(`${gateway.url}/find`, body(inner), { headers })).status).toBe(200);
    expect(wiki.of('tools/call')[0]?.body.toString()).toContain(inner);
    // Twice the same name is refused wherever it stands.
    const doubled = await post(`${gateway.url}/find`, body('{"name":"x","name":"y"}'), { headers });
    expect(doubled.response?.error?.code).toBe(-32600);
    expect(wiki.of('tools/call')).toHaveLength(1);
  });

  it('[views-search] refuses arguments that its own tools do not take', async () => {
    const wrong: [string, object][] = [
      ['search_tools', { query: 7 }],
      ['search_tools', { query: 'a', limit: 10_000 }],
      ['search_tools', { q: 'a' }],
      ['describe_tool', {}],
      ['call_tool', {}],
      ['call_tool', { name: ['wiki__echo'] }],
      ['call_tool', { name: 'wiki__echo', arguments: 'x' }],
      ['call_tool', { name: 'wiki__echo', args: {} }],
    ];
    for (const [name, args] of wrong) {
      const { result } = (await call('/find', admin, name, args)).response ?? {};
      expect(result?.['isError'], name).toBe(true);
      expect(JSON.stringify(result)).toContain('bad-arguments');
    }
    for (const name of own) {
      expect((await call('/find', admin, 'call_tool', { name })).text).toContain('Unknown');
    }
    expect(wiki.of('tools/call')).toEqual([]);
  });

  it('[views-search] asks for no headers of a tool that its caller never saw', async () => {
    const inner = await call('/find', admin, 'call_tool', { name: 'wiki__weather', arguments: { city: 'Graz' } });
    expect(inner.response?.result?.['isError']).toBeUndefined();
    expect(wiki.of('tools/call')[0]?.headers['mcp-param-city']).toBe('Graz');
    expect((await call('/find', admin, 'wiki__weather', { city: 'Graz' })).response?.error?.code).toBe(-32020);
  });
});

describe('effects', () => {
  it('[effects] stand in the place of what servers say of their tools', async () => {
    const { result } = (await ask('', admin, 'tools/list')).response ?? {};
    const listed = new Map(
      ((result ?? {})['tools'] as { name: string; annotations?: object }[]).map((each) => [each.name, each]),
    );
    expect(listed.get('wiki__delete_page')?.annotations).toEqual({
      readOnlyHint: false,
      destructiveHint: true,
      title: 'Gone',
    });
    expect(listed.get('wiki__read_page')?.annotations).toEqual({ readOnlyHint: true, destructiveHint: false });
    expect(listed.get('wiki__echo')?.annotations).toBeUndefined();
    const direct = (await ask('/wiki', admin, 'tools/list')).text;
    expect(direct).toContain('"destructiveHint":true');
  });
});

describe('a view that is taken away', () => {
  it('[views] closes what was open at it, and is a path to nothing', async () => {
    const session = await LegacySession.open(`${gateway.url}/staff`, { key: admin });
    const stream = await session.stream();
    const over = (async () => {
      for await (const _ of stream.messages);
    })();
    const text = await readFile(gateway.configPath, 'utf8');
    const changed = JSON.parse(text) as { views: Record<string, unknown> };
    delete changed.views['staff'];
    await writeFile(gateway.configPath, JSON.stringify(changed));
    await over;
    expect((await session.request('tools/list')).status).toBe(404);
    await waitFor(async () => (await ask('/staff', admin, 'tools/list')).status === 404, { what: 'the reload' });
    await writeFile(gateway.configPath, text);
    await waitFor(async () => (await ask('/staff', admin, 'tools/list')).status === 200, { what: 'the reload' });
  });
});
