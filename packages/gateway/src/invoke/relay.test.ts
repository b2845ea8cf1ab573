import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  filesPath,
  grantOf,
  intended,
  makeStream,
  makeWorld,
  messageOf,
  policyOf,
  tool,
  type RequestSpec,
} from '../exchange.fixture.ts';
import type { GatewayTarget } from '../resolve.ts';
import { createRelay } from './relay.ts';

const world = await makeWorld({ files: { tools: [tool('read')], ask: ['elicitation'] } });

async function relaying(spec: Partial<RequestSpec> & { readonly meta?: object } = {}) {
  const stream = makeStream();
  const params = { name: spec.path === undefined ? 'files__read' : 'read', _meta: envelope({ ...spec.meta }) };
  const exchange = await intended(world, { value: { id: 1, method: 'tools/call', params }, stream, ...spec });
  const target: GatewayTarget = exchange.target;
  return { relay: createRelay(exchange, target, world), stream, exchange };
}

const progress = messageOf(
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progressToken" : 77,"progress":1.0 }}',
);
const logged = messageOf({ method: 'notifications/message', params: { level: 'info', data: 'x' } });

describe('progress', () => {
  it.each(['"mine"', '7', '"\\u0061"'])(
    'reaches the caller under its own token %s, in its own bytes',
    async (token) => {
      const meta = JSON.stringify(envelope()).slice(1, -1);
      const value = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"files__read","_meta":{${meta},"progressToken":${token}}}}`;
      const { relay, stream } = await relaying({ value });
      relay.onMessage(progress);
      expect(stream.sent).toEqual([
        `{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progressToken" : ${token},"progress":1.0 }}`,
      ]);
      expect(relay.count).toBe(1);
    },
  );

  it('goes nowhere when the caller asked for none', async () => {
    const { relay, stream } = await relaying();
    relay.onMessage(progress);
    expect([stream.sent, relay.count]).toEqual([[], 0]);
  });
});

describe('a message before the answer', () => {
  it('says nothing under the gateway’s name', async () => {
    const { relay, stream } = await relaying({ meta: { 'io.modelcontextprotocol/logLevel': 'info' } });
    const _meta = { 'io.sallyport/refusal': { reason: 'denied' }, own: 1 };
    relay.onMessage(messageOf({ method: 'notifications/message', params: { level: 'info', data: 'x', _meta } }));
    expect(stream.sent.map((text) => (JSON.parse(text) as { params: object }).params)).toEqual([
      { level: 'info', data: 'x', _meta: { own: 1 } },
    ]);
  });
});

describe('logs', () => {
  it('reach a modern caller only when it asked for them', async () => {
    const silent = await relaying();
    silent.relay.onMessage(logged);
    const asking = await relaying({ meta: { 'io.modelcontextprotocol/logLevel': 'info' } });
    asking.relay.onMessage(logged);
    expect([silent.stream.sent.length, asking.stream.sent.length]).toEqual([0, 1]);
  });

  it('reach each caller from the level on that it asked for', async () => {
    const modern = await relaying({ meta: { 'io.modelcontextprotocol/logLevel': 'warning' } });
    const session = beginSession(world);
    session.logLevel = 'warning';
    const legacy = await relaying({ era: 'legacy', session });
    for (const level of ['info', 'warning', 'error']) {
      const message = messageOf({ method: 'notifications/message', params: { level, data: 'x' } });
      modern.relay.onMessage(message);
      legacy.relay.onMessage(message);
    }
    expect([modern.stream.sent.length, legacy.stream.sent.length]).toEqual([2, 2]);
  });

  it('reach a legacy caller', async () => {
    const { relay, stream } = await relaying({ era: 'legacy' });
    relay.onMessage(logged);
    expect(stream.sent).toHaveLength(1);
  });
});

describe('what comes before the answer', () => {
  it('opens the stream when the server answers with one', async () => {
    const { relay, stream } = await relaying();
    relay.onStream?.();
    expect(stream.opened()).toBe(1);
  });

  it('is nothing but progress and logs for a modern caller, and nothing unheard of for a legacy one', async () => {
    const methods = [
      'tools/list_changed',
      'tasks/status',
      'elicitation/complete',
      'x/y',
      'cancelled',
      'resources/updated',
    ];
    const [modern, legacy] = [await relaying(), await relaying({ era: 'legacy' })];
    for (const method of methods) {
      for (const { relay } of [modern, legacy])
        relay.onMessage(messageOf({ method: `notifications/${method}`, params: {} }));
    }
    expect(modern.stream.sent).toEqual([]);
    expect(legacy.stream.sent.map((text) => (JSON.parse(text) as { method: string }).method)).toEqual([
      'notifications/elicitation/complete',
    ]);
  });

  it('is dropped for a caller that takes no stream', async () => {
    const stream = makeStream(false);
    const { relay } = await relaying({ stream, era: 'legacy' });
    relay.onMessage(logged);
    expect([stream.sent, relay.count]).toEqual([[], 0]);
  });

  it('is kept from the caller when it is too large, and the call fails for it', async () => {
    const { relay, stream, exchange } = await relaying({ era: 'legacy' });
    relay.onMessage(
      messageOf({ method: 'notifications/message', params: { data: 'x'.repeat(exchange.rules.limits.message) } }),
    );
    expect(stream.sent).toEqual([]);
    expect(relay.refused).toMatchObject({ reason: 'too-large' });
  });

  it('names resources as callers of this path do', async () => {
    const updated = messageOf({ method: 'notifications/resources/updated', params: { uri: 'file:///a' } });
    const all = await relaying({ era: 'legacy' });
    all.relay.onMessage(updated);
    expect(all.stream.sent.join()).toContain('"mcp+files:file:///a"');
    const direct = await relaying({ era: 'legacy', path: filesPath });
    direct.relay.onMessage(updated);
    expect(direct.stream.sent.join()).toContain('"file:///a"');
  });
});

describe('an update of a resource on the stream of a request', () => {
  const updated = messageOf({ method: 'notifications/resources/updated', params: { uri: 'file:///secret' } });

  it('is kept from a caller that may not read it', async () => {
    const closed = await makeWorld(
      { files: { tools: [tool('read')] } },
      policyOf({ reader: { tools: [grantOf('*')] } }),
    );
    const stream = makeStream();
    const value = { id: 1, method: 'tools/call', params: { name: 'files__read' } };
    const exchange = await intended(closed, { value, era: 'legacy', stream });
    createRelay(exchange, exchange.target, closed).onMessage(updated);
    expect(stream.sent).toEqual([]);
  });

  it('is kept from modern callers, who hear updates where they listen', async () => {
    const { relay, stream } = await relaying();
    relay.onMessage(updated);
    expect(stream.sent).toEqual([]);
  });
});

describe('a question of the server', () => {
  const question = messageOf({ id: 9, method: 'elicitation/create', params: { message: '?' } });

  it('reaches the legacy caller of this very request, and leaves a record', async () => {
    const session = beginSession(world, { capabilities: { elicitation: {} } });
    const { relay, stream } = await relaying({ era: 'legacy', session });
    const before = world.recorded.length;
    const answer = relay.onRequest(question);
    expect(stream.sent).toEqual(['{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?"}}']);
    session.settle(messageOf({ id: 1, result: { action: 'accept' } }));
    expect(await answer).toMatchObject({ kind: 'result', body: Buffer.from('{"action":"accept"}') });
    expect(world.recorded.slice(before)).toMatchObject([
      {
        exchange: 'x7Qe',
        method: 'elicitation/create',
        principal: { id: 'key:ada' },
        target: { upstream: 'files' },
        outcome: { status: 'ok' },
      },
    ]);
  });

  it('says nothing under the gateway’s name', async () => {
    const session = beginSession(world, { capabilities: { elicitation: {} } });
    const { relay, stream } = await relaying({ era: 'legacy', session });
    const params = { message: '?', _meta: { 'io.sallyport/refusal': { reason: 'denied' } } };
    void relay.onRequest(messageOf({ id: 9, method: 'elicitation/create', params }));
    expect(stream.sent).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?","_meta":{}}}',
    ]);
  });

  it('reaches no other conversation of the same caller', async () => {
    const capabilities = { elicitation: {} };
    const [one, other] = [beginSession(world, { capabilities }), beginSession(world, { capabilities })];
    const otherStream = makeStream();
    other.attach(otherStream);
    const { relay, stream } = await relaying({ era: 'legacy', session: one });
    void relay.onRequest(question);
    expect([stream.sent.length, otherStream.sent.length]).toEqual([1, 0]);
  });

  it('is refused where there is nobody to ask', async () => {
    const session = beginSession(world);
    for (const more of [{}, { era: 'legacy' as const }, { era: 'legacy' as const, session }]) {
      const { relay, stream } = await relaying(more);
      expect(await relay.onRequest(question)).toMatchObject({ kind: 'error' });
      expect(stream.sent).toEqual([]);
    }
  });
});
