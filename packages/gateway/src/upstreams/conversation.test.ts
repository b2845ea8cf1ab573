import { createCanceller } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Conversation } from './conversation.ts';
import { fakePorts, fakeSpawn, type FakeChild } from './fakes.ts';
import type { LinkAnswer, LinkEvent } from './link.ts';
import { defaultTuning, type OpenOptions } from './options.ts';
import { StdioChannel } from './stdio/channel.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const silent = { onMessage: () => {}, onRequest: () => Promise.reject(new Error('unused')) };

const open = (options: Partial<OpenOptions> = {}) => {
  const events: LinkEvent[] = [];
  const children: FakeChild[] = [];
  const spawn = fakeSpawn((child) => children.push(child));
  const ports = fakePorts({ spawn });
  const child = spawn({ program: 'server', args: [], env: {}, cwd: '/', mark: 'm' });
  const settled: OpenOptions = {
    name: 'files',
    tuning: { ...defaultTuning, messageBytes: 1000, stopMs: 100 },
    clientCapabilities: {},
    clientInfo: {},
    ask: [],
    isShared: true,
    cancellation: createCanceller(),
    onEvent: (_link, event) => void events.push(event),
    ...options,
  };
  const link = new Conversation(new StdioChannel(child, settled, ports), settled, ports);
  void link.connect();
  const request = (canceller = createCanceller()): Promise<LinkAnswer> =>
    link.request(
      {
        id: link.mint(),
        method: 'tools/call',
        params: Buffer.from('{}'),
        timeoutMs: 1000,
        maxTimeMs: 1000,
        cancellation: canceller,
      },
      silent,
    );
  return { link, child, events, request };
};

const flush = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a conversation over standard streams', () => {
  it('gives each answer to the request with its id, whatever the order', async () => {
    const { child, request } = open();
    const [first, second] = [request(), request()];
    child.say({ jsonrpc: '2.0', id: 2, result: { n: 2 } });
    child.say({ jsonrpc: '2.0', id: 1, result: { n: 1 } });
    await flush();
    expect(await first).toMatchObject({ message: { value: { result: { n: 1 } } } });
    expect(await second).toMatchObject({ message: { value: { result: { n: 2 } } } });
  });

  it('drops answers that nobody waits for, lines that are no message and lines that are too long', async () => {
    const { child, events, request } = open();
    const waiting = request();
    child.say({ jsonrpc: '2.0', id: 99, result: {} });
    child.say({ jsonrpc: '2.0', id: '1', result: {} });
    child.say('listening on port 3000');
    child.say(`"${'x'.repeat(5000)}"`);
    child.say({ jsonrpc: '2.0', id: 1, result: {} });
    await flush();
    expect(await waiting).toMatchObject({ kind: 'answer' });
    expect(events.map(({ kind }) => kind)).toEqual(['dropped', 'dropped', 'dropped', 'dropped']);
  });

  it('tells the server that a request is called off, by timeout or by the caller', async () => {
    const { child, request } = open();
    const canceller = createCanceller();
    void request(canceller);
    void request();
    canceller.cancel('gone');
    await vi.advanceTimersByTimeAsync(1000);
    expect(child.lines.slice(2).map((line): unknown => JSON.parse(line))).toMatchObject([
      { method: 'notifications/cancelled', params: { requestId: 1 } },
      { method: 'notifications/cancelled', params: { requestId: 2 } },
    ]);
  });

  it('fails everything in flight at once when the process ends', async () => {
    const { child, link, events, request } = open();
    const waiting = [request(), request()];
    child.exit({ code: null, signal: 'SIGSEGV' });
    await flush();
    for (const answer of await Promise.all(waiting)) {
      expect(answer).toMatchObject({ failure: { reason: 'closed', detail: 'signal SIGSEGV' } });
    }
    expect(link.state).toBe('closed');
    expect(events).toMatchObject([{ kind: 'closed' }]);
    expect(await request()).toMatchObject({ failure: { reason: 'closed' } });
  });

  it('is busy when the server does not read', async () => {
    const { child, link, request } = open();
    child.stdin.cork();
    const params = Buffer.from(JSON.stringify({ text: 'x'.repeat(5 * 1024 * 1024) }));
    await link.notify('notifications/x', params);
    expect(await request()).toMatchObject({ failure: { reason: 'busy' } });
  });

  it('stops a server by the end of its input where that is enough', async () => {
    const { child, link } = open();
    child.stdin.on('finish', () => child.exit());
    const stopping = link.close();
    await vi.advanceTimersByTimeAsync(500);
    await stopping;
    expect(child.signals).toEqual([]);
  });

  it('stops a server that does not end by SIGTERM and then SIGKILL', async () => {
    const { child, link } = open();
    const stopping = link.close();
    await vi.advanceTimersByTimeAsync(99);
    expect(child.signals).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(child.signals).toEqual(['SIGTERM']);
    await vi.advanceTimersByTimeAsync(500);
    await stopping;
    expect(child.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });
});
