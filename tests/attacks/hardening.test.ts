// What an attacker with a valid key tried against a running gateway: to hold what is not its own, to learn what it may
// not know, to hear what it may no longer hear, and to pass forged words on.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  LegacySession,
  baseEnvironment,
  createKey,
  modernRevision,
  post,
  postModern,
  prepareFolder,
  runSallyport,
  sallyportBin,
  startGateway,
  startRecordingUpstream,
  startStdioDoor,
  waitFor,
  within,
  type Gateway,
  type GatewayFolder,
  type HttpAnswer,
  type RecordingUpstream,
  type Script,
  type UpstreamCall,
  type WireMessage,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ample = '100000/s burst 100000';
const places = 4;
const requestTimeoutMs = 2000;

/** More than the kernel takes for a connection that nobody reads, less than what cuts an event stream off at once. */
const largeBytes = 15_000_000;

const anything = { type: 'object' };
const region = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
const tools = [
  ...['echo', 'large', 'asks-array', 'wait'].map((name) => ({ name, inputSchema: anything })),
  { name: 'local', inputSchema: region },
];

const complete = { resultType: 'complete' };
const textResult = (text: string, more: object = {}) => ({ content: [{ type: 'text', text }], ...complete, ...more });

/** What the server of everybody does. */
async function answerRec(call: UpstreamCall): Promise<Script | undefined> {
  if (call.method !== 'tools/call') return undefined;
  const args = call.params['arguments'] as { readonly ms?: number; readonly isStream?: boolean } | undefined;
  switch (call.name) {
    case 'large': {
      const result = textResult('x'.repeat(largeBytes));
      return { kind: 'result', result, ...(args?.isStream === true ? { stream: [] } : {}) };
    }
    case 'asks-array': {
      const inputRequests = [{ method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }];
      return { kind: 'result', result: { resultType: 'input_required', inputRequests, requestState: 's' } };
    }
    case 'wait':
      return { kind: 'result', result: textResult(JSON.stringify(args)), delayMs: args?.ms ?? 60_000 };
    default:
      return undefined;
  }
}

/** A server that only some may know, with words and abilities of its own. */
function answerVault(call: UpstreamCall): Script | undefined {
  const serverInfo = { name: 'vault', version: '1' };
  const own = { capabilities: { tools: {}, logging: {}, completions: {} }, instructions: 'The vault opens at noon.' };
  if (call.method === 'initialize') {
    return { kind: 'result', result: { protocolVersion: call.params['protocolVersion'], serverInfo, ...own } };
  }
  if (call.method !== 'server/discover') return undefined;
  const result = { ...complete, supportedVersions: [modernRevision], ttlMs: 60_000, cacheScope: 'public', ...own };
  return { kind: 'result', result: { ...result, _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } } };
}

/** A legacy server that asks the caller something while it works for two minutes. */
function answerOld(call: UpstreamCall): Script | undefined {
  if (call.method !== 'tools/call') return undefined;
  const params = { message: 'Go on?', requestedSchema: { type: 'object', properties: {} } };
  const question = { jsonrpc: '2.0', id: 'q1', method: 'elicitation/create', params };
  return { kind: 'result', result: textResult('done'), stream: [question, 120_000] };
}

/** `_meta["io.sallyport/refusal"]` of a tool result, or `data` of an error. */
function reasonOf({ response }: HttpAnswer): string | undefined {
  const meta = response?.result?.['_meta'] as Readonly<Record<string, { readonly reason?: string }>> | undefined;
  const data = response?.error?.data as { readonly reason?: string } | undefined;
  return meta?.['io.sallyport/refusal']?.reason ?? data?.reason;
}

function textOf({ response }: HttpAnswer): string | undefined {
  return (response?.result?.['content'] as readonly { readonly text?: string }[] | undefined)?.[0]?.text;
}

/** An answer as far as two callers may compare theirs. */
function shown({ status, headers, text }: HttpAnswer, name: string): readonly unknown[] {
  const id = headers['sallyport-exchange'] ?? '-';
  return [status, headers['content-type'], text.replaceAll(id, 'ID').replaceAll(name, 'NAME')];
}

let rec: RecordingUpstream;
let vault: RecordingUpstream;
let old: RecordingUpstream;
let modern: RecordingUpstream;
beforeAll(async () => {
  rec = await startRecordingUpstream({ tools, script: answerRec });
  vault = await startRecordingUpstream({ tools, script: answerVault });
  modern = await startRecordingUpstream({ era: 'modern', tools });
  old = await startRecordingUpstream({ era: 'legacy', tools, script: answerOld });
});
afterAll(async () => {
  for (const upstream of [rec, vault, old, modern]) await upstream?.close();
});

const config = () => ({
  callers: { keys: true, local: 'everyone' },
  roles: {
    everyone: { tools: ['rec.*', 'old.*', 'new.*'], resources: ['rec.file:///srv/*', 'rec.test://one'] },
    keeper: { tools: ['vault.*'] },
    probing: { tools: ['rec.echo'], prompts: ['rec.greet'], limit: '5/m' },
  },
  limits: {
    perAddress: ample,
    message: '16MiB',
    requestTimeout: `${requestTimeoutMs}ms`,
    concurrentPerCaller: places,
  },
  upstreams: {
    rec: { url: rec.url, ask: ['sampling'] },
    vault: { url: vault.url },
    new: { url: modern.url },
    old: { url: old.url, share: 'caller', ask: ['elicitation'] },
  },
});

describe('a caller with a key', () => {
  let gateway: Gateway;
  let one: string;
  let two: string;
  const names = ['one', 'two', 'wide', 'asked', 'cancels', 'leaves'];
  const keys = new Map<string, string>();
  const keyOf = (name: string) => keys.get(name) ?? '';
  beforeAll(async () => {
    gateway = await startGateway({ config: config() });
    for (const name of names) keys.set(name, await createKey(gateway.dir, { name, role: 'everyone' }));
    [one, two] = [keyOf('one'), keyOf('two')];
    for (const key of keys.values()) await waitFor(async () => (await callTool(key, 'rec__echo')).status === 200);
  }, 60_000);
  afterAll(() => gateway?.stop());

  function callTool(key: string, name: string, args = {}): Promise<HttpAnswer> {
    return postModern(gateway.url, { method: 'tools/call', params: { name, arguments: args }, key });
  }

  /** Asks for a large answer and reads none of it. */
  function askUnread(key: string, args: object): Socket {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': modernRevision,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const params = { name: 'rec__large', arguments: args, _meta: meta };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const head = [
      'POST /mcp HTTP/1.1',
      `Host: ${gateway.host}:${gateway.port}`,
      `Authorization: Bearer ${key}`,
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `Mcp-Protocol-Version: ${modernRevision}`,
      'Mcp-Method: tools/call',
      'Mcp-Name: rec__large',
      `Content-Length: ${body.length}`,
    ];
    const socket = connect({ host: gateway.host, port: gateway.port });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    return socket;
  }

  /** Says whether as many calls as a caller has places run at once. */
  async function fitsAll(key: string): Promise<boolean> {
    const all = await Promise.all(Array.from({ length: places }, () => callTool(key, 'rec__wait', { ms: 200 })));
    return all.every((answer) => reasonOf(answer) === undefined);
  }

  it.each([
    ['a JSON body', false],
    ['an event stream', true],
  ])('keeps its place while it does not read its answer, %s, and is cut off in time', async (_, isStream) => {
    rec.clear();
    const sockets = Array.from({ length: places }, () => askUnread(one, { isStream }));
    try {
      await waitFor(() => rec.of('tools/call').length === places, { what: 'the calls to reach the server' });
      // Long enough for the answers to be back, not for the cut.
      await delay(requestTimeoutMs / 4);
      expect(reasonOf(await callTool(one, 'rec__echo'))).toBe('too-many-at-once');
      expect(reasonOf(await callTool(two, 'rec__echo'))).toBeUndefined();
      await waitFor(() => fitsAll(one), {
        ceilingMs: requestTimeoutMs * 10,
        everyMs: 200,
        what: 'every place to be free again',
      });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('has its place back when it leaves before its answer', async () => {
    for (let round = 0; round < 3; round++) {
      const left = new AbortController();
      const calls = Array.from({ length: places }, () =>
        postModern(gateway.url, {
          method: 'tools/call',
          params: { name: 'rec__wait', arguments: {} },
          key: one,
          signal: left.signal,
        }).catch(() => undefined),
      );
      const before = rec.of('tools/call').length;
      await waitFor(() => rec.of('tools/call').length >= before + places, { what: 'the calls to reach the server' });
      left.abort();
      await Promise.all(calls);
      await waitFor(() => fitsAll(one), { what: 'every place to be free again' });
    }
  });

  it('keeps its place after it left a session’s call, for as long as that runs on', async () => {
    const key = keyOf('leaves');
    const session = await LegacySession.open(gateway.url, { key });
    const left = new AbortController();
    rec.clear();
    const calls = Array.from({ length: places }, () =>
      session
        .request('tools/call', { name: 'rec__wait', arguments: { ms: 3000 } }, { signal: left.signal })
        .catch(() => undefined),
    );
    await waitFor(() => rec.of('tools/call').length === places, { what: 'the calls to reach the server' });
    left.abort();
    await Promise.all(calls);
    await delay(200);
    expect(reasonOf(await callTool(key, 'rec__echo'))).toBe('too-many-at-once');
    await waitFor(() => fitsAll(key), { ceilingMs: 30_000, what: 'every place to be free again' });
  });

  it('costs little memory however much it declares at initialize', async () => {
    const wide = (seed: number) => {
      const members = Array.from({ length: 9000 }, (_, index) => `"${seed}x${index}":[]`).join();
      const kinds = ['elicitation', 'sampling', 'experimental'].map((kind) => `"${kind}":{${members}}`).join();
      return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{${kinds}},"clientInfo":{"name":"x","version":"1"}}}`;
    };
    const resident = () =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    const headers = { authorization: `Bearer ${keyOf('wide')}` };
    const begin = async (seed: number) =>
      expect((await post(gateway.url, wide(seed), { headers })).headers['mcp-session-id']).toBeDefined();
    for (let i = 0; i < 32; i++) await begin(i);
    const before = resident();
    for (let i = 32; i < 288; i++) await begin(i);
    // Kept whole, these sessions take more than a gibibyte.
    expect(resident() - before).toBeLessThan(200);
  }, 120_000);

  describe.each(['/mcp', '/mcp/rec'])('on %s', (path) => {
    const url = () => gateway.url.replace('/mcp', path);
    const written = (uri: string) => (path === '/mcp' ? `mcp+rec:${uri}` : uri);

    it.each([
      'file:///srv/../etc/passwd',
      'file:///srv/..',
      'file:///srv/x/..',
      'file:///srv/x/../../etc',
      'file:///srv/./../etc',
      'file:///srv/%2e%2e/etc',
      'file:///srv/%2E%2e/etc',
      'file:///srv/.%2E/etc',
      'file:///srv/%2e./etc',
      'file:///srv/..\\etc',
      'file:///srv/x\\..\\..\\etc',
      'file:///srv/..%2fetc',
      'file:///srv/..%5Cetc',
      'file:///srv/%2e%2e%2fetc',
      'file:///srv/..?x',
      'file:///srv/..#x',
      // What parsers of URLs take out first.
      'file:///srv/.\t./etc',
      'file:///srv/.\n./etc',
      'file:///srv/\r../etc',
      'file:///srv/.. ',
    ])('[unknown-equals-forbidden] knows no resource whose text leads elsewhere than it says: %j', async (uri) => {
      const missing = 'test://two';
      rec.clear();
      const session = await LegacySession.open(url(), { key: one });
      const ask = async (name: string) => {
        const reference = { ref: { type: 'ref/resource', uri: name }, argument: { name: 'a', value: '' } };
        const answers = [
          await postModern(url(), { method: 'resources/read', params: { uri: name }, key: one }),
          await session.request('resources/read', { uri: name }, { id: 7 }),
          await session.request('resources/subscribe', { uri: name }, { id: 7 }),
          await session.request('resources/unsubscribe', { uri: name }, { id: 7 }),
          await postModern(url(), { method: 'completion/complete', params: reference, key: one }),
        ];
        for (const { response } of answers) expect(response?.error).toBeDefined();
        return answers.map((answer) => shown(answer, JSON.stringify(name).slice(1, -1)));
      };
      expect(await ask(written(uri))).toEqual(await ask(written(missing)));
      const methods = ['resources/read', 'resources/subscribe', 'resources/unsubscribe', 'completion/complete'];
      expect(methods.flatMap((method) => rec.of(method))).toEqual([]);
      // The grant itself is good.
      const good = { method: 'resources/read', params: { uri: written('file:///srv/..a/.b') }, key: one };
      expect((await postModern(url(), good)).response?.result).toBeDefined();
    });
  });

  it('[unknown-equals-forbidden] sees no trace of a server of which it may use nothing', async () => {
    const hello = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
    });
    const bare = { authorization: `Bearer ${one}` };
    const paths: readonly ((url: string) => Promise<HttpAnswer>)[] = [
      (url) => post(url, hello, { headers: bare }),
      (url) => post(url, '{', { headers: bare }),
      (url) => postModern(url, { method: 'server/discover', key: one }),
      (url) => postModern(url, { method: 'tools/list', key: one }),
      (url) => postModern(url, { method: 'nonsense', key: one }),
      (url) => postModern(url, { method: 'tools/call', params: { name: 'echo', arguments: {} }, key: one }),
      (url) => postModern(url, { method: 'subscriptions/listen', params: { notifications: {} }, key: one }),
      (url) => post(url, '', { method: 'GET', headers: { ...bare, 'mcp-session-id': 'x' } }),
      (url) => post(url, '', { method: 'DELETE', headers: { ...bare, 'mcp-session-id': 'x' } }),
    ];
    for (const ask of paths) {
      expect(shown(await ask(`${gateway.url}/vault`), 'vault')).toEqual(
        shown(await ask(`${gateway.url}/ghost`), 'ghost'),
      );
    }
    expect((await paths[0]?.(`${gateway.url}/vault`))?.status).toBe(404);
    const keeper = await createKey(gateway.dir, { name: 'keeper', role: 'keeper' });
    await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key: keeper })).status === 200);
    for (const ask of [
      (key: string) => post(gateway.url, hello, { headers: { authorization: `Bearer ${key}` } }),
      (key: string) => postModern(gateway.url, { method: 'server/discover', key }),
    ]) {
      const known = await ask(keeper);
      const unknown = await ask(one);
      expect(known.text).toContain('The vault opens at noon.');
      expect(known.response?.result?.['capabilities']).toHaveProperty('logging');
      expect(unknown.text).not.toContain('vault');
      expect(unknown.response?.result?.['capabilities']).not.toHaveProperty('logging');
    }
  });

  it.each<[string, string, string, string]>([
    ['tools', 'tools/call', 'rec__wait', 'rec__nope'],
    ['tools of a hidden server', 'tools/call', 'vault__echo', 'ghost__echo'],
    ['resources', 'resources/read', 'mcp+rec:test://one', 'mcp+rec:test://two'],
    ['servers', '/vault', '/vault', '/ghost'],
  ])('[unknown-equals-forbidden] pays for probing %s, there or not', async (what, method, forbidden, missing) => {
    const ways: (readonly unknown[])[][] = [];
    for (const name of [forbidden, missing]) {
      const key = await createKey(gateway.dir, {
        name: `${what} ${name === missing}`.replaceAll(' ', '-'),
        role: 'probing',
      });
      const list = { method: 'ping-nothing', key };
      await waitFor(async () => (await postModern(`${gateway.url}/none`, { ...list, key: `${key}` })).status !== 401);
      const seen: (readonly unknown[])[] = [];
      for (let i = 0; i < 8; i++) {
        const params = method === 'resources/read' ? { uri: name } : { name, arguments: {} };
        const answer = method.startsWith('/')
          ? await postModern(`${gateway.url}${name}`, { method: 'tools/list', key })
          : await postModern(gateway.url, { method, params, key });
        seen.push([answer.status, answer.response?.error?.code, reasonOf(answer)]);
      }
      expect(seen.filter(([, , reason]) => reason === 'limited').length).toBeGreaterThanOrEqual(2);
      expect(seen[0]?.[2]).not.toBe('limited');
      // What it may use is spent as well.
      expect(reasonOf(await callTool(key, 'rec__echo'))).toBe('limited');
      ways.push(seen);
    }
    expect(ways[0]).toEqual(ways[1]);
  });

  it('[any-caller-any-server] gets no questions of a server that are not an object of questions', async () => {
    const answer = await postModern(gateway.url, {
      method: 'tools/call',
      params: { name: 'rec__asks-array', arguments: {} },
      key: one,
      capabilities: { sampling: {}, elicitation: {} },
    });
    expect(reasonOf(answer)).toBe('bad-answer');
    expect(answer.text).not.toContain('sampling');
  });

  it('has one stream for each session: a new one ends the one before', async () => {
    const session = await LegacySession.open(gateway.url, { key: one });
    const ended: number[] = [];
    const opened = [];
    for (let index = 0; index < 4; index++) {
      const stream = await session.stream();
      opened.push(stream);
      void (async () => {
        for await (const message of stream.messages) expect(message).toBeDefined();
        ended.push(index);
      })().catch(() => undefined);
    }
    await waitFor(() => ended.length === 3, { what: 'the streams before to end' });
    await delay(100);
    expect(ended.toSorted()).toEqual([0, 1, 2]);
    for (const stream of opened) stream.close();
    expect(await session.close()).toBe(204);
  });

  it('answers what a server asks while its calls take every place', async () => {
    old.clear();
    const asked = keyOf('asked');
    const capabilities = { elicitation: {} };
    const session = await LegacySession.open(gateway.url, {
      key: asked,
      capabilities,
      answer: () => ({ action: 'accept', content: { said: 'yes' } }),
    });
    const left = new AbortController();
    const calls = Array.from({ length: places }, () =>
      session
        .request('tools/call', { name: 'old__echo', arguments: {} }, { signal: left.signal })
        .catch(() => undefined),
    );
    await waitFor(() => old.requests.filter(({ message }) => message['result'] !== undefined).length === places, {
      what: 'the answers to reach the server',
    });
    expect(reasonOf(await callTool(asked, 'rec__echo'))).toBe('too-many-at-once');
    left.abort();
    await Promise.all(calls);
    await session.close();
  });

  it('cancels a call while its calls take every place', async () => {
    const key = keyOf('cancels');
    const session = await LegacySession.open(gateway.url, { key });
    rec.clear();
    const calls = Array.from({ length: places }, (_, index) =>
      session.request('tools/call', { name: 'rec__wait', arguments: {} }, { id: index }),
    );
    await waitFor(() => rec.of('tools/call').length === places, { what: 'the calls to reach the server' });
    expect(reasonOf(await callTool(key, 'rec__echo'))).toBe('too-many-at-once');
    const { status } = await session.notify('notifications/cancelled', { requestId: 2 });
    expect(status).toBe(202);
    await within(calls[2] ?? Promise.reject(new Error('no call')), 10_000, 'the cancelled call to end');
    await waitFor(async () => reasonOf(await callTool(key, 'rec__echo')) === undefined);
    // The other calls run on.
    expect(rec.of('tools/call').length).toBeGreaterThan(places);
    expect(await session.close()).toBe(204);
    await Promise.all(calls);
  });

  it('[answers-never-cross] gets its own answers for two calls under one id in one session', async () => {
    const session = await LegacySession.open(gateway.url, { key: one });
    const ask = (mark: string, ms: number) =>
      session.request('tools/call', { name: 'rec__wait', arguments: { mark, ms } }, { id: 5 });
    const answers = await Promise.all([ask('slow', 400), ask('fast', 100), ask('middle', 200)]);
    expect(answers.map((answer) => JSON.parse(textOf(answer) ?? '{}') as object)).toMatchObject([
      { mark: 'slow' },
      { mark: 'fast' },
      { mark: 'middle' },
    ]);
    expect(answers.map(({ response }) => response?.id)).toEqual([5, 5, 5]);
  });

  describe('that mirrors arguments in headers', () => {
    const sent = () =>
      modern.of('tools/call').map(({ rawHeaders }) => rawHeaders.filter(([name]) => /^mcp-param-/i.test(name)));
    const call = (args: object) => ({ name: 'new__local', arguments: args });

    it('[judged-is-forwarded] passes each on once', async () => {
      modern.clear();
      for (const headers of [{}, { 'mcp-param-region': 'eu' }, { 'Mcp-Param-Region': 'eu' }]) {
        const answer = await postModern(gateway.url, {
          method: 'tools/call',
          params: call({ region: 'eu' }),
          key: one,
          headers,
        });
        expect(answer.response?.error ?? answer.response?.result).toBeDefined();
      }
      for (const headers of sent()) expect(headers.map(([, value]) => value)).toEqual(['eu']);
      expect(sent().length).toBeGreaterThanOrEqual(2);
    });

    it('[judged-is-forwarded] is refused where they disagree with the arguments', async () => {
      modern.clear();
      for (const headers of [{ 'mcp-param-region': 'us' }, { 'mcp-param-region': ['eu', 'us'] }]) {
        const answer = await postModern(gateway.url, {
          method: 'tools/call',
          params: call({ region: 'eu' }),
          key: one,
          headers,
        });
        expect(answer.response?.result?.['isError'] ?? answer.response?.error).toBeTruthy();
      }
      expect(modern.of('tools/call')).toEqual([]);
    });

    it('[judged-is-forwarded] forges none in a legacy session', async () => {
      modern.clear();
      const headers = { 'mcp-param-region': 'forged', 'Mcp-Param-Other': 'forged' };
      const session = await LegacySession.open(gateway.url, { key: one, headers });
      await session.request('tools/call', call({ region: 'eu' }));
      await session.request('tools/call', call({}));
      expect(sent().map((all) => all.map(([, value]) => value))).toEqual([['eu'], []]);
    });
  });

  describe('on stdio', () => {
    const hello = {
      id: 'hello',
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
    };
    const line = (message: object) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
    const call = (id: number | string, args: object) => ({
      id,
      method: 'tools/call',
      params: { name: 'rec__wait', arguments: args },
    });

    it('cancels a call with the very next line', async () => {
      const door = startStdioDoor(gateway.configPath, gateway.dir);
      try {
        await door.request({ jsonrpc: '2.0', ...hello });
        for (let round = 0; round < 5; round++) {
          const cancelled = { method: 'notifications/cancelled', params: { requestId: 'gone' } };
          door.write(line(call('gone', {})) + line(cancelled) + line(call(`stays${round}`, { ms: 1 })));
          await waitFor(() => door.messages.some(({ id }) => id === `stays${round}`), { what: 'the other answer' });
        }
        // More rounds than places: the cancelled calls hold none.
        expect(door.messages.filter(({ id }) => id === 'gone')).toEqual([]);
        expect(door.messages.every(({ error }) => error === undefined)).toBe(true);
        expect(door.messages.every(({ result }) => result?.['isError'] !== true)).toBe(true);
      } finally {
        await door.stop();
      }
    });

    it('[answers-never-cross] gets its own answers for two calls under one id', async () => {
      const door = startStdioDoor(gateway.configPath, gateway.dir);
      try {
        await door.request({ jsonrpc: '2.0', ...hello });
        door.write(line(call(5, { mark: 'slow', ms: 300 })) + line(call(5, { mark: 'fast', ms: 50 })));
        const marks = () => door.messages.filter(({ id }) => id === 5).map((message) => JSON.stringify(message.result));
        await waitFor(() => marks().length === 2, { what: 'both answers' });
        expect(marks().map((text) => /slow|fast/.exec(text)?.[0])).toEqual(['fast', 'slow']);
      } finally {
        await door.stop();
      }
    });

    it.each(['joins a gateway', 'is alone'])(
      '[any-client] gets every answer to what was piped in when it %s',
      async (how) => {
        const folder: GatewayFolder | undefined = how === 'is alone' ? await prepareFolder(config()) : undefined;
        const { dir, configPath } = folder ?? gateway;
        try {
          const lines = [
            hello,
            { method: 'notifications/initialized' },
            call(1, { ms: 300 }),
            { id: 2, method: 'ping' },
          ];
          const words = lines.map((message) => `'${JSON.stringify({ jsonrpc: '2.0', ...message })}'`).join(' ');
          const script = `printf '%s\\n' ${words} | '${sallyportBin}' run --stdio -c '${configPath}'`;
          const child = spawn('sh', ['-c', script], {
            cwd: dir,
            env: baseEnvironment(dir),
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          let out = '';
          let errors = '';
          child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
          child.stderr.setEncoding('utf8').on('data', (text: string) => void (errors += text));
          const code = await within(
            new Promise((resolve) => {
              child.once('close', resolve);
            }),
            30_000,
            `the pipe to end\n${errors}`,
          );
          const answers = out
            .split('\n')
            .filter((text) => text !== '')
            .map((text) => JSON.parse(text) as WireMessage);
          const ids = answers.flatMap(({ id, result }) => (result === undefined ? [] : [String(id)]));
          expect([code, ids.toSorted()]).toEqual([0, ['1', '2', 'hello']]);
        } finally {
          await folder?.remove();
        }
      },
    );
  });
});

describe('a caller that leaves while its server starts', () => {
  it('keeps no place', async () => {
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    let isHeld = true;
    const slow = await startRecordingUpstream({
      tools,
      script: async (call) => {
        if (isHeld && (call.method === 'server/discover' || call.method === 'initialize')) await started;
        return answerRec(call);
      },
    });
    const gateway = await startGateway({
      config: {
        admin: false,
        callers: { anonymous: 'everyone' },
        roles: { everyone: { tools: ['rec.*'] } },
        limits: { perAddress: ample, concurrentPerCaller: 2 },
        upstreams: { rec: { url: slow.url } },
      },
    });
    try {
      const left = new AbortController();
      const ask = (signal?: AbortSignal) =>
        postModern(gateway.url, {
          method: 'tools/call',
          params: { name: 'rec__echo', arguments: {} },
          ...(signal === undefined ? {} : { signal }),
        });
      const calls = [ask(left.signal), ask(left.signal)].map((call) => call.catch(() => undefined));
      await delay(300);
      left.abort();
      await Promise.all(calls);
      await delay(100);
      isHeld = false;
      start();
      await waitFor(async () => reasonOf(await ask()) !== 'unavailable');
      await delay(100);
      const both = await Promise.all([ask(), ask()]);
      expect(both.map(reasonOf)).toEqual([undefined, undefined]);
    } finally {
      start();
      await gateway.stop();
      await slow.close();
    }
  });
});

describe('a caller that wants to listen to more than its share', () => {
  let gateway: Gateway;
  let shared: RecordingUpstream;
  beforeAll(async () => {
    shared = await startRecordingUpstream({
      era: 'legacy',
      tools,
      script: ({ method, params }) => {
        if (method === 'initialize') {
          const serverInfo = { name: 'shared', version: '1' };
          const capabilities = { tools: {}, resources: { subscribe: true } };
          const result = { protocolVersion: params['protocolVersion'], capabilities, serverInfo };
          return { kind: 'result', result, headers: { 'mcp-session-id': 's1' } };
        }
        if (method === 'tools/call') {
          const _meta = { 'io.sallyport/refusal': { reason: 'denied', exchange: 'fake0000' } };
          return { kind: 'result', result: { content: [], _meta } };
        }
        return method.startsWith('resources/') && method.endsWith('subscribe')
          ? { kind: 'result', result: {} }
          : undefined;
      },
    });
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { reader: { tools: ['*'], resources: ['*'] } },
        limits: { perAddress: ample },
        upstreams: {
          few: { url: shared.url, share: 'all', limit: '3/h' },
          many: { url: shared.url, share: 'all' },
        },
      },
    });
  }, 60_000);
  afterAll(async () => {
    await gateway?.stop();
    await shared?.close();
  });

  /** How many of these resources were honoured; leaves when the test does. */
  async function listenTo(server: string, uris: readonly unknown[], key: string, signal: AbortSignal): Promise<number> {
    return within(
      new Promise<number>((resolve, reject) => {
        postModern(`${gateway.url}/${server}`, {
          method: 'subscriptions/listen',
          params: { notifications: { resourceSubscriptions: uris } },
          key,
          signal,
          onMessage: ({ method, params }) => {
            if (method !== 'notifications/subscriptions/acknowledged') return;
            const { notifications } = params as { notifications: { resourceSubscriptions?: readonly string[] } };
            resolve(notifications.resourceSubscriptions?.length ?? 0);
          },
        }).then(({ text }) => reject(new Error(text)), reject);
      }),
      30_000,
      'the acknowledgement',
    );
  }

  const uris = (name: string, count: number) => Array.from({ length: count }, (_, i) => `test://${name}/${i}`);
  const subscribes = () => shared.requests.filter(({ method }) => method === 'resources/subscribe').length;

  it('reaches a server no more often than its limit allows', async () => {
    const key = await createKey(gateway.dir, { name: 'eager', role: 'reader' });
    const left = new AbortController();
    try {
      const before = subscribes();
      expect(await listenTo('few', uris('eager', 200), key, left.signal)).toBe(3);
      expect(subscribes() - before).toBe(3);
    } finally {
      left.abort();
    }
  });

  it('leaves places of a shared server to others', async () => {
    const [greedy, other] = await Promise.all(
      ['greedy', 'other'].map((name) => createKey(gateway.dir, { name, role: 'reader' })),
    );
    const left = new AbortController();
    try {
      const all = [];
      for (let i = 0; i < 3; i++) {
        all.push(await listenTo('many', uris(`greedy${i}`, 1000), greedy ?? '', left.signal));
      }
      expect(all).toEqual([1000, 250, 0]);
      expect(await listenTo('many', uris('other', 1), other ?? '', left.signal)).toBe(1);
    } finally {
      left.abort();
    }
  });

  it('is told what is wrong with resources that are not text', async () => {
    const key = await createKey(gateway.dir, { name: 'odd', role: 'reader' });
    for (const uri of [{ toString: 1 }, { toString: null, valueOf: null }, 7]) {
      const answer = await postModern(gateway.url, {
        method: 'subscriptions/listen',
        params: { notifications: { resourceSubscriptions: [uri] } },
        key,
      });
      expect([answer.status, answer.response?.error?.code]).toEqual([400, -32602]);
    }
  });

  it('hears no refusal that the gateway has not said', async () => {
    const key = await createKey(gateway.dir, { name: 'called', role: 'reader' });
    for (const [url, name] of [
      [gateway.url, 'many__echo'],
      [`${gateway.url}/many`, 'echo'],
    ] as const) {
      const answer = await postModern(url, { method: 'tools/call', params: { name, arguments: {} }, key });
      expect(answer.response?.result).toMatchObject({ content: [] });
      expect(reasonOf(answer)).toBeUndefined();
    }
    const session = await LegacySession.open(gateway.url, { key });
    expect((await session.request('tools/call', { name: 'many__echo', arguments: {} })).text).not.toContain('fake0000');
  });
});

describe('a caller that listens', () => {
  let gateway: Gateway;
  let speaker: RecordingUpstream;
  let text: string;
  beforeAll(async () => {
    speaker = await startRecordingUpstream({
      tools,
      script: ({ method, params, id }) => {
        if (method !== 'subscriptions/listen') return undefined;
        const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
        const acknowledged = {
          jsonrpc: '2.0',
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: params['notifications'], _meta },
        };
        const update = {
          jsonrpc: '2.0',
          method: 'notifications/resources/updated',
          params: { uri: 'test://one', _meta },
        };
        const updates = Array.from({ length: 2000 }, () => [50, update]).flat();
        return { kind: 'result', stream: [acknowledged, ...updates], result: { resultType: 'complete' } };
      },
    });
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { reader: { tools: ['say.echo'], resources: ['say.test://one'] } },
        limits: { perAddress: ample },
        upstreams: { say: { url: speaker.url } },
      },
    });
    text = await readFile(gateway.configPath, 'utf8');
  }, 60_000);
  afterAll(async () => {
    await gateway?.stop();
    await speaker?.close();
  });

  const within1s = 1000;

  async function makeKey(name: string, more: readonly string[] = []): Promise<string> {
    const args = ['keys', 'create', '--name', name, '--role', 'reader', ...more, '--json', '-c', gateway.configPath];
    const { key } = JSON.parse((await runSallyport(args, gateway.dir)).stdout) as { readonly key: string };
    await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key })).status === 200);
    return key;
  }

  /** Listens to the resource over a modern stream, and opens the stream of a legacy session. */
  async function listen(key: string) {
    const heard = { updates: 0, isOver: false, isSessionOver: false };
    const left = new AbortController();
    void postModern(gateway.url, {
      method: 'subscriptions/listen',
      params: { notifications: { resourceSubscriptions: ['mcp+say:test://one'] } },
      key,
      signal: left.signal,
      onMessage: ({ method }) => {
        if (method === 'notifications/resources/updated') heard.updates += 1;
      },
    })
      .catch(() => undefined)
      .finally(() => {
        heard.isOver = true;
      });
    const session = await LegacySession.open(gateway.url, { key });
    const stream = await session.stream();
    void (async () => {
      for await (const message of stream.messages) expect(message).toBeDefined();
    })()
      .catch(() => undefined)
      .finally(() => {
        heard.isSessionOver = true;
      });
    await waitFor(() => heard.updates > 2, { what: 'updates' });
    const leave = () => {
      left.abort();
      stream.close();
    };
    return { heard, leave };
  }

  /** How many updates came in the time in which twenty would have. */
  async function heardLater(heard: { readonly updates: number }): Promise<number> {
    const before = heard.updates;
    await delay(within1s);
    return heard.updates - before;
  }

  it('hears nothing of a blocked server, and hears again when it is no longer blocked', async () => {
    const { heard, leave } = await listen(await makeKey('block'));
    await runSallyport(['block', 'say', '-c', gateway.configPath], gateway.dir);
    await delay(within1s);
    expect(await heardLater(heard)).toBe(0);
    await runSallyport(['unblock', 'say', '-c', gateway.configPath], gateway.dir);
    await delay(within1s);
    expect([(await heardLater(heard)) > 0, heard.isOver]).toEqual([true, false]);
    leave();
  });

  it('[config-reload] hears nothing of a resource that a reload took away', async () => {
    const key = await makeKey('reload');
    const { heard, leave } = await listen(key);
    const read = () =>
      postModern(gateway.url, { method: 'resources/read', params: { uri: 'mcp+say:test://one' }, key });
    expect((await read()).response?.result).toBeDefined();
    await writeFile(gateway.configPath, text.replace('"say.test://one"', '"say.test://two"'));
    await waitFor(async () => (await read()).response?.error !== undefined, { what: 'the reload' });
    await delay(100);
    expect(await heardLater(heard)).toBe(0);
    await writeFile(gateway.configPath, text);
    await waitFor(async () => (await read()).response?.result !== undefined, { what: 'the reload back' });
    leave();
  });

  it('[api-keys] is cut off when its key is revoked', async () => {
    const stays = await listen(await makeKey('stays'));
    const { heard, leave } = await listen(await makeKey('revoked'));
    await runSallyport(['keys', 'revoke', 'revoked', '-c', gateway.configPath], gateway.dir);
    await waitFor(() => heard.isOver && heard.isSessionOver, { what: 'the streams to end' });
    expect([stays.heard.isOver, stays.heard.isSessionOver, (await heardLater(stays.heard)) > 0]).toEqual([
      false,
      false,
      true,
    ]);
    leave();
    stays.leave();
  });

  it('[api-keys] is cut off when its key expires', async () => {
    const key = await makeKey('expires', ['--expires', '5s']);
    const { heard, leave } = await listen(key);
    await waitFor(() => heard.isOver && heard.isSessionOver, { ceilingMs: 60_000, what: 'the streams to end' });
    expect((await postModern(gateway.url, { method: 'tools/list', key })).status).toBe(401);
    leave();
  });
});
