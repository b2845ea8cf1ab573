/** Real servers over WebSocket that close, hang, flood and lie: what the upstream and its callers make of it. */
import { createServer, type AddressInfo } from 'node:net';
import { createCanceller } from '@sallyport/guard';
import type { Upstream, UpstreamDefinition } from '@sallyport/gateway';
import {
  startRecordingSocket,
  startRecordingUpstream,
  waitFor,
  type RecordingSocket,
  type RecordingSocketOptions,
} from '@sallyport/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { callerOf, callTool, reasonOf, silent, startUpstream, takeLink, textOf } from '../fixtures/upstreams/links.ts';
import { itCarriesBothWays } from '../fixtures/upstreams/both-ways.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const serve = async (options: RecordingSocketOptions = {}): Promise<RecordingSocket> => {
  const server = await startRecordingSocket(options);
  ends.push(() => server.close());
  return server;
};

const start = async (
  url: string,
  definition: Omit<UpstreamDefinition, 'name' | 'transport'> = {},
  headers: Record<string, string> = {},
): Promise<Upstream> => {
  const upstream = await startUpstream({ transport: { kind: 'websocket', url, headers }, ...definition });
  ends.push(() => upstream.stop());
  return upstream;
};

const asked = (name: string) => ({ jsonrpc: '2.0', id: `ask-${name}`, method: 'elicitation/create', params: {} });

describe('the era of a server over WebSocket', () => {
  it.each([
    ['modern', 'modern', '2026-07-28'],
    ['both', 'modern', '2026-07-28'],
    ['legacy', 'legacy', '2025-11-25'],
  ] as const)('[any-server] that speaks %s is %s', async (spoken, era, revision) => {
    const server = await serve({ era: spoken });
    const upstream = await start(server.url);
    expect(upstream.status()).toMatchObject({ state: 'ready', transport: 'websocket', era, revision });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { a: 1 }))).toContain('"a":1');
  });

  it('is legacy also where the server ends at any message before initialize', async () => {
    const server = await serve({
      era: 'legacy',
      onConnection: (socket) =>
        socket.once('message', (data: Buffer) => {
          if (!data.includes('initialize')) socket.close(1008, 'initialize first');
        }),
    });
    const upstream = await start(server.url);
    expect(upstream.status()).toMatchObject({ state: 'ready', era: 'legacy' });
    expect(server.upgrades).toHaveLength(2);
  });

  it('is found anew when the server comes back as one of the other era', async () => {
    const first = await serve({ era: 'legacy' });
    const upstream = await start(first.url);
    expect(upstream.status().era).toBe('legacy');
    await first.close();
    await serve({ era: 'modern', port: first.port });
    await waitFor(() => upstream.status().era === 'modern', { what: 'the modern server to be found' });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { b: 2 }))).toContain('"b":2');
  });

  it('is what each caller wants where the server speaks both, and modern for all where it does not', async () => {
    const both = await start((await serve({ era: 'both' })).url);
    expect((await takeLink(both, callerOf('legacy'))).era).toBe('legacy');
    expect((await takeLink(both, callerOf('modern'))).era).toBe('modern');
    const modern = await start((await serve({ era: 'modern' })).url);
    expect((await takeLink(modern, callerOf('legacy'))).era).toBe('modern');
  });
});

describe('a server over WebSocket', () => {
  it('gets the credentials of its entry with the upgrade, the subprotocol, and no offer to compress', async () => {
    const token = `token-${Math.trunc(performance.now())}`;
    const server = await serve();
    await start(server.url, {}, { authorization: `Bearer ${token}` });
    const [upgrade] = server.upgrades;
    expect(upgrade?.headers).toMatchObject({ authorization: `Bearer ${token}`, 'sec-websocket-protocol': 'mcp' });
    expect(upgrade?.headers['sec-websocket-extensions']).toBeUndefined();
  });

  it('[upstream-origin] that redirects is not followed, so that nobody else gets the credentials', async () => {
    const elsewhere = await serve();
    const server = await serve({
      onUpgrade: () => ({ status: 302, headers: { location: elsewhere.url.replace('ws:', 'http:') } }),
    });
    const upstream = await start(server.url, {}, { authorization: `Bearer ${server.port}` });
    expect(upstream.status()).toMatchObject({ state: 'sick' });
    expect(upstream.status().lastError).toContain('redirect, which is not followed');
    expect(elsewhere.upgrades).toEqual([]);
  });

  itCarriesBothWays(serve, start);

  it('may ask the caller whose own conversation it is, and nobody on a shared one', async () => {
    const script: RecordingSocketOptions['script'] = (call) =>
      call.method === 'tools/call'
        ? { kind: 'result', result: { content: [] }, stream: [asked(String(call.id)), 50] }
        : undefined;
    const server = await serve({ era: 'legacy', script });
    const listener = {
      ...silent,
      onRequest: () => Promise.resolve({ kind: 'result' as const, body: Buffer.from('{"action":"decline"}') }),
    };
    const own = await start(server.url, { ask: ['elicitation'] });
    const wish = { ...callerOf('legacy'), clientCapabilities: { elicitation: {} } };
    await callTool(await takeLink(own, wish), 'echo', {}, { listener });
    const answers = () => server.requests.filter(({ message }) => String(message['id']).startsWith('ask-'));
    expect(answers().map(({ message }) => message['result'])).toEqual([{ action: 'decline' }]);
    server.clear();
    const shared = await start(server.url, { share: 'all', ask: ['elicitation'] });
    await callTool(await takeLink(shared, wish), 'echo', {}, { listener });
    expect(answers().map(({ message }) => message['error'])).toMatchObject([{ code: -32_601 }]);
  });

  it('that drops the connection fails what is in flight, never gets it again, and the next call works', async () => {
    const server = await serve({ script: (call) => (call.name === 't' ? { kind: 'hang' } : undefined) });
    const upstream = await start(server.url);
    const calls = [1, 2, 3].map(async () => callTool(await takeLink(upstream), 't'));
    await waitFor(() => server.of('tools/call').length === 3, { what: 'the calls' });
    server.drop();
    expect((await Promise.all(calls)).map(reasonOf)).toEqual(['closed', 'closed', 'closed']);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { c: 3 }))).toContain('"c":3');
    expect(server.of('tools/call').filter(({ name }) => name === 't')).toHaveLength(3);
  });

  it.each([
    ['in one frame', (bytes: number) => [Buffer.alloc(bytes, 'x')]],
    ['in many frames', (bytes: number) => Array.from({ length: bytes / 65_536 }, () => Buffer.alloc(65_536, 'x'))],
  ])('that sends more than a message may hold (%s) costs an error and little memory', async (_how, parts) => {
    const server = await serve({ script: (call) => (call.name === 't' ? { kind: 'hang' } : undefined) });
    const upstream = await start(server.url, { tuning: { messageBytes: 65_536 } });
    const call = callTool(await takeLink(upstream), 't');
    await waitFor(() => server.of('tools/call').length === 1, { what: 'the call' });
    const before = process.memoryUsage().rss;
    const frames = parts(64 * 1024 * 1024);
    for (const [index, part] of frames.entries()) {
      for (const socket of server.sockets) socket.send(part, { binary: false, fin: index === frames.length - 1 });
    }
    expect(reasonOf(await call)).toBe('too-large');
    // Both ends are this process: the frames themselves are on its books, copies of them would be as well.
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { d: 4 }))).toContain('"d":4');
  });

  it('is not sent more than a message may hold', async () => {
    const server = await serve();
    const link = await takeLink(await start(server.url, { tuning: { messageBytes: 10_000 } }));
    expect(reasonOf(await callTool(link, 'echo', { text: 'x'.repeat(20_000) }))).toBe('too-large');
    expect(server.of('tools/call')).toEqual([]);
    expect(textOf(await callTool(link, 'echo', { e: 5 }))).toContain('"e":5');
  });

  it('is not believed in what is no message, nobody asked for, or bytes', async () => {
    const server = await serve({ script: (call) => (call.name === 't' ? { kind: 'hang' } : undefined) });
    const upstream = await start(server.url);
    const link = await takeLink(upstream);
    const call = callTool(link, 't', {}, { timeoutMs: 500 });
    await waitFor(() => server.of('tools/call').length === 1, { what: 'the call' });
    const id = server.of('tools/call')[0]?.message['id'];
    server.say({ id: 999, result: {} });
    server.say({ id: String(id), result: {} });
    for (const socket of server.sockets) {
      socket.send('hello');
      socket.send(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: {} })), { binary: true });
    }
    expect(reasonOf(await call)).toBe('timeout');
    expect(upstream.status().counters.dropped).toBe(4);
    expect(textOf(await callTool(link, 'echo', { f: 6 }))).toContain('"f":6');
  });

  it('that answers no ping is left, and opened anew', async () => {
    const server = await serve({
      answersPings: false,
      script: (call) => (call.name === 't' ? { kind: 'hang' } : undefined),
    });
    const upstream = await start(server.url, { tuning: { quietMs: 100 } });
    expect(reasonOf(await callTool(await takeLink(upstream), 't'))).toBe('unreachable');
    await waitFor(() => server.upgrades.length > 1, { what: 'another connection' });
  });

  it('that is quiet but answers pings is kept', async () => {
    const server = await serve({
      script: (call) => (call.name === 't' ? { kind: 'result', result: { content: [] }, delayMs: 1000 } : undefined),
    });
    const upstream = await start(server.url, { tuning: { quietMs: 50 } });
    expect(reasonOf(await callTool(await takeLink(upstream), 't'))).toBe('answer');
    expect(server.upgrades).toHaveLength(1);
  });

  it('that does not read is busy, and costs no more than what may wait', async () => {
    const server = await serve();
    const upstream = await start(server.url, { tuning: { messageBytes: 2 * 1024 * 1024 } });
    const link = await takeLink(upstream);
    for (const socket of server.sockets) socket.pause();
    const calls: Promise<unknown>[] = [];
    const text = 'x'.repeat(1024 * 1024);
    const reasons = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      const canceller = createCanceller();
      calls.push(callTool(link, 'echo', { text }, { canceller, timeoutMs: 300 }).then((a) => reasons.add(reasonOf(a))));
    }
    await Promise.all(calls);
    expect([...reasons].toSorted()).toEqual(['busy', 'timeout']);
  });
});

describe('conversations over WebSocket', () => {
  it('leave no connection behind, however many are opened, dropped and ended', async () => {
    const server = await serve({ era: 'legacy' });
    const upstream = await start(server.url);
    for (let round = 0; round < 100; round += 1) {
      const link = await takeLink(upstream, callerOf('legacy', `key:${round}`));
      if (round % 3 === 0) server.sockets.at(-1)?.terminate();
      else if (round % 3 === 1) await link.close();
    }
    expect(server.upgrades.length).toBeGreaterThan(100);
    expect(server.sockets.length).toBeLessThanOrEqual(65);
    await upstream.stop();
    await waitFor(() => server.sockets.length === 0, { what: 'all connections to be closed' });
  });
});

describe('a server over WebSocket that cannot be opened', () => {
  const errorOf = async (url: string, tuning: UpstreamDefinition['tuning'] = {}): Promise<string | undefined> =>
    (await start(url, { tuning })).status().lastError;

  it('is told of when nothing listens there', async () => {
    expect(await errorOf('ws://127.0.0.1:9/mcp')).toBe('fixture could not be reached. (connection: ECONNREFUSED)');
  });

  it('is told of when it does not take the subprotocol, or takes another', async () => {
    const none = await serve({ subprotocol: 'none' });
    expect(await errorOf(none.url)).toBe(
      'fixture does not accept the WebSocket subprotocol "mcp". (Server sent no subprotocol)',
    );
    const other = await serve({ subprotocol: 'soap' });
    expect(await errorOf(other.url)).toContain('does not accept the WebSocket subprotocol "mcp".');
  });

  it('is told of when it is no WebSocket server', async () => {
    const http = await startRecordingUpstream();
    ends.push(() => http.close());
    expect(await errorOf(http.url.replace('http:', 'ws:'))).toContain('fixture offers no WebSocket at this URL. (HTTP');
  });

  it('is told of when it refuses the credentials', async () => {
    const server = await serve({ onUpgrade: () => ({ status: 401 }) });
    expect(await errorOf(server.url)).toBe('fixture refused the credentials it was given. (HTTP 401)');
  });

  it('is told of when it closes at once, with its own words', async () => {
    const server = await serve({ onConnection: (socket) => socket.close(1008, 'quota\u0007 used up') });
    expect(await errorOf(server.url)).toBe('fixture closed the connection. (close code 1008: quota used up)');
  });

  it('is told of when it speaks neither era', async () => {
    const server = await serve({
      script: () => ({ kind: 'error', error: { code: -32_601, message: 'Method not found' } }),
    });
    expect(await errorOf(server.url)).toBe('fixture could not begin a conversation. (refused initialize: -32601)');
  });

  it('is told of when it never answers, neither the upgrade nor a message', async () => {
    const tuning = { probeMs: 50, handshakeMs: 200 };
    const deaf = createServer((socket) => {
      // A byte now and then must not buy more time.
      socket.write('HTTP/1.1 101 Switching Protocols\r\nX: ');
      const drip = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(drip)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    ends.push(() => Promise.resolve(deaf.close()));
    const { port } = deaf.address() as AddressInfo;
    expect(await errorOf(`ws://127.0.0.1:${port}/`, tuning)).toContain('fixture could not be reached in time.');
    const mute = await serve({ script: () => ({ kind: 'hang' }) });
    expect(await errorOf(mute.url, tuning)).toContain('gave no answer to server/discover or initialize');
  });
});
