/** Real servers over HTTP+SSE (2024-11-05) that break, hang, flood and lie: what the upstream and its callers make of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Upstream, UpstreamDefinition } from '@sallyport/gateway';
import {
  startRecordingSse,
  startRecordingUpstream,
  waitFor,
  type RecordingSse,
  type RecordingSseOptions,
} from '@sallyport/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { startHttpFixture } from '../fixtures/upstreams/http-server.ts';
import { callerOf, callTool, reasonOf, silent, startUpstream, takeLink, textOf } from '../fixtures/upstreams/links.ts';
import { itCarriesBothWays } from '../fixtures/upstreams/both-ways.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const serve = async (options: RecordingSseOptions = {}): Promise<RecordingSse> => {
  const server = await startRecordingSse(options);
  ends.push(() => server.close());
  return server;
};

const start = async (
  url: string,
  definition: Omit<UpstreamDefinition, 'name' | 'transport'> = {},
  headers: Record<string, string> = {},
): Promise<Upstream> => {
  const upstream = await startUpstream({ transport: { kind: 'http', url, headers }, ...definition });
  ends.push(() => upstream.stop());
  return upstream;
};

const log = (server: RecordingSse): string[] =>
  server.requests.map(({ httpMethod, path, method }) => `${httpMethod} ${path.split('?')[0]} ${method ?? ''}`.trim());

const hangs: RecordingSseOptions['script'] = (call) => (call.name === 't' ? { kind: 'hang' } : undefined);

describe('a server whose URL opens a stream of events', () => {
  it('[any-server] is found by that URL alone, after both ways that are newer', async () => {
    const server = await serve();
    const upstream = await start(server.url);
    expect(upstream.status()).toMatchObject({
      state: 'ready',
      transport: 'sse',
      era: 'legacy',
      serverInfo: { name: 'recording-upstream' },
    });
    expect(log(server)).toEqual([
      'POST /sse server/discover',
      'POST /sse initialize',
      'GET /sse',
      'POST /messages initialize',
      'POST /messages notifications/initialized',
    ]);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { a: 1 }))).toContain('"a":1');
  });

  it('is known for what it is when each caller gets a stream of its own', async () => {
    const server = await serve();
    const upstream = await start(server.url);
    server.clear();
    await callTool(await takeLink(upstream, callerOf('modern', 'key:a')), 'echo');
    await callTool(await takeLink(upstream, callerOf('legacy', 'key:b')), 'echo');
    expect(log(server).filter((entry) => entry.includes('/sse'))).toEqual(['GET /sse', 'GET /sse']);
    expect(server.sessions).toHaveLength(3);
    const sessions = server.of('tools/call').map(({ path }) => path);
    expect(new Set(sessions).size).toBe(2);
    await upstream.stop();
    await waitFor(() => server.sessions.length === 0, { what: 'the streams to be closed' });
  });

  it('is found anew when it comes back as a modern one', async () => {
    const old = await serve();
    const upstream = await start(old.url);
    const { port } = old;
    await old.close();
    const server = await startHttpFixture(({ response, message }) => {
      const result =
        message.method === 'server/discover'
          ? {
              resultType: 'complete',
              supportedVersions: ['2026-07-28'],
              capabilities: {},
              ttlMs: 0,
              cacheScope: 'private',
            }
          : { resultType: 'complete', content: [{ type: 'text', text: 'modern' }] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    }, port);
    ends.push(() => server.close());
    await waitFor(() => upstream.status().era === 'modern', { what: 'the modern server to be found' });
    expect(upstream.status().transport).toBe('http');
    expect(textOf(await callTool(await takeLink(upstream), 'echo'))).toBe('modern');
  });

  it('gets the credentials of its entry with the stream and with each message', async () => {
    const token = `token-${Math.trunc(performance.now())}`;
    const server = await serve();
    const upstream = await start(server.url, {}, { authorization: `Bearer ${token}` });
    await callTool(await takeLink(upstream), 'echo');
    const sent = server.requests.map(({ headers }) => headers['authorization']);
    expect(sent.length).toBeGreaterThan(5);
    expect(new Set(sent)).toEqual(new Set([`Bearer ${token}`]));
  });

  itCarriesBothWays(serve, start);

  it('may ask the caller whose own conversation it is', async () => {
    const question = { jsonrpc: '2.0', id: 'ask', method: 'elicitation/create', params: {} };
    const server = await serve({
      script: (call) =>
        call.method === 'tools/call' ? { kind: 'result', result: { content: [] }, stream: [question, 50] } : undefined,
    });
    const upstream = await start(server.url, { ask: ['elicitation'] });
    const link = await takeLink(upstream, { ...callerOf('legacy'), clientCapabilities: { elicitation: {} } });
    const body = Buffer.from('{"action":"decline"}');
    const listener = { ...silent, onRequest: () => Promise.resolve({ kind: 'result' as const, body }) };
    await callTool(link, 'echo', {}, { listener });
    await waitFor(() => server.requests.some(({ message }) => message['id'] === 'ask'), { what: 'the answer' });
    expect(server.requests.find(({ message }) => message['id'] === 'ask')?.message['result']).toEqual({
      action: 'decline',
    });
  });

  it('that drops the stream fails what is in flight, never gets it again, and the next call works', async () => {
    const server = await serve({ script: hangs });
    const upstream = await start(server.url);
    const calls = [1, 2, 3].map(async () => callTool(await takeLink(upstream), 't'));
    await waitFor(() => server.of('tools/call').length === 3, { what: 'the calls' });
    server.drop();
    expect((await Promise.all(calls)).map(reasonOf)).toEqual(['closed', 'closed', 'closed']);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { c: 3 }))).toContain('"c":3');
    expect(server.of('tools/call').filter(({ name }) => name === 't')).toHaveLength(3);
  });

  it('that forgot the session says so to one call, which was not processed, and the next begins a new one', async () => {
    const server = await serve({ script: hangs });
    const upstream = await start(server.url);
    const link = await takeLink(upstream);
    const waiting = callTool(link, 't');
    await waitFor(() => server.of('tools/call').length === 1, { what: 'the call' });
    server.forget();
    expect(reasonOf(await callTool(link, 'echo'))).toBe('session-lost');
    expect(reasonOf(await waiting)).toBe('closed');
    expect(link.state).toBe('closed');
    await waitFor(() => upstream.status().state === 'ready', { what: 'the upstream' });
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { d: 4 }))).toContain('"d":4');
  });

  it.each([
    ['in one line', Buffer.alloc(64 * 1024 * 1024, 'x')],
    ['in many lines', Buffer.from(`x${'\ndata: y'.repeat(4_000_000)}`)],
  ])('that sends more than a message may hold (%s) costs an error and little memory', async (_how, bytes) => {
    const server = await serve({ script: hangs });
    const upstream = await start(server.url, { tuning: { messageBytes: 65_536 } });
    const call = callTool(await takeLink(upstream), 't');
    await waitFor(() => server.of('tools/call').length === 1, { what: 'the call' });
    const before = process.memoryUsage().rss;
    server.write('data: ');
    server.write(bytes);
    expect(reasonOf(await call)).toBe('closed');
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    expect(textOf(await callTool(await takeLink(upstream), 'echo', { e: 5 }))).toContain('"e":5');
  });

  it('[upstream-origin] is not believed in what is no message, nobody asked for, or names another endpoint later', async () => {
    const elsewhere = await serve();
    const server = await serve({ script: hangs });
    const upstream = await start(server.url, { share: 'all' });
    const link = await takeLink(upstream);
    const call = callTool(link, 't', {}, { timeoutMs: 500 });
    await waitFor(() => server.of('tools/call').length === 1, { what: 'the call' });
    server.say({ id: 999, result: {} });
    server.say({ id: String(server.of('tools/call')[0]?.message['id']), result: {} });
    server.write('data: hello\n\n');
    server.write(`event: endpoint\ndata: http://127.0.0.1:${elsewhere.port}/messages\n\n`);
    server.write(`event: endpoint\ndata: /elsewhere\n\n`);
    expect(reasonOf(await call)).toBe('timeout');
    expect(upstream.status().counters.dropped).toBe(5);
    expect(textOf(await callTool(link, 'echo', { f: 6 }))).toContain('"f":6');
    expect(elsewhere.requests).toEqual([]);
    expect(log(server).filter((entry) => entry.includes('elsewhere'))).toEqual([]);
  });

  it('[upstream-origin] that redirects its messages is not followed', async () => {
    const elsewhere = await serve();
    let isMoved = false;
    const server = await serve({
      onRequest: (request, response) => {
        if (!isMoved || request.method !== 'POST') return false;
        response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/messages` }).end();
        return true;
      },
    });
    const link = await takeLink(await start(server.url, {}, { authorization: `Bearer ${server.port}` }));
    isMoved = true;
    expect(reasonOf(await callTool(link, 'echo'))).toBe('bad-answer');
    expect(elsewhere.requests).toEqual([]);
  });

  it('that says nothing any more, not even to a ping, is left and opened anew', async () => {
    const server = await serve({
      script: (call) => (call.name === 't' || call.method === 'ping' ? { kind: 'hang' } : undefined),
    });
    const upstream = await start(server.url, { tuning: { quietMs: 100 } });
    expect(reasonOf(await callTool(await takeLink(upstream), 't'))).toBe('unreachable');
    await waitFor(() => log(server).filter((entry) => entry === 'GET /sse').length > 2, { what: 'another stream' });
  });

  it('that is quiet but answers pings is kept', async () => {
    const server = await serve({
      script: (call) => (call.name === 't' ? { kind: 'result', result: { content: [] }, delayMs: 1000 } : undefined),
    });
    const upstream = await start(server.url, { share: 'all', tuning: { quietMs: 50 } });
    expect(reasonOf(await callTool(await takeLink(upstream), 't'))).toBe('answer');
    expect(server.of('ping').length).toBeGreaterThan(1);
    expect(server.sessions).toHaveLength(1);
  });

  it('is spoken to when it is made with the official SDK', async () => {
    const transports = new Map<string, SSEServerTransport>();
    const http = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname === '/sse' && request.method === 'GET') {
        const transport = new SSEServerTransport('/messages', response);
        transports.set(transport.sessionId, transport);
        const server = new Server({ name: 'sdk-v1', version: '1.0.0' }, { capabilities: { tools: {} } });
        server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
          content: [{ type: 'text', text: JSON.stringify(params.arguments) }],
        }));
        void server.connect(transport);
      } else {
        const transport = transports.get(url.searchParams.get('sessionId') ?? '');
        if (transport === undefined) response.writeHead(404).end();
        else void transport.handlePostMessage(request, response);
      }
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      http.closeAllConnections();
      return Promise.resolve(http.close());
    });
    const upstream = await start(`http://127.0.0.1:${(http.address() as AddressInfo).port}/sse`);
    expect(upstream.status()).toMatchObject({ transport: 'sse', serverInfo: { name: 'sdk-v1' } });
    expect(textOf(await callTool(await takeLink(upstream), 'any', { text: 'ünïcode 🏰' }))).toBe(
      '{"text":"ünïcode 🏰"}',
    );
  });
});

describe('conversations over HTTP+SSE', () => {
  it('leave no stream behind, however many are opened, dropped and ended', async () => {
    const server = await serve();
    const upstream = await start(server.url);
    for (let round = 0; round < 100; round += 1) {
      const link = await takeLink(upstream, callerOf('legacy', `key:${round}`));
      if (round % 3 === 0) server.drop(server.sessions.at(-1));
      else if (round % 3 === 1) await link.close();
    }
    expect(server.sessions.length).toBeLessThanOrEqual(65);
    await upstream.stop();
    await waitFor(() => server.sessions.length === 0, { what: 'all streams to be closed' });
  });
});

describe('a server at a URL that cannot be opened', () => {
  const errorOf = async (url: string, tuning: UpstreamDefinition['tuning'] = {}): Promise<string | undefined> =>
    (await start(url, { tuning }, { authorization: `Bearer ${url}` })).status().lastError;

  it.each([
    ['another host', (port: number) => `http://localhost:${port}/messages`],
    ['another host without a scheme', (port: number) => `//localhost:${port}/messages`],
    ['another port', () => 'http://127.0.0.1:9/messages'],
    ['another scheme', (port: number) => `https://127.0.0.1:${port}/messages`],
    ['a user name', (port: number) => `http://user@127.0.0.1:${port}/messages`],
    ['no URL', () => 'http://['],
    ['no location', () => 'javascript:alert(1)'],
  ])('[upstream-origin] because its endpoint has %s is told of, and gets no message there', async (_what, endpoint) => {
    const server = await serve({ endpoint: (_id, port) => endpoint(port) });
    const error = await errorOf(server.url);
    expect(error).toMatch(/^fixture named (?:an|no usable) endpoint .*(?:followed|messages)\. \(/);
    expect(log(server).filter((entry) => entry.includes('/messages'))).toEqual([]);
  });

  it('is told of when its stream names no endpoint', async () => {
    const server = await serve({ endpoint: () => 'none' });
    expect(await errorOf(server.url, { handshakeMs: 200 })).toBe('fixture did not answer in time. (no endpoint event)');
  });

  it('is told of when its stream ends at once', async () => {
    const server = await serve({
      onRequest: (request, response) => {
        if (request.method !== 'GET') return false;
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
        return true;
      },
    });
    expect(await errorOf(server.url)).toBe('fixture lost the session. (the event stream: it ended)');
  });

  it('is told of with all that was tried when it speaks no MCP there', async () => {
    const server = await startHttpFixture(({ response }) => void response.writeHead(404).end('<h1>Not Found</h1>'));
    ends.push(() => server.close());
    expect(await errorOf(server.url)).toBe(
      'fixture does not speak MCP at this URL. (server/discover: HTTP 404, initialize: HTTP 404, event stream: HTTP 404)',
    );
    expect(server.log).toEqual(['POST server/discover', 'POST initialize', 'GET']);
  });

  it('is not asked for a stream when it refuses the credentials, or refuses initialize as a modern server does', async () => {
    const locked = await startHttpFixture(({ response }) => void response.writeHead(401).end());
    ends.push(() => locked.close());
    expect(await errorOf(locked.url)).toBe('fixture refused the credentials it was given. (HTTP 401)');
    expect(locked.log).toEqual(['POST server/discover']);
    const modern = await startRecordingUpstream({ era: 'modern' });
    ends.push(() => modern.close());
    const upstream = await start(modern.url);
    expect((await takeLink(upstream, callerOf('legacy'))).era).toBe('modern');
    expect(modern.requests.map(({ httpMethod }) => httpMethod)).not.toContain('GET');
  });
});
