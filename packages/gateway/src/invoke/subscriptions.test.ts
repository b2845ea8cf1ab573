import { createCanceller } from '@sallyport/guard';
import { describe, expect, it, vi } from 'vitest';
import {
  beginSession,
  envelope,
  filesPath,
  grantOf,
  intended,
  jsonOf,
  makeRules,
  makeStream,
  makeWorld,
  messageOf,
  openPolicy,
  policyOf,
  settle,
  tool,
  type RequestSpec,
  type TestWorld,
} from '../exchange.fixture.ts';
import type { LinkListener } from '../upstreams/link.ts';

const updated = (uri: string) => messageOf({ method: 'notifications/resources/updated', params: { uri } });
const subscribe = (uri: string, method = 'resources/subscribe') => ({ id: 1, method, params: { uri } });

function listening(session: ReturnType<typeof beginSession>) {
  const stream = makeStream();
  session.attach(stream);
  return stream;
}

async function relay(world: TestWorld, spec: RequestSpec) {
  const exchange = await intended(world, { era: 'legacy', ...spec });
  const { subscriptions } = world;
  return exchange.message.method === 'resources/subscribe'
    ? subscriptions.subscribe(exchange, world)
    : subscriptions.unsubscribe(exchange, world);
}

const methodsOf = (world: TestWorld) =>
  world
    .server('files')
    .link.requests.map(({ method }) => method)
    .filter((method) => !method.endsWith('list'));

describe('a subscription of a legacy caller', () => {
  it('is made at the server and heard by whoever subscribed, and by nobody else', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const [one, other] = [beginSession(world), beginSession(world, { caller: 'key:eve' })];
    const [heard, unheard] = [listening(one), listening(other)];
    expect(await relay(world, { value: subscribe('mcp+files:file:///a'), session: one })).toMatchObject({
      kind: 'result',
    });
    expect(methodsOf(world)).toEqual(['resources/subscribe']);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    world.server('files').say({ scope: '', message: updated('file:///b') });
    expect(heard.sent).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"mcp+files:file:///a"}}',
    ]);
    expect(unheard.sent).toEqual([]);
  });

  it('names resources as callers of its path do', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world, { path: filesPath });
    const stream = listening(session);
    await relay(world, { value: subscribe('file:///a'), session, path: filesPath });
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent.join()).toContain('"uri":"file:///a"');
  });

  it('falls silent at once when the policy no longer allows to read', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world);
    const stream = listening(session);
    await relay(world, { value: subscribe('mcp+files:file:///a'), session });
    world.inForce = makeRules(policyOf({ reader: { resources: [grantOf('files.file:///b')] } }), ['files']);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent).toEqual([]);
    world.inForce = makeRules(openPolicy(), ['files']);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent).toHaveLength(1);
  });

  it.each(['caller key:ada', 'upstream files'])('falls silent while %s is blocked', async (block) => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world);
    const { sent } = listening(session);
    await relay(world, { value: subscribe('mcp+files:file:///a'), session });
    const say = () => world.server('files').say({ scope: '', message: updated('file:///a') });
    world.blocked.add(block);
    say();
    expect(sent).toEqual([]);
    world.blocked.clear();
    say();
    expect(sent).toHaveLength(1);
  });

  it('ends at the server with the last of those who share it', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const [one, other] = [beginSession(world), beginSession(world)];
    const stream = listening(one);
    for (const session of [one, other]) await relay(world, { value: subscribe('mcp+files:file:///a'), session });
    await relay(world, { value: subscribe('mcp+files:file:///a', 'resources/unsubscribe'), session: one });
    expect(methodsOf(world)).toEqual(['resources/subscribe']);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent).toEqual([]);
    await relay(world, { value: subscribe('mcp+files:file:///a', 'resources/unsubscribe'), session: other });
    expect(methodsOf(world).at(-1)).toBe('resources/unsubscribe');
  });

  it('ends with its session', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world);
    await relay(world, { value: subscribe('mcp+files:file:///a'), session });
    void world.sessions.end(session, 'over');
    const stream = listening(session);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent).toEqual([]);
  });

  it('is not made when the server refuses it, and the caller reads why', async () => {
    const world = await makeWorld({
      files: {
        era: 'legacy',
        script: () => ({
          kind: 'answer',
          message: messageOf({ id: 1, error: { code: -32002, message: 'none' } }),
          httpStatus: undefined,
        }),
      },
    });
    const session = beginSession(world);
    const stream = listening(session);
    expect(await relay(world, { value: subscribe('mcp+files:file:///a'), session })).toMatchObject({
      kind: 'error',
      code: -32002,
    });
    world.server('files').say({ scope: '', message: updated('file:///a') });
    expect(stream.sent).toEqual([]);
  });
});

describe('subscriptions between the eras', () => {
  const acknowledging = () => {
    const listeners: LinkListener[] = [];
    const script = (request: { readonly params: Uint8Array | undefined }, listener: LinkListener) => {
      listeners.push(listener);
      const { notifications } = JSON.parse(Buffer.from(request.params ?? []).toString()) as { notifications: object };
      listener.onMessage(messageOf({ method: 'notifications/subscriptions/acknowledged', params: { notifications } }));
      return new Promise(() => undefined);
    };
    return { listeners, script };
  };

  it('[any-caller-any-server] a legacy caller subscribes at a modern server, which has to confirm it', async () => {
    const { listeners, script } = acknowledging();
    const world = await makeWorld({ files: { era: 'modern', script } });
    const session = beginSession(world);
    const { sent } = listening(session);
    expect(await relay(world, { value: subscribe('mcp+files:file:///a'), session })).toMatchObject({ kind: 'result' });
    listeners[0]?.onMessage(updated('file:///a'));
    expect(sent).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"mcp+files:file:///a"}}',
    ]);
    await relay(world, { value: subscribe('mcp+files:file:///a', 'resources/unsubscribe'), session });
    expect(world.server('files').link.requests.at(-1)?.cancellation.isCancelled).toBe(true);
  });

  it('a legacy caller is refused what a modern server does not confirm', async () => {
    const script = (_request: unknown, listener: LinkListener) => {
      listener.onMessage(
        messageOf({ method: 'notifications/subscriptions/acknowledged', params: { notifications: {} } }),
      );
      return new Promise(() => undefined);
    };
    const world = await makeWorld({ files: { era: 'modern', script } });
    const asked = { value: subscribe('mcp+files:file:///a'), session: beginSession(world) };
    expect(await relay(world, asked)).toMatchObject({ name: 'unbridgeable' });
  });

  it('[any-caller-any-server] a modern caller listens at a legacy server, by a subscription of our own', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const stream = makeStream();
    const cancellation = createCanceller();
    const notifications = { resourceSubscriptions: ['mcp+files:file:///a'] };
    const value = { id: 'L1', method: 'subscriptions/listen', params: { notifications, _meta: envelope() } };
    const ended = world.subscriptions.listen(await intended(world, { value, stream, cancellation }), world);
    await settle();
    expect(methodsOf(world)).toEqual(['resources/subscribe']);
    world.server('files').say({ scope: '', message: updated('file:///a') });
    world.server('files').say({ scope: '', message: updated('file:///b') });
    expect(stream.sent.map((text) => (JSON.parse(text) as { params: object }).params)).toEqual([
      { notifications, _meta: { 'io.modelcontextprotocol/subscriptionId': 'L1' } },
      { uri: 'mcp+files:file:///a', _meta: { 'io.modelcontextprotocol/subscriptionId': 'L1' } },
    ]);
    cancellation.cancel('gone');
    await ended;
    await settle();
    expect(methodsOf(world)).toEqual(['resources/subscribe', 'resources/unsubscribe']);
  });

  it('one subscription at the server serves callers of both eras', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world);
    const legacy = listening(session);
    const modern = makeStream();
    const notifications = { resourceSubscriptions: ['mcp+files:file:///a'] };
    const value = { id: 'L1', method: 'subscriptions/listen', params: { notifications, _meta: envelope() } };
    void world.subscriptions.listen(await intended(world, { value, stream: modern }), world);
    await relay(world, { value: subscribe('mcp+files:file:///a'), session });
    world.server('files').say({ scope: '', message: updated('file:///a') });
    await settle();
    expect([methodsOf(world), legacy.sent.length, modern.sent.length]).toEqual([['resources/subscribe'], 1, 2]);
  });

  it('a list that no server has is not acknowledged', async () => {
    const world = await makeWorld({ files: { capabilities: { tools: {} } } });
    const stream = makeStream();
    const notifications = { toolsListChanged: true, promptsListChanged: true };
    const value = { id: 'L1', method: 'subscriptions/listen', params: { notifications, _meta: envelope() } };
    void world.subscriptions.listen(await intended(world, { value, stream }), world);
    await settle();
    expect(stream.sent[0]).toContain('"notifications":{"toolsListChanged":true}');
  });
});

describe('logs outside of requests', () => {
  const logged = messageOf({ method: 'notifications/message', params: { level: 'info', data: 'x' } });

  it('reach the caller whose own conversation they came on, and nobody else', async () => {
    const world = await makeWorld({ files: { era: 'legacy', share: 'caller' }, other: {} });
    const [ada, eve] = [listening(beginSession(world)), listening(beginSession(world, { caller: 'key:eve' }))];
    const elsewhere = listening(beginSession(world, { path: { kind: 'server', server: 'other' } }));
    world.server('files').say({ scope: 'key:ada', message: logged });
    expect([ada.sent.length, eve.sent.length, elsewhere.sent.length]).toEqual([1, 0, 0]);
  });

  it('of a shared conversation reach nobody', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const stream = listening(beginSession(world));
    world.server('files').say({ scope: '', message: logged });
    expect(stream.sent).toEqual([]);
  });
});

describe('what a server says under the gateway’s name', () => {
  it('does not reach a session outside of requests', async () => {
    const world = await makeWorld({ files: { era: 'legacy', share: 'caller' } });
    const stream = listening(beginSession(world));
    const _meta = { 'io.sallyport/refusal': { reason: 'denied' }, own: 1 };
    const message = messageOf({ method: 'notifications/message', params: { level: 'info', data: 'x', _meta } });
    world.server('files').say({ scope: 'key:ada', message });
    expect(stream.sent).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x","_meta":{"own":1}}}',
    ]);
  });
});

describe('a changed list', () => {
  it('is told to sessions whose path leads to the server, under the list’s own name', async () => {
    const world = await makeWorld({ files: {}, other: {} });
    const [all, files, other] = (['all', 'files', 'other'] as const).map((name) =>
      listening(beginSession(world, { path: name === 'all' ? { kind: 'all' } : { kind: 'server', server: name } })),
    );
    world.server('files').spec = { tools: [tool('fresh')] };
    await world.catalog.refresh('files');
    const told = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
    expect([all?.sent, files?.sent, other?.sent]).toEqual([[told], [told], []]);
  });

  it('[unknown-equals-forbidden] is told to nobody who can reach nothing of the server', async () => {
    const policy = policyOf({ reader: { tools: [grantOf('files.*')] }, stranger: { tools: [grantOf('other.*')] } });
    const world = await makeWorld({ files: {}, other: {} }, policy);
    const [one, stranger] = [beginSession(world), beginSession(world, { caller: 'key:eve', roles: ['stranger'] })].map(
      listening,
    );
    const streams = ['reader', 'stranger'].map((role) => ({ role, stream: makeStream() }));
    for (const { role, stream } of streams) {
      const value = {
        id: 'L1',
        method: 'subscriptions/listen',
        params: { notifications: { toolsListChanged: true }, _meta: envelope() },
      };
      void world.subscriptions.listen(await intended(world, { value, stream, roles: [role] }), world);
    }
    await settle();
    world.subscriptions.announce({ server: 'files', list: 'tools' });
    expect([one?.sent.length, stranger?.sent.length]).toEqual([1, 0]);
    expect(streams.map(({ stream }) => stream.sent.length)).toEqual([2, 1]);
    // By the rules in force, not those of the beginning.
    world.inForce = makeRules(policyOf({ reader: {}, stranger: { tools: [grantOf('files.*')] } }), ['files', 'other']);
    world.subscriptions.announce({ server: 'files', list: 'tools' });
    expect([one?.sent.length, stranger?.sent.length]).toEqual([1, 1]);
    expect(streams.map(({ stream }) => stream.sent.length)).toEqual([2, 2]);
  });
});

describe('a modern caller that listens', () => {
  const listen = (notifications: object) => ({
    id: 'L1',
    method: 'subscriptions/listen',
    params: { notifications, _meta: envelope() },
  });

  async function open(world: TestWorld, notifications: object, more: Partial<RequestSpec> = {}) {
    const stream = makeStream();
    const cancellation = createCanceller();
    const exchange = await intended(world, { value: listen(notifications), stream, cancellation, ...more });
    const ended = world.subscriptions.listen(exchange, world);
    await settle();
    return { sent: stream.sent.map((text) => text), stream, cancellation, ended };
  }

  const stamp = '"_meta":{"io.modelcontextprotocol/subscriptionId":"L1"}';

  it('is told first what was honoured, then only what it asked for, each under the id of its request', async () => {
    const world = await makeWorld({ files: {} });
    const { stream } = await open(world, { toolsListChanged: true, promptsListChanged: false, other: true });
    world.server('files').spec = { tools: [tool('fresh')], prompts: [{ name: 'p' }] };
    await world.catalog.refresh('files');
    expect(stream.sent).toEqual([
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},${stamp}}}`,
      `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{${stamp}}}`,
    ]);
  });

  it('hears nothing of servers that its path does not lead to', async () => {
    const world = await makeWorld({ files: {}, other: {} });
    const { stream } = await open(world, { toolsListChanged: true }, { path: { kind: 'server', server: 'other' } });
    world.server('files').spec = { tools: [tool('fresh')] };
    await world.catalog.refresh('files');
    expect(stream.sent).toHaveLength(1);
  });

  it('subscribes only to what it may read, and hears only what it subscribed to', async () => {
    let upstream: LinkListener | undefined;
    const script = (request: { readonly params: Uint8Array | undefined }, listener: LinkListener) => {
      upstream = listener;
      const { notifications } = JSON.parse(Buffer.from(request.params ?? []).toString()) as { notifications: object };
      listener.onMessage(messageOf({ method: 'notifications/subscriptions/acknowledged', params: { notifications } }));
      return new Promise(() => undefined);
    };
    const world = await makeWorld(
      { files: { script } },
      policyOf({ reader: { resources: [grantOf('files.file:///a')] } }),
    );
    const uris = ['mcp+files:file:///a', 'mcp+files:file:///secret', 'mcp+ghost:x'];
    const { stream } = await open(world, { resourceSubscriptions: uris });
    expect(stream.sent[0]).toContain('"resourceSubscriptions":["mcp+files:file:///a"]');
    expect(Buffer.from(world.server('files').link.requests.at(-1)?.params ?? []).toString()).not.toContain('secret');
    for (const block of ['caller key:ada', 'upstream files']) {
      world.blocked.add(block);
      upstream?.onMessage(updated('file:///a'));
      world.blocked.clear();
    }
    const before = world.inForce;
    world.inForce = makeRules(policyOf({ reader: {} }), ['files']);
    upstream?.onMessage(updated('file:///a'));
    expect(stream.sent).toHaveLength(1);
    world.inForce = before;
    upstream?.onMessage(updated('file:///a'));
    upstream?.onMessage(updated('file:///secret'));
    upstream?.onMessage(messageOf({ method: 'notifications/message', params: { data: 'x' } }));
    expect(stream.sent.slice(1)).toEqual([
      `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"mcp+files:file:///a",${stamp}}}`,
    ]);
  });

  const uris = (count: number) => Array.from({ length: count }, (_, i) => `mcp+files:file:///${i}`);
  const honoured = ({ stream }: { readonly stream: { readonly sent: readonly string[] } }) =>
    (JSON.parse(stream.sent[0] ?? '{}') as { params: { notifications: { resourceSubscriptions?: string[] } } }).params
      .notifications.resourceSubscriptions ?? [];
  const threeAnHour = { tokens: 3, perMs: 3_600_000, burst: 3 };

  it.each(['upstream', 'caller', 'grant'])(
    'pays for each new subscription as if it had asked for it alone, and has none that the %s’s limit does not allow',
    async (limited) => {
      const world = await makeWorld(
        { files: { era: 'legacy' } },
        policyOf({
          reader: {
            resources: [grantOf('files.*', limited === 'grant' ? { limit: threeAnHour } : {})],
            ...(limited === 'caller' ? { limit: threeAnHour } : {}),
          },
        }),
      );
      if (limited === 'upstream')
        world.inForce = { ...world.inForce, upstreamLimits: new Map([['files', threeAnHour]]) };
      const heard = await open(world, { resourceSubscriptions: uris(6) });
      expect([honoured(heard), methodsOf(world)]).toEqual([uris(3), Array(3).fill('resources/subscribe')]);
      // What is subscribed to already costs nothing.
      expect(honoured(await open(world, { resourceSubscriptions: uris(6) }))).toEqual(uris(3));
      expect(methodsOf(world)).toHaveLength(3);
    },
  );

  it('is told once of what changed many times before it was acknowledged', async () => {
    const confirm: (() => void)[] = [];
    const world = await makeWorld({
      files: {
        era: 'legacy',
        script: ({ params }) =>
          (jsonOf(params) as { uri: string }).uri === 'file:///1'
            ? new Promise((resolve) => confirm.push(() => resolve({})))
            : {},
      },
    });
    const { stream } = await open(world, { resourceSubscriptions: uris(2), toolsListChanged: true });
    for (let i = 0; i < 50; i++) {
      world.server('files').say({ scope: '', message: updated('file:///0') });
      world.subscriptions.announce({ server: 'files', list: 'tools' });
    }
    expect(stream.sent).toEqual([]);
    for (const answer of confirm) answer();
    await settle();
    expect(stream.sent.map((text) => (JSON.parse(text) as { method: string }).method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/resources/updated',
      'notifications/tools/list_changed',
    ]);
  });

  it('is told at once of a change, and of all that follow within a moment once, if it may still hear of them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const world = await makeWorld({ files: { era: 'legacy' } });
      const { stream } = await open(world, { resourceSubscriptions: uris(2) });
      const say = (times: number) => {
        for (let i = 0; i < times; i++) world.server('files').say({ scope: '', message: updated('file:///0') });
        return stream.sent.length - 1;
      };
      expect(say(50)).toBe(1);
      await vi.advanceTimersByTimeAsync(100);
      expect(stream.sent).toHaveLength(3);
      expect(say(50)).toBe(2);
      world.inForce = makeRules(policyOf({ reader: {} }), ['files']);
      await vi.advanceTimersByTimeAsync(100);
      expect(stream.sent).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('needs a stream', async () => {
    const world = await makeWorld({ files: {} });
    const exchange = await intended(world, { value: listen({}), stream: makeStream(false) });
    expect(await world.subscriptions.listen(exchange, world)).toMatchObject({ name: 'invalid-params' });
  });

  it('ends when it leaves, and hears nothing more', async () => {
    const world = await makeWorld({ files: {} });
    const { stream, cancellation, ended } = await open(world, { toolsListChanged: true });
    cancellation.cancel('gone');
    expect(await ended).toMatchObject({ name: 'cancelled' });
    world.subscriptions.announce({ server: 'files', list: 'tools' });
    expect(stream.sent).toHaveLength(1);
  });

  it('is told of the end when the gateway stops', async () => {
    const world = await makeWorld({ files: {} });
    const { ended } = await open(world, { toolsListChanged: true });
    world.subscriptions.endFor(() => false, 'draining');
    const answer = await ended;
    expect('body' in answer ? Buffer.from(answer.body).toString() : '').toBe(`{"resultType":"complete",${stamp}}`);
  });

  it('is ended when it may not call any more, and others are not', async () => {
    const world = await makeWorld({ files: {} });
    const [ada, eve] = [await open(world, {}), await open(world, {}, { caller: 'key:eve' })];
    world.subscriptions.endFor((principal) => principal === 'key:eve', 'revoked');
    expect([ada.cancellation.reason, eve.cancellation.reason]).toEqual(['revoked', undefined]);
  });
});

describe('preparing a conversation', () => {
  it('tells a server of its own the log level of the session, once for each level', async () => {
    const world = await makeWorld({ files: { era: 'legacy', share: 'caller' } });
    const session = beginSession(world);
    const exchange = await intended(world, { value: { id: 1, method: 'ping' }, era: 'legacy', session });
    const server = world.server('files');
    const prepare = () => world.subscriptions.prepare(server.link, server, exchange);
    await prepare();
    expect(methodsOf(world)).toEqual([]);
    session.logLevel = 'warning';
    await prepare();
    await prepare();
    session.logLevel = 'debug';
    await prepare();
    expect(methodsOf(world)).toEqual(['logging/setLevel', 'logging/setLevel']);
  });

  it('tells a legacy server what a modern request asks for, and takes nothing from others of its conversation', async () => {
    const world = await makeWorld({ files: { era: 'legacy', share: 'caller' } });
    const server = world.server('files');
    const prepare = async (level: string) => {
      const params = { _meta: envelope({ 'io.modelcontextprotocol/logLevel': level }) };
      await world.subscriptions.prepare(
        server.link,
        server,
        await intended(world, { value: { id: 1, method: 'tools/list', params } }),
      );
    };
    for (const level of ['error', 'info', 'warning', 'loud']) await prepare(level);
    expect(
      server.link.requests.flatMap(({ method, params }) => (method === 'logging/setLevel' ? [params] : [])),
    ).toEqual(['error', 'info'].map((level) => Buffer.from(JSON.stringify({ level }))));
  });

  it('tells nothing to a server that everybody shares', async () => {
    const world = await makeWorld({ files: { era: 'legacy' } });
    const session = beginSession(world);
    session.logLevel = 'debug';
    const exchange = await intended(world, { value: { id: 1, method: 'ping' }, era: 'legacy', session });
    const server = world.server('files');
    expect(world.subscriptions.prepare(server.link, server, exchange)).toBeUndefined();
  });
});
