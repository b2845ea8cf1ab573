import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeHttpClient, fakePorts, type Dispatched } from '../fakes.ts';
import { defaultTuning } from '../options.ts';
import { sendNotice } from './notice.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const send = (body: Buffer | undefined) => {
  const sent: Dispatched[] = [];
  let aborted = 0;
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders: null,
    rawTrailers: null,
    abort: () => void (aborted += 1),
    pause: () => {},
    resume: () => {},
  };
  const others = fakeHttpClient(() => {
    throw new Error('notices have connections of their own');
  });
  const outcome = sendNotice(
    {
      name: 'files',
      url: 'http://127.0.0.1/mcp',
      path: '/mcp',
      calls: others,
      notices: fakeHttpClient((dispatched) => sent.push(dispatched)),
      streams: others,
      headers: [],
      credentials: [],
      redact: (text) => text,
      tuning: { ...defaultTuning, handshakeMs: 3000, stopMs: 500 },
      bounds: {},
      ports: fakePorts(),
    },
    [],
    body,
  );
  const [dispatched] = sent;
  if (dispatched === undefined) throw new Error('nothing was sent');
  return { outcome, controller, handler: dispatched.handler, aborted: () => aborted };
};

describe('a message that gets no JSON-RPC answer', () => {
  it('is given up when it is not taken in time, and not sent later either', async () => {
    const { outcome, controller, handler, aborted } = send(Buffer.from('{}'));
    await vi.advanceTimersByTimeAsync(3000);
    expect(await outcome).toMatchObject({ reason: 'unreachable' });
    handler.onRequestStart?.(controller, {});
    expect(aborted()).toBe(1);
  });

  it('that ends a session has no more time than a step of stopping', async () => {
    const { outcome, controller, handler, aborted } = send(undefined);
    handler.onRequestStart?.(controller, {});
    await vi.advanceTimersByTimeAsync(500);
    expect(await outcome).toMatchObject({ reason: 'unreachable' });
    expect(aborted()).toBe(1);
  });

  it('is done with the head of its answer, and loses the connection when the answer does not end', async () => {
    const { outcome, controller, handler, aborted } = send(Buffer.from('{}'));
    handler.onRequestStart?.(controller, {});
    handler.onResponseStart?.(controller, 202, {});
    expect(await outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(3000);
    expect(aborted()).toBe(1);
  });
});
