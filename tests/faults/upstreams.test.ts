/** Real servers that die, hang, lie and flood: what the upstream links and their keepers make of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCanceller } from '@sallyport/guard';
import type { AcquireWish, HttpOptions, LinkListener, StdioOptions, Upstream } from '@sallyport/gateway';
import type { Message } from '@sallyport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import {
  discovery,
  initialization,
  openEvents,
  sendEvent,
  sendJson,
  startHttpFixture,
  type Call,
  type HttpFixture,
} from '../fixtures/upstreams/http-server.ts';
import { callerOf, callTool, reasonOf, silent, startUpstream, takeLink, textOf } from '../fixtures/upstreams/links.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/upstreams/stdio-server.ts', import.meta.url));
const SDK_FIXTURE = fileURLToPath(new URL('../fixtures/upstreams/sdk-server.ts', import.meta.url));
const EVERYTHING = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
);
/** A legacy server that answers a call with lines that are no messages, as fast as they are taken. */
const NOISY = `
  const out = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
  const noise = 'x\\n'.repeat(32768);
  const flood = () => {
    process.stdout.write(noise, () => setImmediate(flood));
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    const serverInfo = { name: 'noisy', version: '1' };
    if (method === 'initialize') {
      out({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } });
    } else if (method === 'tools/call') flood();
    else if (id !== undefined) out({ id, error: { code: -32601, message: 'no' } });
  });
`;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const start = async (...given: Parameters<typeof startUpstream>): Promise<Upstream> => {
  const upstream = await startUpstream(...given);
  ends.push(() => upstream.stop());
  return upstream;
};

const stdio = (flags: readonly string[] = [], env: Record<string, string> = {}): StdioOptions => ({
  kind: 'stdio',
  command: [process.execPath, FIXTURE, ...flags],
  env,
  cwd: process.cwd(),
});

const http = (url: string, headers: Record<string, string> = {}): HttpOptions => ({ kind: 'http', url, headers });

const serve = async (handler: (call: Call) => void, port = 0): Promise<HttpFixture> => {
  const fixture = await startHttpFixture(handler, port);
  ends.push(() => fixture.close());
  return fixture;
};

const anyone = callerOf('modern');

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
};

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('the era of a local server', () => {
  it('[any-server] is legacy when server/discover meets an error', async () => {
    const upstream = await start({ transport: stdio() });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy', revision: '2025-11-25', restarts: 0 });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { text: 'hi' }))).toBe('hi');
  });

  it('is modern when server/discover is answered', async () => {
    const upstream = await start({ transport: stdio(['--era=modern', '--noise']) });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'modern', revision: '2026-07-28' });
    expect(upstream.status().serverInfo).toMatchObject({ name: 'stdio-fixture' });
    expect(upstream.status().counters.dropped).toBe(2);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { text: 'hi' }))).toBe('hi');
  });

  it('is legacy when server/discover meets silence', async () => {
    const upstream = await start({ transport: stdio(['--silent-discover']), tuning: { probeMs: 100 } });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
  });

  it('is legacy when the server dies of server/discover, which then gets a process that never sees one', async () => {
    const upstream = await start({ transport: stdio(['--die-on-discover']) });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
  });

  it('is modern also when the server starts so slowly that initialize went out meanwhile', async () => {
    const upstream = await start({ transport: stdio(['--era=modern', '--delay=600']), tuning: { probeMs: 100 } });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'modern' });
  });

  it('is found for the official legacy server', async () => {
    const upstream = await start({
      transport: { kind: 'stdio', command: [process.execPath, EVERYTHING, 'stdio'], env: {}, cwd: process.cwd() },
    });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { message: 'hello' }))).toContain('hello');
  });

  it('is found for a modern server of the official SDK', async () => {
    const upstream = await start({
      transport: { kind: 'stdio', command: [process.execPath, SDK_FIXTURE, 'stdio'], env: {}, cwd: process.cwd() },
    });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'modern' });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { text: 'hello' }))).toBe('hello');
  });
});

describe('a local server', () => {
  it('keeps the answers of many calls at once apart', async () => {
    const link = await takeLink(await start({ transport: stdio() }));
    const texts = Array.from({ length: 500 }, (_, index) => `text ${index}`);
    const answers = await Promise.all(
      texts.map((text, index) => callTool(link, 'echo', { text, ms: (index * 7) % 20 })),
    );
    expect(answers.map(textOf)).toEqual(texts);
    expect(link.pending).toBe(0);
  });

  it('[child-custody] killed mid-call fails the call within a second, and the next call works', async () => {
    const upstream = await start({ transport: stdio() });
    const link = await takeLink(upstream);
    const before = performance.now();
    const waiting = callTool(link, 'hang');
    const { pid } = upstream.status();
    if (pid === undefined) throw new Error('no process');
    process.kill(pid, 'SIGKILL');
    const answer = await waiting;
    expect(performance.now() - before).toBeLessThan(1000);
    expect(answer).toMatchObject({ kind: 'failure', failure: { reason: 'closed', detail: 'signal SIGKILL' } });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { text: 'again' }))).toBe('again');
    expect(upstream.status()).toMatchObject({ state: 'ready', restarts: 1 });
  });

  it('that ends itself mid-call fails the call with its exit code for the log only', async () => {
    const link = await takeLink(await start({ transport: stdio() }));
    const answer = await callTool(link, 'exit');
    expect(answer).toMatchObject({ kind: 'failure', failure: { reason: 'closed', detail: 'exit code 3' } });
    if (answer.kind === 'failure') expect(answer.failure.text).not.toContain('3');
  });

  it('[child-custody] that never answers meets the deadline, and other calls go on', async () => {
    const link = await takeLink(await start({ transport: stdio() }));
    expect(reasonOf(await callTool(link, 'hang', {}, { timeoutMs: 100 }))).toBe('timeout');
    expect(textOf(await callTool(link, 'echo', { text: 'on' }))).toBe('on');
  });

  it('is told when a caller gives up', async () => {
    const link = await takeLink(await start({ transport: stdio() }));
    const canceller = createCanceller();
    const waiting = callTool(link, 'hang', {}, { canceller });
    canceller.cancel('gone');
    expect(reasonOf(await waiting)).toBe('cancelled');
    expect(link.pending).toBe(0);
  });

  it('that prints 256 MiB without a line end costs little memory and loses no other answer', async () => {
    const upstream = await start({ transport: stdio(), tuning: { messageBytes: 1024 * 1024 } });
    const link = await takeLink(upstream);
    let peak = 0;
    const before = process.memoryUsage();
    const watch = setInterval(() => {
      const { external, heapUsed } = process.memoryUsage();
      peak = Math.max(peak, external + heapUsed - before.external - before.heapUsed);
    }, 5);
    const answer = await callTool(link, 'flood', { mebibytes: 256 });
    clearInterval(watch);
    expect(textOf(answer)).toBe('flooded');
    expect(peak).toBeLessThan(128 * 1024 * 1024);
    expect(upstream.status().counters.dropped).toBe(1);
  });

  it('that prints short lines without end keeps nobody else waiting', async () => {
    const upstream = await start({
      transport: { kind: 'stdio', command: [process.execPath, '-e', NOISY], env: {}, cwd: process.cwd() },
    });
    void callTool(await takeLink(upstream), 'flood');
    await until(() => upstream.status().counters.dropped > 0);
    let longest = 0;
    let last = performance.now();
    const end = last + 1500;
    while (last < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    expect(upstream.status().counters.dropped).toBeGreaterThan(1000);
    expect(longest).toBeLessThan(500);
  });

  it('[child-custody] that ignores SIGTERM and forks leaves no process behind', async () => {
    const upstream = await start({ transport: stdio(['--ignore-sigterm', '--fork']), tuning: { stopMs: 200 } });
    const pids = JSON.parse(textOf(await callTool(await takeLink(upstream), 'fork'))) as number[];
    const { pid } = upstream.status();
    const family = [...pids, ...(pid === undefined ? [] : [pid])];
    expect(family.filter(isAlive)).toHaveLength(3);
    await upstream.stop();
    expect(family.filter(isAlive)).toEqual([]);
  });

  it('[child-custody] that crashes takes along what it started, also what left its group and session', async () => {
    const upstream = await start({ transport: stdio() });
    const grandchildren = JSON.parse(textOf(await callTool(await takeLink(upstream), 'fork'))) as number[];
    expect(grandchildren.filter(isAlive)).toHaveLength(2);
    await callTool(await takeLink(upstream), 'exit');
    await until(() => !grandchildren.some(isAlive));
    await upstream.stop();
  });

  it("[child-env] sees of the environment what is listed, and PATH, and nothing of the gateway's", async () => {
    process.env['SALLYPORT_TEST_CANARY'] = `canary-${process.pid}`;
    const upstream = await start({ transport: stdio([], { LISTED: 'yes' }) });
    const seen = JSON.parse(textOf(await callTool(await takeLink(upstream), 'env'))) as Record<string, string>;
    delete process.env['SALLYPORT_TEST_CANARY'];
    expect(seen).toEqual({ LISTED: 'yes', PATH: process.env['PATH'], SALLYPORT_UPSTREAM: expect.any(String) });
  });

  it('that cannot be started is sick, says why to the operator, and fails calls at once', async () => {
    const transport: StdioOptions = { kind: 'stdio', command: ['/no/such/program'], env: {}, cwd: process.cwd() };
    const upstream = await start({ transport, tuning: { backoffMs: 60_000, maxBackoffMs: 60_000 } });
    expect(upstream.status()).toMatchObject({ state: 'sick' });
    expect(upstream.status().lastError).toContain('ENOENT');
    const opening = await upstream.acquire(anyone);
    expect(opening).toMatchObject({ kind: 'failure', failure: { reason: 'unreachable' } });
    if (opening.kind === 'failure') expect(opening.failure.text).not.toContain('/no/such');
  });

  it('delivers progress to the call that it belongs to', async () => {
    const link = await takeLink(await start({ transport: stdio() }));
    const heard: unknown[] = [];
    const listener = { ...silent, onMessage: (message: Message) => void heard.push(message.params?.['progress']) };
    expect(textOf(await callTool(link, 'progress', {}, { listener }))).toBe('done');
    expect(heard).toEqual([1, 2, 3]);
  });

  it('may ask the caller whose own conversation it is, and nobody on a shared one', async () => {
    const listener: LinkListener = {
      onMessage: () => {},
      onRequest: () => Promise.resolve({ kind: 'result', body: Buffer.from('{"action":"accept"}') }),
    };
    const own = await start({ transport: stdio(), share: 'caller', ask: ['elicitation'] });
    const wish: AcquireWish = { ...anyone, clientCapabilities: { elicitation: {}, sampling: {} } };
    expect(textOf(await callTool(await takeLink(own, wish), 'ask', {}, { listener }))).toContain('"action":"accept"');

    const shared = await start({ transport: stdio(), share: 'all', ask: ['elicitation'] });
    expect(textOf(await callTool(await takeLink(shared, wish), 'ask', {}, { listener }))).toContain('-32601');
    expect(shared.status().counters.refusedRequests).toBe(1);
  });

  it('runs once for each caller where the entry says so', async () => {
    const upstream = await start({ transport: stdio(), share: 'caller' });
    const pidOf = async (scope: string): Promise<string> =>
      textOf(await callTool(await takeLink(upstream, { ...anyone, scope }), 'pid'));
    const [first, second, again] = [await pidOf('key:a'), await pidOf('key:b'), await pidOf('key:a')];
    expect(second).not.toBe(first);
    expect(again).toBe(first);
    expect(upstream.status().links).toBe(3);
  });

  it('of one caller stays, whatever another caller opens or says that it can be asked', async () => {
    const upstream = await start({
      transport: stdio(),
      share: 'session',
      ask: ['elicitation'],
      tuning: { maxLinks: 8 },
    });
    const pidOf = async (owner: string, scope: string, elicitation: object = {}): Promise<string> => {
      const wish: AcquireWish = { era: 'legacy', scope, owner, clientCapabilities: { elicitation } };
      return textOf(await callTool(await takeLink(upstream, wish), 'pid'));
    };
    const first = await pidOf('key:a', 'session-1');
    for (let turn = 0; turn < 12; turn += 1) await pidOf('key:b', `session-b${turn}`);
    const variants = [await pidOf('key:b', 'session-c', { n: 1 }), await pidOf('key:b', 'session-c', { n: 2 })];
    expect(variants[1]).toBe(variants[0]);
    expect(await pidOf('key:a', 'session-1')).toBe(first);
    expect(upstream.status().links).toBe(4);
  });

  it('is heard on standard error by the log', async () => {
    const upstream = await start({ transport: stdio() });
    const lines: string[] = [];
    upstream.onLog((entry) => {
      if (entry.level === 'stderr') lines.push(entry.text);
    });
    await callTool(await takeLink(upstream), 'stderr');
    await until(() => lines.length > 0);
    expect(lines).toEqual(['a word from the server']);
  });
});

/** A modern server whose tools/call does what the test says. */
const modern = (onCall: (call: Call) => void): Promise<HttpFixture> =>
  serve((incoming) => {
    const { message, response } = incoming;
    if (message.method === 'server/discover') sendJson(response, { id: message.id, result: discovery() });
    else onCall(incoming);
  });

const done = (text: string): object => ({ resultType: 'complete', content: [{ type: 'text', text }] });

describe('a modern server at a URL', () => {
  it('gets its headers and our own credentials with each call', async () => {
    const fixture = await modern(({ request, response, message }) =>
      sendJson(response, { id: message.id, result: done(JSON.stringify(request.headers)) }),
    );
    const token = `Bearer ${'t'.repeat(8)}${process.pid}`;
    const upstream = await start({ transport: http(fixture.url, { Authorization: token }) });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'modern', transport: 'http' });
    const headers = JSON.parse(textOf(await callTool(await takeLink(upstream), 'grüß'))) as Record<string, string>;
    expect(headers).toMatchObject({
      authorization: token,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': `=?base64?${Buffer.from('grüß').toString('base64')}?=`,
    });
  });

  it('may answer with a stream of progress and a result', async () => {
    const fixture = await modern(({ response, message }) => {
      openEvents(response);
      sendEvent(response, { method: 'notifications/progress', params: { progressToken: message.id, progress: 1 } });
      sendEvent(response, { id: message.id, result: done('streamed') });
      response.end();
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    const heard: string[] = [];
    const listener: LinkListener = {
      ...silent,
      onStream: () => void heard.push('stream'),
      onMessage: (message) => void heard.push(String(message.method)),
    };
    expect(textOf(await callTool(link, 'echo', {}, { listener }))).toBe('streamed');
    expect(heard).toEqual(['stream', 'notifications/progress']);
  });

  it('that hangs meets the deadline, and its connection is closed', async () => {
    let isClosed = false;
    const fixture = await modern(({ response }) => {
      response.on('close', () => {
        isClosed = true;
      });
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    expect(reasonOf(await callTool(link, 'hang', {}, { timeoutMs: 100 }))).toBe('timeout');
    await until(() => isClosed);
  });

  it('sees the connection close when a caller gives up', async () => {
    let isClosed = false;
    const canceller = createCanceller();
    const fixture = await modern(({ response }) => {
      response.on('close', () => {
        isClosed = true;
      });
      canceller.cancel('gone');
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    expect(reasonOf(await callTool(link, 'hang', {}, { canceller }))).toBe('cancelled');
    await until(() => isClosed);
  });

  it('that resets the connection is not sent the call again', async () => {
    const fixture = await modern(({ request }) => request.socket.resetAndDestroy());
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    expect(reasonOf(await callTool(link, 'echo'))).toBe('unreachable');
    expect(fixture.log).toEqual(['POST server/discover', 'POST tools/call']);
  });

  it('that drops its stream before the answer is not sent the call again', async () => {
    const fixture = await modern(({ response }) => {
      openEvents(response);
      response.end();
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    expect(reasonOf(await callTool(link, 'echo'))).toBe('unreachable');
    expect(fixture.log).toEqual(['POST server/discover', 'POST tools/call']);
  });

  it.each([
    ['JSON', (incoming: Call) => sendJson(incoming.response, { id: 999, result: done('not yours') })],
    [
      'a stream',
      (incoming: Call) => {
        openEvents(incoming.response);
        sendEvent(incoming.response, { id: 999, result: done('not yours') });
      },
    ],
    ['an error', (incoming: Call) => sendJson(incoming.response, { id: 999, error: { code: 1, message: 'x' } })],
    ['no id', (incoming: Call) => sendJson(incoming.response, { result: done('not yours') })],
  ])("is not believed when it answers another's request (%s)", async (_what, onCall) => {
    const link = await takeLink(await start({ transport: http((await modern(onCall)).url) }));
    expect(reasonOf(await callTool(link, 'echo'))).toBe('bad-answer');
  });

  it.each([
    [302, {}, 'bad-answer'],
    [307, {}, 'bad-answer'],
    [401, {}, 'unauthorized'],
    [403, {}, 'unauthorized'],
    [429, { 'retry-after': '7' }, 'busy'],
    [500, {}, 'bad-answer'],
    [502, {}, 'unreachable'],
    [503, {}, 'busy'],
  ])('that answers with status %i is understood', async (status, headers, reason) => {
    const fixture = await modern(({ response }) => {
      response.writeHead(status, { location: '/elsewhere', 'content-type': 'text/html', ...headers });
      response.end('<h1>secret inner page</h1>');
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    const answer = await callTool(link, 'echo');
    expect(reasonOf(answer)).toBe(reason);
    if (answer.kind === 'failure') {
      expect(answer.failure.text).not.toContain('secret');
      expect(answer.failure.retryAfterMs).toBe(status === 429 ? 7000 : undefined);
    }
    expect(fixture.log).toEqual(['POST server/discover', 'POST tools/call']);
  });

  it('passes a protocol error under an error status', async () => {
    const fixture = await modern(({ response, message }) =>
      sendJson(response, { id: message.id, error: { code: -32601, message: 'no' } }, 404),
    );
    const answer = await callTool(await takeLink(await start({ transport: http(fixture.url) })), 'echo');
    expect(answer).toMatchObject({ kind: 'answer', httpStatus: 404 });
  });

  it.each([
    [
      'declared',
      (response: Call['response'], id: unknown) => sendJson(response, { id, result: done('x'.repeat(5000)) }),
    ],
    [
      'undeclared',
      (response: Call['response'], id: unknown) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"text":"`);
        for (let round = 0; round < 10; round += 1) response.write('x'.repeat(500));
        response.end('"}}');
      },
    ],
    [
      'streamed',
      (response: Call['response'], id: unknown) => {
        openEvents(response);
        sendEvent(response, { id, result: done('x'.repeat(5000)) });
      },
    ],
  ])('cannot answer with more than a message may hold (%s)', async (_how, answer) => {
    const fixture = await modern(({ response, message }) => answer(response, message.id));
    const link = await takeLink(await start({ transport: http(fixture.url), tuning: { messageBytes: 2000 } }));
    expect(reasonOf(await callTool(link, 'echo'))).toBe('too-large');
  });

  it('that is away is sick, and ready again by itself when it is back', async () => {
    const first = await modern(({ response, message }) => sendJson(response, { id: message.id, result: done('ok') }));
    const port = Number(new URL(first.url).port);
    const upstream = await start({ transport: http(first.url) });
    const link = await takeLink(upstream);
    await first.close();
    expect(reasonOf(await callTool(link, 'echo'))).toBe('unreachable');
    await until(() => upstream.status().state === 'sick');
    await serve(({ response, message }) => {
      sendJson(response, { id: message.id, result: message.method === 'server/discover' ? discovery() : done('back') });
    }, port);
    await until(() => upstream.status().state === 'ready');
    expect(textOf(await callTool(await takeLink(upstream), 'echo'))).toBe('back');
  });

  it('is found when it is made with the official SDK', async () => {
    const child = spawn(process.execPath, [SDK_FIXTURE, 'http'], { stdio: ['ignore', 'pipe', 'inherit'] });
    ends.push(async () => void child.kill());
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const upstream = await start({ transport: http(`http://127.0.0.1:${port.toString().trim()}/mcp`) });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'modern' });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { text: 'hello' }))).toBe('hello');
  });
});

/** A legacy server with sessions; tools/call and GET do what the test says. */
interface LegacyBehaviour {
  readonly onCall?: (call: Call) => void;
  readonly onGet?: (call: Call) => void;
}

const legacy = async (behaviour: LegacyBehaviour): Promise<HttpFixture & { readonly sessions: string[] }> => {
  const sessions: string[] = [];
  const fixture = await serve((incoming) => {
    const { request, response, message } = incoming;
    const session = request.headers['mcp-session-id'];
    if (request.method === 'GET') {
      if (behaviour.onGet === undefined) response.writeHead(405).end();
      else behaviour.onGet(incoming);
    } else if (request.method === 'DELETE') {
      response.writeHead(200).end();
    } else if (message.method === 'initialize') {
      const id = `session-${sessions.length + 1}`;
      sessions.push(id);
      sendJson(response, { id: message.id, result: initialization() }, 200, { 'mcp-session-id': id });
    } else if (session === undefined) {
      response.writeHead(400, { 'content-type': 'text/plain' }).end('no session');
    } else if (message.id === undefined || message.method === undefined) {
      response.writeHead(202).end();
    } else {
      behaviour.onCall?.(incoming);
    }
  });
  return { ...fixture, sessions };
};

describe('a legacy server at a URL', () => {
  it('that refuses server/discover with an error of its era gives no cause for a warning', async () => {
    const asked: unknown[] = [];
    const fixture = await serve(({ response, message }) => {
      asked.push(message.method);
      if (message.method === 'initialize') sendJson(response, { id: message.id, result: initialization() });
      else if (message.method === 'server/discover') {
        sendJson(response, { id: null, error: { code: -32_000, message: 'no session' } }, 400);
      } else response.writeHead(202).end();
    });
    const warnings: string[] = [];
    const upstream = await start({ transport: http(fixture.url) }, ({ level, text }) => {
      if (level === 'warning') warnings.push(text);
    });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
    expect(asked).toContain('server/discover');
    expect(warnings).toEqual([]);
  });

  it('is recognised, and each caller has a session of its own that ends with DELETE', async () => {
    const fixture = await legacy({
      onCall: ({ request, response, message }) =>
        sendJson(response, { id: message.id, result: done(String(request.headers['mcp-session-id'])) }),
    });
    const upstream = await start({ transport: http(fixture.url) });
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
    const sessionOf = async (scope: string): Promise<string> =>
      textOf(await callTool(await takeLink(upstream, { ...anyone, scope }), 'echo'));
    expect([await sessionOf('key:a'), await sessionOf('key:b'), await sessionOf('key:a')]).toEqual([
      'session-2',
      'session-3',
      'session-2',
    ]);
    await upstream.stop();
    expect(fixture.log.filter((entry) => entry === 'DELETE')).toHaveLength(3);
  });

  it('that drops its stream is resumed from the last event, and gets the call once', async () => {
    const seen: (string | undefined)[] = [];
    let callId: unknown;
    const fixture = await legacy({
      onCall: ({ response, message }) => {
        callId = message.id;
        openEvents(response);
        response.write('id: event-1\nretry: 20\ndata: \n\n');
        response.end();
      },
      onGet: ({ request, response }) => {
        const from = request.headers['last-event-id'];
        if (from === undefined) {
          response.writeHead(405).end();
          return;
        }
        seen.push(String(from));
        openEvents(response);
        if (seen.length === 1) {
          sendEvent(
            response,
            { method: 'notifications/progress', params: { progressToken: callId, progress: 1 } },
            'event-2',
          );
          response.end();
        } else {
          sendEvent(response, { id: callId, result: done('resumed') }, 'event-3');
        }
      },
    });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    const heard: unknown[] = [];
    const listener = { ...silent, onMessage: (message: Message) => void heard.push(message.params?.['progress']) };
    expect(textOf(await callTool(link, 'echo', {}, { listener }))).toBe('resumed');
    expect(heard).toEqual([1]);
    expect(seen).toEqual(['event-1', 'event-2']);
    expect(fixture.log.filter((entry) => entry === 'POST tools/call')).toHaveLength(1);
  });

  it('that loses the session fails the call as such, and the next call begins a new one', async () => {
    let isLost = false;
    const fixture = await legacy({
      onCall: ({ request, response, message }) => {
        const session = String(request.headers['mcp-session-id']);
        if (isLost && session !== 'session-3') response.writeHead(404).end();
        else sendJson(response, { id: message.id, result: done(session) });
      },
    });
    const upstream = await start({ transport: http(fixture.url) });
    const link = await takeLink(upstream);
    isLost = true;
    expect(reasonOf(await callTool(link, 'echo'))).toBe('session-lost');
    await until(() => link.state === 'closed');
    expect(textOf(await callTool(await takeLink(upstream), 'echo'))).toBe('session-3');
  });

  it('is told by notification when a caller gives up', async () => {
    const canceller = createCanceller();
    const fixture = await legacy({ onCall: () => canceller.cancel('gone') });
    const link = await takeLink(await start({ transport: http(fixture.url) }));
    expect(reasonOf(await callTool(link, 'hang', {}, { canceller }))).toBe('cancelled');
    await until(() => fixture.log.includes('POST notifications/cancelled'));
  });

  it('may ask the caller on the stream of the call, and gets the answer by POST', async () => {
    let open: Call | undefined;
    const answers: unknown[] = [];
    const fixture = await serve((incoming) => {
      const { request, response, message } = incoming;
      if (request.method !== 'POST') response.writeHead(405).end();
      else if (message.method === 'initialize') sendJson(response, { id: message.id, result: initialization() });
      else if (message.method === 'server/discover') response.writeHead(400).end();
      else if (message.method === 'tools/call') {
        open = incoming;
        openEvents(response);
        sendEvent(response, { id: 'q1', method: 'elicitation/create', params: { message: 'Name?' } });
      } else {
        response.writeHead(202).end();
        if (message.id !== 'q1' || open === undefined) return;
        answers.push(message.result);
        sendEvent(open.response, { id: open.message.id, result: done('asked') });
        open.response.end();
      }
    });
    const upstream = await start({ transport: http(fixture.url), ask: ['elicitation'] });
    const listener: LinkListener = {
      onMessage: () => {},
      onRequest: () => Promise.resolve({ kind: 'result', body: Buffer.from('{"action":"decline"}') }),
    };
    const link = await takeLink(upstream, { ...anyone, clientCapabilities: { elicitation: {} } });
    expect(textOf(await callTool(link, 'ask', {}, { listener }))).toBe('asked');
    expect(answers).toEqual([{ action: 'decline' }]);
  });

  it('that never answers the end of its session keeps nobody from stopping', async () => {
    const fixture = await serve(({ request, response, message }) => {
      if (request.method === 'DELETE') return;
      if (message.method === 'initialize') {
        response.setHeader('mcp-session-id', 'session-1');
        sendJson(response, { id: message.id, result: initialization() });
      } else response.writeHead(message.id === undefined ? 202 : 400).end();
    });
    const upstream = await start({ transport: http(fixture.url) });
    const started = performance.now();
    await upstream.stop();
    expect(fixture.log).toContain('DELETE');
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('that floods with pings and takes no answer costs a bounded number of them, and calls go on', async () => {
    let untaken = 0;
    const pings = Array.from({ length: 5000 }, (_, id) => `data: {"jsonrpc":"2.0","id":${id},"method":"ping"}\n\n`);
    const fixture = await serve(({ request, response, message }) => {
      if (request.method === 'GET') {
        openEvents(response);
        response.write(pings.join(''));
      } else if (message.method === 'server/discover') response.writeHead(400).end();
      else if (message.method === 'initialize') sendJson(response, { id: message.id, result: initialization() });
      else if (message.method === 'tools/call') sendJson(response, { id: message.id, result: done('still here') });
      else if (message.method === undefined) untaken += 1;
      else response.writeHead(202).end();
    });
    const upstream = await start({ transport: http(fixture.url) });
    await until(() => upstream.status().counters.dropped >= pings.length - 64);
    expect(upstream.status().counters.dropped).toBe(pings.length - 64);
    expect(textOf(await callTool(await takeLink(upstream, { ...anyone, scope: '', owner: '' }), 'echo'))).toBe(
      'still here',
    );
    expect(untaken).toBeLessThanOrEqual(8);
  });

  it('is heard on its GET stream when a list changes', async () => {
    const streams: Call[] = [];
    const fixture = await legacy({
      onGet: (incoming) => {
        openEvents(incoming.response);
        streams.push(incoming);
      },
    });
    const upstream = await start({ transport: http(fixture.url) });
    const changed: string[] = [];
    upstream.onListChanged((kind) => void changed.push(kind));
    await until(() => streams.length === 1);
    const [stream] = streams;
    if (stream !== undefined) sendEvent(stream.response, { method: 'notifications/tools/list_changed' });
    await until(() => changed.length > 0);
    expect(changed).toEqual(['tools']);
  });
});

describe('a server at a URL that speaks both eras', () => {
  it('is spoken to in the era of each caller', async () => {
    const fixture = await serve(({ request, response, message }) => {
      if (request.method !== 'POST') response.writeHead(405).end();
      else if (message.method === 'server/discover') {
        sendJson(response, { id: message.id, result: discovery(['2026-07-28', '2025-11-25']) });
      } else if (message.method === 'initialize') sendJson(response, { id: message.id, result: initialization() });
      else if (message.id === undefined) response.writeHead(202).end();
      else sendJson(response, { id: message.id, result: done(String(request.headers['mcp-protocol-version'])) });
    });
    const upstream = await start({ transport: http(fixture.url) });
    expect(textOf(await callTool(await takeLink(upstream, { ...anyone, era: 'modern' }), 'echo'))).toBe('2026-07-28');
    expect(textOf(await callTool(await takeLink(upstream, { ...anyone, era: 'legacy' }), 'echo'))).toBe('2025-11-25');
  });
});
