// The WebSocket door of a real gateway: who is let in, what frames are taken, and who has to leave.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createKey,
  openRawWebSocket,
  openSse,
  post,
  postModern,
  readAudit,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  within,
  type Gateway,
  type RawWebSocket,
  type RawWebSocketOptions,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const ample = '100000/s burst 100000';
const bodyLimit = 64 * 1024;

let upstream: RecordingUpstream;
let gateway: Gateway;
let key: string;
let other: string;
const sockets: RawWebSocket[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startGateway({
    config: {
      doors: { websocket: 'on', sse: 'on' },
      callers: { keys: true },
      origins: ['https://app.example'],
      roles: { reader: { tools: ['rec.*'] }, nobody: { tools: ['elsewhere.*'] } },
      limits: { perAddress: ample, body: '64KiB', openPerCaller: 3, openPerAddress: 5 },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  key = await createKey(gateway.dir, { name: 'one', role: 'reader' });
  other = await createKey(gateway.dir, { name: 'two', role: 'reader' });
  await works(other);
}, 60_000);
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
    await socket.closed;
  }
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

async function works(token: string): Promise<void> {
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key: token })).status === 200, {
    what: 'the key to work',
  });
}

async function knock(options: RawWebSocketOptions = { key }, url = gateway.url): Promise<RawWebSocket> {
  const socket = await within(openRawWebSocket(url, options), 10_000, 'an answer to the upgrade');
  sockets.push(socket);
  return socket;
}

const hello = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const echo = (id: string | number, args: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name: 'rec__echo', arguments: args },
});

async function answerTo(socket: RawWebSocket, id: string | number) {
  return waitFor(() => socket.messages().find((message) => message.id === id), { what: `the answer to ${id}` });
}

async function greet(socket: RawWebSocket): Promise<void> {
  socket.send(hello);
  await answerTo(socket, 0);
  socket.send({ method: 'notifications/initialized' });
}

function reasonOf(text: string): unknown {
  return (JSON.parse(text) as { error?: { data?: { reason?: unknown } } }).error?.data?.reason;
}

describe('an upgrade', () => {
  it.each<[number, string, RawWebSocketOptions]>([
    [401, 'unauthenticated', {}],
    [401, 'bad-credential', { key: ['sp', 'x'.repeat(12), 'A'.repeat(43)].join('_') }],
    [401, 'bad-credential', { headers: { Authorization: 'Basic YTpi' } }],
    [403, 'bad-origin', { headers: { Origin: 'https://evil.example' } }],
    [403, 'bad-origin', { headers: { Origin: 'null' } }],
    [403, 'bad-host', { headers: { Host: 'evil.example' } }],
    [400, 'malformed-host', { headers: { Host: undefined } }],
    [400, 'bad-upgrade', { headers: { 'Sec-WebSocket-Protocol': undefined } }],
    [400, 'bad-upgrade', { headers: { 'Sec-WebSocket-Protocol': 'graphql-ws' } }],
    [400, 'bad-upgrade', { headers: { 'Sec-WebSocket-Version': '8' } }],
    [400, 'bad-upgrade', { headers: { 'Sec-WebSocket-Key': 'short' } }],
  ])('[same-guards] is answered %i %s before it is taken, and recorded, for %j', async (status, reason, options) => {
    const headers = { ...('headers' in options ? options.headers : {}) };
    const isAuthorized = status !== 401 || 'key' in options || 'Authorization' in headers;
    const token = options.key ?? (isAuthorized && status !== 401 ? key : undefined);
    const socket = await knock({ ...options, ...(token === undefined ? {} : { key: token }) });
    // A request without Host does not get past the HTTP parser.
    const isBare = socket.body === '';
    expect([socket.status, isBare ? reason : reasonOf(socket.body)]).toEqual([status, reason]);
    if (status === 401) expect(socket.headers['www-authenticate']).toContain('Bearer');
    await socket.closed;
    if (isBare) return;
    const exchange = socket.headers['sallyport-exchange'];
    const record = await waitFor(
      async () => (await readAudit(join(gateway.dir, 'state', 'audit'))).find((line) => line['exchange'] === exchange),
      { what: 'the record' },
    );
    expect(record).toMatchObject({ kind: 'refusal', door: 'websocket:/mcp', outcome: { status: String(status) } });
  });

  it('[same-guards] is judged like any other request: paths, and servers that the caller may not know', async () => {
    const stranger = await createKey(gateway.dir, { name: 'stranger', role: 'nobody' });
    await works(stranger);
    expect((await knock({ key }, `${gateway.url}/nowhere`)).status).toBe(404);
    expect((await knock({ key }, `${gateway.url}?x=1`)).status).toBe(404);
    expect((await knock({ key: stranger }, `${gateway.url}/rec`)).status).toBe(404);
    expect((await knock({ key }, `${gateway.url}/rec`)).status).toBe(101);
  });

  it('agrees on the subprotocol and on no extension', async () => {
    const offers = { 'Sec-WebSocket-Protocol': 'other, mcp', 'Sec-WebSocket-Extensions': 'permessage-deflate' };
    const { status, headers } = await knock({ key, headers: offers });
    expect([status, headers['sec-websocket-protocol'], headers['sec-websocket-extensions']]).toEqual([
      101,
      'mcp',
      undefined,
    ]);
  });

  it('[open-connections] is refused beyond the places of a caller, and of an address', async () => {
    for (let i = 0; i < 3; i++) expect((await knock()).status).toBe(101);
    const refused = await knock();
    expect([refused.status, reasonOf(refused.body)]).toEqual([429, 'too-many-open']);
    // What is open at the SSE door counts as well.
    expect((await openSse(gateway.url.replace('/mcp', '/sse'), { key })).status).toBe(429);
    for (let i = 0; i < 2; i++) expect((await knock({ key: other })).status).toBe(101);
    expect((await knock({ key: other })).status).toBe(429);
    sockets[0]?.destroy();
    await waitFor(async () => (await knock({ key: other })).status === 101, { what: 'the place to be free' });
  });
});

describe('an open socket', () => {
  it('[same-guards] carries both eras, each message an exchange with a record of its own', async () => {
    const socket = await knock();
    await greet(socket);
    socket.send(echo('a', { x: 1 }));
    expect((await answerTo(socket, 'a')).result).toMatchObject({ content: [{ type: 'text' }] });
    socket.send(echo('b', { x: 2 }));
    socket.send({ id: 'c', method: 'tools/call', params: { name: 'rec__nothing', arguments: {} } });
    expect((await answerTo(socket, 'c')).error?.code).toBe(-32602);
    await answerTo(socket, 'b');
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    };
    const modern = await knock();
    modern.send({ id: 7, method: 'tools/call', params: { name: 'rec__echo', arguments: {}, _meta: meta } });
    expect((await answerTo(modern, 7)).result).toMatchObject({ resultType: 'complete' });
    const lines = await waitFor(async () => {
      const found = (await readAudit(join(gateway.dir, 'state', 'audit'))).filter(
        (line) => line['door'] === 'websocket:/mcp' && line['method'] === 'tools/call',
      );
      return found.length >= 7 ? found : undefined;
    });
    expect(lines.filter((line) => line['kind'] === 'intent')).toHaveLength(3);
    expect(new Set(lines.map((line) => line['exchange'])).size).toBe(4);
  });

  it('[websocket-limits] ends with 1009 at a frame over the limit, before its bytes are there', async () => {
    const socket = await knock();
    await greet(socket);
    socket.sendFrame({ payload: 'x', length: bodyLimit + 1 });
    expect(await within(socket.closed, 10_000, 'the close')).toBe(1009);
    const parts = await knock();
    for (let i = 0; i < 3; i++) {
      parts.sendFrame({ opcode: i === 0 ? 1 : 0, payload: ' '.repeat(bodyLimit / 2), isFinal: false });
    }
    expect(await within(parts.closed, 10_000, 'the close')).toBe(1009);
    await waitFor(
      async () => {
        const lines = await readAudit(join(gateway.dir, 'state', 'audit'));
        return lines.filter(({ outcome }) => JSON.stringify(outcome ?? '').includes('body-too-large')).length === 2;
      },
      { what: 'both records' },
    );
  });

  it.each([
    ['a binary frame', 1003, { opcode: 2, payload: JSON.stringify({ jsonrpc: '2.0', ...echo(1) }) }],
    ['text that is not UTF-8', 1007, { payload: Buffer.from([0xff, 0xfe]) }],
    ['a frame without a mask', 1002, { payload: '{}', isMasked: false }],
    ['an unknown opcode', 1002, { opcode: 3, payload: '{}' }],
    ['a compressed frame that nobody agreed on', 1002, { opcode: 0x41, payload: '{}' }],
  ])('[websocket-limits] ends at %s with %i, and nothing reaches a server', async (_, code, frame) => {
    upstream.clear();
    const calls = async () =>
      (await readAudit(join(gateway.dir, 'state', 'audit'))).filter((line) => line['method'] === 'tools/call').length;
    const before = await calls();
    const socket = await knock();
    await greet(socket);
    socket.sendFrame(frame);
    // Nor does what comes behind it, before the close is answered.
    socket.send(echo('behind'));
    expect(await within(socket.closed, 10_000, 'the close')).toBe(code);
    // Records that nobody waits for are on disk a few milliseconds later.
    await delay(100);
    expect([await calls(), upstream.of('tools/call')]).toEqual([before, []]);
  });

  it('[same-guards] takes one message a frame: batches and broken JSON are answered as anywhere', async () => {
    const socket = await knock();
    await greet(socket);
    const before = socket.messages().length;
    socket.sendFrame({ payload: JSON.stringify([{ jsonrpc: '2.0', ...echo(1) }]) });
    socket.sendFrame({ payload: '{"jsonrpc"' });
    await waitFor(() => socket.messages().length === before + 2);
    expect(
      socket
        .messages()
        .slice(before)
        .map(({ error }) => error?.code),
    ).toEqual([-32600, -32700]);
    socket.send(echo('still open'));
    await answerTo(socket, 'still open');
  });

  it('[handles-sealed] knows no session but its own, and is none at the other doors', async () => {
    const initialize = JSON.stringify({ jsonrpc: '2.0', ...hello });
    const begun = await post(gateway.url, initialize, { headers: { authorization: `Bearer ${other}` } });
    const session = begun.headers['mcp-session-id'] ?? '';
    expect(session).not.toBe('');
    const socket = await knock({ key, headers: { 'Mcp-Session-Id': session } });
    socket.send(echo(1));
    expect((await answerTo(socket, 1)).error).toMatchObject({ data: { reason: 'session-required' } });
    await greet(socket);
    const posted = `${gateway.url.replace('/mcp', '/messages')}?sessionId=${session}`;
    const answer = await post(posted, JSON.stringify({ jsonrpc: '2.0', ...echo(2) }), {
      headers: { authorization: `Bearer ${other}` },
    });
    expect(answer.status).toBe(404);
  });

  it('[answers-never-cross] answers each of two sockets under one id', async () => {
    const [one, two] = [await knock(), await knock({ key: other })];
    await Promise.all([greet(one), greet(two)]);
    one.send(echo(1, { from: 'one' }));
    two.send(echo(1, { from: 'two' }));
    const texts = [await answerTo(one, 1), await answerTo(two, 1)].map((message) => JSON.stringify(message.result));
    expect([texts[0]?.includes('one'), texts[1]?.includes('two')]).toEqual([true, true]);
  });
});

describe('who may not call any more', () => {
  it('[open-connections] is shown out when its key is revoked or expires, or its caller is blocked', async () => {
    const config = ['-c', gateway.configPath];
    const doomed = await createKey(gateway.dir, { name: 'doomed', role: 'reader' });
    await works(doomed);
    const stays = await knock();
    const revoked = await knock({ key: doomed });
    await runSallyport(['keys', 'revoke', 'doomed', ...config], gateway.dir);
    expect(await within(revoked.closed, 10_000, 'the socket of a revoked key to close')).toBe(1008);
    const blocked = await knock({ key: other });
    await runSallyport(['block', 'key:two', ...config], gateway.dir);
    expect(await within(blocked.closed, 10_000, 'the socket of a blocked caller to close')).toBe(1008);
    expect((await knock({ key: other })).status).toBe(403);
    await runSallyport(['unblock', 'key:two', ...config], gateway.dir);
    const made = await runSallyport(
      ['keys', 'create', '--name', 'brief', '--role', 'reader', '--expires', '3s', '--json', ...config],
      gateway.dir,
    );
    const brief = (JSON.parse(made.stdout) as { key: string }).key;
    await works(brief);
    const expired = await knock({ key: brief });
    expect(expired.status).toBe(101);
    expect(await within(expired.closed, 20_000, 'the socket of an expired key to close')).toBe(1008);
    expect(stays.isClosed).toBe(false);
  }, 60_000);

  it('[config-reload] is shown out by a reload that closes the door or takes its Origin off the list', async () => {
    const text = await readFile(gateway.configPath, 'utf8');
    const page = await knock({ key, headers: { Origin: 'https://app.example' } });
    const plain = await knock();
    await writeFile(gateway.configPath, text.replace('https://app.example', 'https://other.example'));
    expect(await within(page.closed, 10_000, 'the socket of the page to close')).toBe(1008);
    expect(plain.isClosed).toBe(false);
    await writeFile(gateway.configPath, text.replace('"websocket": "on"', '"websocket": "off"'));
    expect(await within(plain.closed, 10_000, 'the socket to close')).toBe(1008);
    expect((await knock()).status).toBe(405);
    await writeFile(gateway.configPath, text);
    await waitFor(async () => (await knock()).status === 101, { what: 'the door to open again' });
  }, 60_000);
});

describe('a socket that goes on past the limit of its address', () => {
  it('[connection-pace] ends with 1008, and what comes behind is not judged any more', async () => {
    const own = await startGateway({
      config: {
        admin: false,
        doors: { websocket: 'on' },
        callers: { anonymous: 'reader' },
        roles: { reader: { tools: ['*'] } },
        limits: { perAddress: '1/m burst 5' },
        upstreams: {},
      },
    });
    try {
      const socket = await knock({}, own.url);
      expect(socket.status).toBe(101);
      for (let i = 0; i < 500; i++) socket.sendFrame({ payload: 'x' });
      expect(await within(socket.closed, 10_000, 'the close')).toBe(1008);
      // Four that the address had left, eight refusals, and what of the same turn was on its way.
      expect(socket.messages().length).toBeLessThanOrEqual(32);
    } finally {
      await own.stop();
    }
  });
});

describe('a gateway that stops', () => {
  it('lets a running call end, then closes the socket as going away', async () => {
    let finish = (): void => undefined;
    const slow = await startRecordingUpstream({
      script: async ({ method }) => {
        if (method === 'tools/call') {
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
        }
        return undefined;
      },
    });
    const own = await startGateway({
      config: {
        admin: false,
        doors: { websocket: true },
        callers: { anonymous: 'reader' },
        roles: { reader: { tools: ['*'] } },
        upstreams: { rec: { url: slow.url } },
      },
    });
    try {
      const socket = await knock({}, own.url);
      await greet(socket);
      socket.send(echo('last'));
      await waitFor(() => slow.of('tools/call').length === 1, { what: 'the call' });
      const stopped = own.stop();
      await waitFor(async () => {
        socket.send({ id: 'late', method: 'tools/list' });
        return socket.messages().some(({ id, error }) => id === 'late' && error !== undefined);
      });
      finish();
      expect((await answerTo(socket, 'last')).result).toBeDefined();
      expect(await within(socket.closed, 10_000, 'the close')).toBe(1001);
      expect((await stopped).code).toBe(0);
    } finally {
      finish();
      await own.stop();
      await slow.close();
    }
  }, 60_000);

  it('[doors-off] has neither door unless the configuration opens it', async () => {
    const own = await startGateway({
      config: { admin: false, callers: { anonymous: 'reader' }, roles: { reader: { tools: ['*'] } }, upstreams: {} },
    });
    try {
      expect((await knock({}, own.url)).status).toBe(405);
      expect((await openSse(own.url.replace('/mcp', '/sse'))).status).toBe(404);
    } finally {
      await own.stop();
    }
  });
});
