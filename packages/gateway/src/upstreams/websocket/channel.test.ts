import { createCanceller, type SocketListener, type SocketRequest } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChannelListener } from '../channel.ts';
import { fakePorts } from '../fakes.ts';
import type { LinkFailure } from '../link.ts';
import { defaultTuning } from '../options.ts';
import { WebSocketChannel } from './channel.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const token = ['synthetic', 'token'].join('-');
const credential = `Bearer ${token}`;

const connect = () => {
  const sent: string[] = [];
  const heard: string[] = [];
  const ended: LinkFailure[] = [];
  let request: SocketRequest | undefined;
  let server: SocketListener | undefined;
  const ports = fakePorts({
    socket: (wanted, listener) => {
      request = wanted;
      server = listener;
      return {
        unsent: 7,
        sendText: (text) => void sent.push(text.toString()),
        ping: () => void sent.push('(ping)'),
        close: () => void sent.push('(close)'),
        destroy: () => void sent.push('(destroy)'),
      };
    },
  });
  const channel = new WebSocketChannel(
    { kind: 'websocket', url: 'wss://api.example.com/mcp', headers: { authorization: credential } },
    {
      name: 'files',
      tuning: { ...defaultTuning, messageBytes: 10, quietMs: 1000, stopMs: 500, handshakeMs: 3000 },
      clientCapabilities: {},
      clientInfo: {},
      ask: [],
      isShared: true,
      cancellation: createCanceller(),
      onEvent: () => {},
    },
    ports,
  );
  const listener: ChannelListener = {
    onMessage: (bytes) => heard.push(Buffer.from(bytes).toString()) > 0,
    onDropped: (detail) => void heard.push(`(${detail})`),
    onQuiet: () => void heard.push('(quiet)'),
    onEnd: (failure) => void ended.push(failure),
  };
  const opening = channel.open(listener);
  if (server === undefined || request === undefined) throw new Error('nothing was opened');
  return { channel, opening, server, request, sent, heard, ended };
};

describe('a WebSocket as a channel', () => {
  it('asks for the subprotocol with the headers of the entry, and bounds what comes', () => {
    const { request, channel } = connect();
    expect(request).toMatchObject({
      url: 'wss://api.example.com/mcp',
      headers: { authorization: credential },
      protocol: 'mcp',
      messageBytes: 10,
    });
    expect(channel.unsent).toBe(7);
  });

  it('carries text frames both ways, up to the largest message, and drops others', async () => {
    const { channel, opening, server, sent, heard } = connect();
    server.onOpen();
    expect(await opening).toBeUndefined();
    expect(channel.send(Buffer.from('{"a":1}'))).toBeUndefined();
    expect(channel.send(Buffer.alloc(11))).toMatchObject({ reason: 'too-large' });
    server.onMessage(Buffer.from('one'), true);
    server.onMessage(Buffer.from('two'), false);
    expect(sent).toEqual(['{"a":1}']);
    expect(heard).toEqual(['one', '(a binary frame)']);
  });

  it('pings a quiet server, and breaks with one that does not answer', async () => {
    const { opening, server, sent, ended } = connect();
    server.onOpen();
    await opening;
    vi.advanceTimersByTime(2000);
    expect(sent).toEqual(['(ping)']);
    server.onSign();
    vi.advanceTimersByTime(2000);
    expect(sent).toEqual(['(ping)', '(ping)']);
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual(['(ping)', '(ping)', '(destroy)']);
    expect(ended).toMatchObject([{ reason: 'unreachable', detail: 'no answer to a ping' }]);
  });

  it.each([
    [301, 'bad-answer', 'files answered with a redirect, which is not followed.'],
    [401, 'unauthorized', 'files refused the credentials it was given.'],
    [404, 'bad-answer', 'files offers no WebSocket at this URL.'],
    [503, 'busy', 'files is too busy.'],
  ])('that is refused with %i says so', async (status, reason, text) => {
    const { opening, server } = connect();
    server.onRefused(status, {});
    expect(await opening).toMatchObject({ reason, text });
  });

  it.each([
    [{ code: 1001, reason: 'bye\u001b[2J' }, undefined, 'closed', 'files closed the connection.'],
    [{ code: 1006, reason: '' }, ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', ''], 'too-large', undefined],
    [{ code: 1006, reason: '' }, ['WS_ERR_INVALID_UTF8', ''], 'bad-answer', 'files broke the rules of WebSocket.'],
    [{ code: 1006, reason: '' }, ['ECONNRESET', ''], 'unreachable', 'files could not be reached.'],
    [{ code: 1006, reason: '' }, [undefined, 'Server sent no subprotocol'], 'bad-answer', undefined],
  ] as const)('that ends with %j says why', async (end, problem, reason, text) => {
    const { opening, server, ended, channel } = connect();
    server.onOpen();
    await opening;
    const [code, message] = problem ?? [];
    const error =
      problem === undefined ? undefined : Object.assign(new Error(message), code === undefined ? {} : { code });
    server.onEnd({ ...end, error });
    expect(ended).toMatchObject([{ reason, ...(text === undefined ? {} : { text }) }]);
    expect(channel.lastWords()).toBe(end.code === 1001 ? 'bye[2J' : undefined);
    server.onMessage(Buffer.from('late'), true);
    expect(ended).toHaveLength(1);
  });

  it('takes its own credentials out of the words with which a server closes', async () => {
    const { channel, opening, server, ended } = connect();
    server.onOpen();
    await opening;
    server.onEnd({
      code: 1011,
      reason: `no ${credential} nor ${token.slice(0, 9)}\u0007${token.slice(9)}`,
      error: undefined,
    });
    expect(channel.lastWords()).toBe('no (redacted) nor (redacted)');
    expect(JSON.stringify(ended)).not.toContain(token);
  });

  it('takes them out of the target of a redirect', async () => {
    const { opening, server } = connect();
    server.onRefused(302, { location: `https://elsewhere.example/${token}` });
    expect(await opening).toMatchObject({ detail: 'HTTP 302 to https://elsewhere.example/(redacted)' });
  });

  it('says goodbye, and breaks the connection when the server does not', async () => {
    const { channel, opening, server, sent, ended } = connect();
    server.onOpen();
    await opening;
    const closing = channel.close();
    expect(sent).toEqual(['(close)']);
    await vi.advanceTimersByTimeAsync(500);
    await closing;
    expect(sent).toEqual(['(close)', '(destroy)']);
    expect(ended).toEqual([]);
  });

  it('is given up when it does not open in time, however busy the server seems', async () => {
    const { opening, sent } = connect();
    vi.advanceTimersByTime(3000);
    expect(await opening).toMatchObject({ reason: 'unreachable', text: 'files could not be reached in time.' });
    expect(sent).toEqual(['(destroy)']);
  });

  it('can be closed while it opens', async () => {
    const { channel, opening } = connect();
    void channel.close();
    expect(await opening).toMatchObject({ reason: 'closed' });
  });
});
