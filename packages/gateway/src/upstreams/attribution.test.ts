import { createCanceller } from '@sallyport/guard';
import { readMessage, type Message } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import { answerServerRequest, ownerOfNotification, ownerOfRequest } from './attribution.ts';
import { fakePorts } from './fakes.ts';
import type { LinkListener } from './link.ts';
import { PendingCall } from './pending-call.ts';

const message = (value: object): Message => {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...value })));
  if (reading.kind === 'fault') throw new Error(reading.fault.name);
  return reading.message;
};

const calls = (methods: readonly string[], listener: Partial<LinkListener> = {}): Map<number, PendingCall> =>
  new Map(
    methods.map((method, index) => [
      index + 1,
      new PendingCall(
        {
          id: index + 1,
          method,
          params: undefined,
          timeoutMs: Infinity,
          maxTimeMs: Infinity,
          cancellation: createCanceller(),
        },
        { onMessage: () => {}, onRequest: () => Promise.reject(new Error('secret')), ...listener },
        () => {},
        () => {},
        { ...fakePorts(), name: 'files' },
      ),
    ]),
  );

describe('a notification', () => {
  const inFlight = calls(['tools/call', 'tools/call']);

  it('belongs to the call whose id its progress token is, and to no other', () => {
    const progress = (progressToken: unknown): Message =>
      message({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    expect(ownerOfNotification(inFlight, progress(2), true)).toBe(inFlight.get(2));
    expect(ownerOfNotification(inFlight, progress(3), true)).toBeUndefined();
    expect(ownerOfNotification(inFlight, progress('2'), true)).toBeUndefined();
  });

  it('belongs to the subscription that it names', () => {
    const update = message({
      method: 'notifications/tools/list_changed',
      params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } },
    });
    expect(ownerOfNotification(inFlight, update, true)).toBe(inFlight.get(1));
  });

  it('without a name belongs to nobody, except a log on the conversation of one caller with one call', () => {
    const log = message({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
    const alone = calls(['tools/call']);
    expect(ownerOfNotification(alone, log, false)).toBe(alone.get(1));
    expect(ownerOfNotification(alone, log, true)).toBeUndefined();
    expect(ownerOfNotification(inFlight, log, false)).toBeUndefined();
    expect(ownerOfNotification(alone, message({ method: 'notifications/x' }), false)).toBeUndefined();
  });
});

describe("a server's request", () => {
  const asking = message({ id: 'q', method: 'elicitation/create', params: {} });
  const answer = async (...rest: Parameters<typeof answerServerRequest> extends [Message, ...infer R] ? R : never) =>
    JSON.parse((await answerServerRequest(asking, ...rest)).toString()) as {
      error?: { code: number; message: string };
    };

  it('belongs to the one interactive call of a conversation with one caller', () => {
    const one = calls(['tools/list', 'tools/call']);
    expect(ownerOfRequest(one, false)).toBe(one.get(2));
    expect(ownerOfRequest(one, true)).toBeUndefined();
    expect(ownerOfRequest(calls(['tools/call', 'prompts/get']), false)).toBeUndefined();
    expect(ownerOfRequest(calls(['tools/list']), false)).toBeUndefined();
  });

  it('is answered "method not found" when it has no owner, or is of a kind that may not be asked', async () => {
    const refused: string[] = [];
    const call = calls(['tools/call']).get(1);
    expect((await answer(undefined, ['elicitation'], (method) => refused.push(method))).error?.code).toBe(-32601);
    expect((await answer(call, ['sampling'], (method) => refused.push(method))).error?.code).toBe(-32601);
    expect(refused).toEqual(['elicitation/create', 'elicitation/create']);
  });

  it('is answered without inner detail when the caller could not be asked', async () => {
    const answered = await answer(calls(['tools/call']).get(1), ['elicitation'], () => {});
    expect(answered.error).toEqual({ code: -32603, message: 'Internal error' });
  });

  it('for a ping is answered by the gateway', async () => {
    const ping = message({ id: 9, method: 'ping' });
    expect((await answerServerRequest(ping, undefined, [], () => {})).toString()).toBe(
      '{"jsonrpc":"2.0","id":9,"result":{}}',
    );
  });
});
