// Callers that stop reading, die without a word, or send more than they take: others go on, and memory stays bounded.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Intended } from '@sallyport/guard';
import { LegacySession, open, openRawWebSocket, waitFor, within, type RawWebSocket } from '@sallyport/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, openDoors, type Doing, type OpenDoors } from './open-doors.ts';

const mebibyte = 1024 * 1024;
const text = 'x'.repeat(64 * 1024);
const ok = answerOf({ content: [] });
const hello = { id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } };
const call = (id: number) => ({ id, method: 'tools/call', params: { name: 'tool', arguments: {} } });
const notice = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: text } }));

let doors: OpenDoors | undefined;
const left: { destroy(): void }[] = [];
afterEach(async () => {
  for (const each of left.splice(0)) each.destroy();
  await doors?.close();
});

async function start(doing: Doing, options: Parameters<typeof openDoors>[1] = {}): Promise<OpenDoors> {
  doors = await openDoors(doing, options);
  return doors;
}

async function greeted(url: string, options = {}): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(url, options);
  left.push(socket);
  socket.send(hello);
  await waitFor(() => socket.messages().some(({ id }) => id === 0), { what: 'the handshake' });
  return socket;
}

const count = ({ conversations }: OpenDoors): number => [...conversations.list()].length;

describe('a dead peer', () => {
  it('[websocket-limits] is dropped when it answers no ping, and one that does stays', async () => {
    const own = await start(() => ok, { pingMs: 100 });
    const dead = await greeted(own.url, { answersPings: false });
    const alive = await greeted(own.url);
    expect(await within(dead.closed, 10_000, 'the dead peer to be dropped')).toBeUndefined();
    await waitFor(() => alive.frames.filter(({ opcode }) => opcode === 9).length > 4, { what: 'pings' });
    expect([alive.isClosed, count(own)]).toEqual([false, 1]);
    alive.send(call(1));
    await waitFor(() => alive.messages().some(({ id }) => id === 1));
  });

  it('[websocket-limits] is dropped when it stops reading in the middle', async () => {
    const own = await start(() => answerOf({ content: [{ type: 'text', text }] }), { pingMs: 200 });
    const stuck = await greeted(own.url);
    stuck.pause();
    for (let id = 1; id <= 400; id++) stuck.send(call(id));
    await waitFor(() => count(own) === 0, { what: 'the stuck caller to be dropped' });
  });
});

describe('connections that make no request', () => {
  it('[silent-connections] make room for each other long before their time is over, and callers are let in', async () => {
    const own = await start(() => ok, { silentPerAddress: 10, silentGraceMs: 0 });
    const alive = await greeted(own.url);
    const sockets: Socket[] = [];
    for (let index = 0; index < 30; index += 1) {
      const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
      left.push(socket);
      await once(socket, 'connect');
      sockets.push(socket.on('error', () => undefined).resume());
    }
    const other = await greeted(own.url);
    other.send(call(1));
    await waitFor(() => other.messages().some(({ id }) => id === 1), { what: 'the other caller' });
    await waitFor(() => sockets.filter(({ closed }) => closed).length >= 20, { what: 'the oldest to be cut' });
    expect(sockets.slice(21).map(({ closed }) => closed)).not.toContain(true);
    expect(alive.isClosed).toBe(false);
  });
});

describe('a caller that does not read', () => {
  it('[slow-readers] is not listened to until it does, and then gets every answer', async () => {
    let calls = 0;
    const own = await start(() => {
      calls += 1;
      return answerOf({ content: [{ type: 'text', text: text.slice(0, 8192) }] });
    });
    const slow = await greeted(own.url);
    slow.pause();
    for (let id = 1; id <= 8000; id++) slow.send(call(id));
    let before = -1;
    await waitFor(
      () => {
        const hasStopped = calls === before && calls > 0;
        before = calls;
        return hasStopped;
      },
      { everyMs: 300, what: 'the calls to stop' },
    );
    expect(calls).toBeLessThan(5000);
    const other = await greeted(own.url);
    other.send(call(1));
    await waitFor(() => other.messages().some(({ id }) => id === 1), { what: 'the other caller' });
    slow.resume();
    const texts = () => slow.frames.filter(({ opcode }) => opcode === 1).length;
    await waitFor(() => texts() === 8001, { ceilingMs: 30_000, everyMs: 100, what: 'all answers' });
    expect(slow.isClosed).toBe(false);
  }, 60_000);

  it('[slow-readers] is cut off when too much waits for it, and its calls are cancelled', async () => {
    const own = await start(flood, { perConnection: mebibyte });
    const socket = await greeted(own.url);
    socket.pause();
    socket.send(call(1));
    await waitFor(() => count(own) === 0, { what: 'the socket to be cut' });
    await waitFor(() => own.recorded.includes('refusal cancelled'), { what: 'the record' });
  });

  it('[slow-readers] of 2026-07-28 is cut off, and its call is cancelled', async () => {
    const own = await start(flood, { perConnection: mebibyte });
    left.push(await stall(own.url));
    await waitFor(() => own.recorded.includes('refusal cancelled'), { what: 'the record' });
  });

  it('[slow-readers] holds no more on all its streams than a caller may', async () => {
    const own = await start(() => ok, { perConnection: 16 * mebibyte, perCaller: 2 * mebibyte });
    const streams: IncomingMessage[] = [];
    for (let i = 0; i < 6; i++) {
      const session = await LegacySession.open(own.url);
      const stream = await open(own.url, undefined, {
        method: 'GET',
        headers: { ...session.headers(), accept: 'text/event-stream' },
      });
      stream.on('error', () => undefined).pause();
      left.push(stream);
      streams.push(stream);
    }
    const sessions = [...own.sessions.list()];
    // More than sockets of this machine take for a peer that does not read.
    for (let round = 0; round < 40; round++) {
      for (const session of sessions) for (let i = 0; i < 10; i++) session.push(notice);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await waitFor(() => own.recorded.filter((line) => line === 'outcome stream closed').length >= 3, {
      what: 'streams to be cut',
    });
    expect(sessions.every(({ isClosed }) => !isClosed)).toBe(true);
  });

  it('[slow-readers] gets no pongs without end', async () => {
    const own = await start(() => ok);
    const socket = await greeted(own.url);
    socket.pause();
    const payload = 'p'.repeat(125);
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 1000; i++) socket.sendFrame({ opcode: 9, payload });
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * mebibyte);
    expect(count(own)).toBe(1);
    socket.resume();
    socket.send(call(1));
    await waitFor(() => socket.messages().some(({ id }) => id === 1), { ceilingMs: 30_000, what: 'the answer' });
    expect(socket.frames.filter(({ opcode }) => opcode === 10).length).toBeLessThan(100_000);
  }, 60_000);
});

/** Says things without end, until nobody listens. */
async function flood({ caller, cancellation }: Intended) {
  while (!cancellation.isCancelled) {
    caller.send(notice);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return { isRefusal: true as const, name: 'cancelled' as const };
}

/** A modern call whose answer is not read. */
async function stall(url: string): Promise<IncomingMessage> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'tool',
      arguments: {},
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'stall', version: '1' },
      },
    },
  });
  const response = await open(url, body, {
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'tool' },
  });
  response.on('error', () => undefined).pause();
  return response;
}
