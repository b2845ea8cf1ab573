import { compileEffects, isRefusal, type DoorPath } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import {
  allPath,
  filesPath,
  makeWorld,
  parsed,
  settle,
  tool,
  type RequestSpec,
  type TestWorld,
} from './exchange.fixture.ts';
import { cursorBinding, handleBinding, resolveTarget, stateSubject, type GatewayTarget } from './resolve.ts';

const world = await makeWorld({
  files: {
    tools: [tool('read'), tool('b__c')],
    prompts: [{ name: 'ask' }],
    resources: [{ uri: 'file:///a', name: 'a' }],
    templates: [{ uriTemplate: 'file:///{name}', name: 't' }],
  },
  other: { tools: [tool('read')] },
});

async function find(spec: RequestSpec, from: TestWorld = world) {
  return resolveTarget(parsed(from, spec), from);
}

/** The same handle with another byte in its middle. */
const changed = (handle: string) => `${handle.slice(0, 30)}${handle[30] === 'A' ? 'B' : 'A'}${handle.slice(31)}`;

const call = (name: unknown, more: object = {}) => ({ id: 1, method: 'tools/call', params: { name, ...more } });
const read = (uri: unknown) => ({ id: 1, method: 'resources/read', params: { uri } });

describe('a tool', () => {
  it('on /mcp goes by its wire name', async () => {
    expect(await find({ value: call('files__read') })).toMatchObject({
      kind: 'tool',
      upstream: 'files',
      name: 'read',
      key: 'files.read',
      asked: 'files__read',
    });
    expect(await find({ value: call('files__b__c') })).toMatchObject({ name: 'b__c' });
  });

  it('on its server’s path goes by its own name', async () => {
    const target = await find({ value: call('read'), path: filesPath });
    expect(target).toMatchObject({ upstream: 'files', name: 'read' });
    expect(target).not.toHaveProperty('asked');
  });

  it.each<[string, RequestSpec]>([
    ['its own name on /mcp', { value: call('read') }],
    ['its wire name on its server’s path', { value: call('files__read'), path: filesPath }],
    ['another server’s tool on this server’s path', { value: call('other__read'), path: filesPath }],
    ['a name nobody has', { value: call('files__write') }],
    ['a member of every object', { value: call('constructor') }],
    ['an empty name', { value: call('') }],
    ['a prompt’s name', { value: call('files__ask') }],
    ['a legal name with a zero byte', { value: call('files__read\u0000') }],
  ])('is unknown by %s', async (_, spec) => {
    expect(await find(spec)).toMatchObject({ name: 'unknown', fill: { kind: 'tool' } });
  });

  it.each([7, null, ['files__read'], undefined])('cannot be named by %j', async (name) => {
    expect(await find({ value: call(name) })).toMatchObject({ name: 'invalid-params' });
  });

  it('[unknown-equals-forbidden] of a server that tells nothing yet goes by the name that was asked for', async () => {
    const catalog = { ...world.catalog, server: () => ({ ...world.catalog.server('files'), isLocked: true as const }) };
    const locked = { ...world, catalog } as TestWorld;
    const paths = [allPath, { kind: 'view', view: 'pages' }] as const;
    for (const path of paths) {
      expect(await find({ value: call('files__secret'), path }, locked), path.kind).toMatchObject({
        name: 'secret',
        asked: 'files__secret',
        isPending: true,
      });
    }
    expect(await find({ value: call('secret'), path: filesPath }, locked)).not.toHaveProperty('asked');
  });

  it('brings its accepted definition', async () => {
    expect(await find({ value: call('files__read') })).toMatchObject({
      definition: { digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });
});

describe('a tool of a server that tells what it has only to people with an account', () => {
  const hidden: TestWorld = {
    ...world,
    catalog: {
      ...world.catalog,
      server: (name) => {
        const known = world.catalog.server(name);
        return known === undefined ? undefined : { ...known, isLocked: true };
      },
    },
    inForce: {
      ...world.inForce,
      effects: compileEffects([
        { pattern: 'files.drop', effect: 'destructive', origin: { file: 'sallyport.yaml', line: 1, column: 1 } },
      ]),
    },
  };
  const expected = { kind: 'tool', upstream: 'files', name: 'drop', isPending: true, effect: 'destructive' };

  it.each<[string, string, DoorPath]>([
    ['/mcp', 'files__drop', allPath],
    ['a view', 'files__drop', { kind: 'view', view: 'all' }],
  ])('is found by its wire name on %s, with its effect', async (_, name, path) => {
    expect(await find({ value: call(name), path }, hidden)).toMatchObject({ ...expected, asked: name });
    expect(await find({ value: call('drop'), path }, hidden)).toHaveProperty('isRefusal', true);
  });

  it('is found by its own name on its server’s path, with its effect', async () => {
    const target = await find({ value: call('drop'), path: filesPath }, hidden);
    expect(target).toMatchObject(expected);
    expect(target).not.toHaveProperty('asked');
  });
});

describe('a resource', () => {
  it('on /mcp goes by its wire URI, published or not', async () => {
    expect(await find({ value: read('mcp+files:file:///a') })).toMatchObject({
      kind: 'resource',
      upstream: 'files',
      name: 'file:///a',
      key: 'files.file:///a',
      asked: 'mcp+files:file:///a',
      definition: { digest: expect.any(String) },
    });
    expect(await find({ value: read('mcp+files:file:///new') })).toMatchObject({ name: 'file:///new' });
  });

  it('on its server’s path goes by its own URI', async () => {
    const target = await find({ value: read('file:///a'), path: filesPath });
    expect(target).toMatchObject({ name: 'file:///a', key: 'files.file:///a' });
    expect(target).not.toHaveProperty('asked');
  });

  it.each(['file:///a', 'mcp+ghost:file:///a', 'mcp+files:ui://x', '', 'ui://ghost/x'])(
    'is unknown by %j on /mcp',
    async (uri) => {
      expect(await find({ value: read(uri) })).toMatchObject({
        name: 'unknown',
        fill: { kind: 'resource', name: uri },
      });
    },
  );

  it('has one name only: a URI that would be written differently is not it', async () => {
    expect(await find({ value: read('ui://files/panel') })).toMatchObject({ name: 'ui://panel' });
    expect(await find({ value: read('mcp+files:ui://panel') })).toHaveProperty('isRefusal', true);
  });

  it.each([
    'file:///srv/..',
    'file:///srv/../etc/passwd',
    'file:///srv/./a',
    'file:///srv/%2e%2e/a',
    'file:///srv/.%2E/a',
    'file:///srv/%2E./a',
    'file:///srv/..\\a',
    'file:///srv\\..\\a',
    'file:///srv%2f..%2fa',
    'file:///srv%5C..%5ca',
    'file:///srv/x/..',
    'file:///srv/..?a',
    'file:///srv/..#a',
    'file:..',
    'file:../a',
  ])('[unknown-equals-forbidden] has no name that a server may read as another: %j', async (uri) => {
    for (const method of ['resources/read', 'resources/subscribe', 'resources/unsubscribe']) {
      expect(await find({ value: { id: 1, method, params: { uri: `mcp+files:${uri}` } } })).toMatchObject({
        name: 'unknown',
      });
      expect(await find({ value: { id: 1, method, params: { uri } }, path: filesPath })).toMatchObject({
        name: 'unknown',
      });
    }
    const params = { ref: { type: 'ref/resource', uri }, argument: { name: 'a', value: '' } };
    expect(await find({ value: { id: 1, method: 'completion/complete', params }, path: filesPath })).toMatchObject({
      name: 'unknown',
    });
  });

  it.each(['file:///srv/..a', 'file:///srv/a..', 'file:///srv/...', 'file:///srv/.git/config', 'file:///srv/a.b/c'])(
    'may have dots in its name: %j',
    async (uri) => {
      expect(
        await find({ value: { id: 1, method: 'resources/read', params: { uri } }, path: filesPath }),
      ).toMatchObject({ key: `files.${uri}` });
    },
  );

  it('is subscribed to and read by the same name', async () => {
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      const value = { id: 1, method, params: { uri: 'mcp+files:file:///a' } };
      expect(await find({ value, era: 'legacy' })).toMatchObject({ key: 'files.file:///a' });
    }
  });
});

describe('a completion', () => {
  const complete = (ref: unknown) => ({
    id: 1,
    method: 'completion/complete',
    params: { ref, argument: { name: 'a', value: '' } },
  });

  it('aims at the prompt or the template that it refers to', async () => {
    expect(await find({ value: complete({ type: 'ref/prompt', name: 'files__ask' }) })).toMatchObject({
      kind: 'prompt',
      key: 'files.ask',
    });
    expect(await find({ value: complete({ type: 'ref/resource', uri: 'mcp+files:file:///{name}' }) })).toMatchObject({
      kind: 'resource',
      key: 'files.file:///{name}',
      prefix: 'files.file:///',
      definition: { digest: expect.any(String) },
    });
    // One that no list shows has nothing that says so.
    const other = await find({ value: complete({ type: 'ref/resource', uri: 'mcp+files:file:///{other}' }) });
    expect(other).toMatchObject({ kind: 'resource' });
    expect(other).not.toHaveProperty('prefix');
  });

  it.each([
    [{ type: 'ref/prompt', name: 'files__read' }, 'unknown'],
    [{ type: 'ref/resource', uri: 'file:///{name}' }, 'unknown'],
    [{ type: 'ref/tool', name: 'files__read' }, 'invalid-params'],
    [{ type: 'ref/prompt' }, 'invalid-params'],
    [{ type: 'ref/resource', uri: 1 }, 'invalid-params'],
    ['files__ask', 'invalid-params'],
    [undefined, 'invalid-params'],
  ])('of %j is refused as %s', async (ref, name) => {
    expect(await find({ value: complete(ref) })).toMatchObject({ name });
  });
});

describe('a listening', () => {
  const listen = (resourceSubscriptions: unknown) =>
    find({ value: { id: 1, method: 'subscriptions/listen', params: { notifications: { resourceSubscriptions } } } });

  it('is called after what it listens to, as far as that is listened to', async () => {
    expect(await listen(['a:1', 'b:2'])).toMatchObject({ name: 'subscriptions/listen a:1 b:2' });
    const named = await listen(Array(1001).fill('a:1'));
    expect('name' in named ? named.name.split(' ') : []).toHaveLength(1001);
  });

  it.each([[{ toString: 1 }], [{ toString: null, valueOf: null }], [['a:1']], [7], ['a:1', null]])(
    'of what is not text (%j) is refused',
    async (...uris) => {
      expect(await listen(uris)).toMatchObject({ isRefusal: true, name: 'invalid-params' });
    },
  );

  it('of no list is refused', async () => {
    expect(await listen('a:1')).toMatchObject({ isRefusal: true, name: 'invalid-params' });
  });
});

describe('what the gateway itself answers', () => {
  it.each(['ping', 'initialize', 'server/discover', 'subscriptions/listen', 'logging/setLevel'])(
    '%s aims at no server',
    async (method) => {
      expect(await find({ value: { id: 1, method } })).toEqual({ kind: 'protocol', name: method, key: method });
    },
  );

  it('includes notifications and responses', async () => {
    expect(await find({ value: { method: 'tools/call', params: {} } })).toMatchObject({ kind: 'protocol' });
    expect(await find({ value: { id: 1, result: {} } })).toEqual({
      kind: 'protocol',
      name: 'response',
      key: 'response',
    });
  });
});

describe('while servers start', () => {
  it.each<[string, RequestSpec, readonly string[] | undefined]>([
    ['a tool on /mcp waits for its server', { value: call('files__read') }, ['files']],
    ['a name that is nobody’s waits for nobody', { value: call('ghost__read') }, []],
    ['a tool on a server’s path waits for that server', { value: call('read'), path: filesPath }, ['files']],
    ['a list on /mcp waits for all', { value: { id: 1, method: 'tools/list' } }, undefined],
  ])('%s', async (_, spec, servers) => {
    let waited: readonly string[] | undefined | 'nobody' = 'nobody';
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const starting: TestWorld = {
      ...world,
      settlement: {
        wait: (names) => {
          waited = names;
          return started;
        },
      },
    };
    let isFound = false;
    const finding = Promise.resolve(resolveTarget(parsed(starting, spec), starting)).then(() => (isFound = true));
    await settle();
    expect([waited, isFound]).toEqual([servers, false]);
    start();
    expect(await finding).toBe(true);
  });

  it('what the gateway itself answers waits for nobody', () => {
    const starting: TestWorld = { ...world, settlement: { wait: () => new Promise(() => undefined) } };
    expect(resolveTarget(parsed(starting, { value: { id: 1, method: 'ping' } }), starting)).not.toBeInstanceOf(Promise);
  });
});

describe('a cursor', () => {
  const list = (cursor: unknown, method = 'tools/list') => ({ id: 1, method, params: { cursor } });
  const sealed = (spec: RequestSpec, subject = 'tools/list') =>
    world.seal.close('cursor', cursorBinding(parsed(world, spec), subject), place, 1000);
  const place = { done: ['a'], server: 'b', after: 'read', isAgain: false };
  const own = sealed({ value: list('') });

  it('opens for the caller, door path and list that it was given out for', async () => {
    expect(await find({ value: list(own) })).toMatchObject({ kind: 'list', cursor: place });
    expect(await find({ value: { id: 1, method: 'tools/list' } })).not.toHaveProperty('cursor');
  });

  it.each<[string, RequestSpec]>([
    ['another caller', { value: list(own), caller: 'key:eve' }],
    ['another door path', { value: list(own), path: filesPath }],
    ['another revision', { value: list(own), era: 'legacy' }],
    ['another list', { value: list(sealed({ value: list('') }, 'prompts/list')) }],
    ['a made-up cursor', { value: list('1000') }],
    ['an empty cursor', { value: list('') }],
    ['a changed cursor', { value: list(changed(own)) }],
    [
      'a handle of another purpose',
      {
        value: list(
          world.seal.close('state', cursorBinding(parsed(world, { value: list('') }), 'tools/list'), place, 1000),
        ),
      },
    ],
  ])('does not open for %s', async (_, spec) => {
    expect(await find(spec)).toMatchObject({ name: 'bad-handle', fill: { handle: 'cursor' } });
  });

  it('has to be a string', async () => {
    expect(await find({ value: list(1000) })).toMatchObject({ name: 'invalid-params' });
  });
});

describe('a request state', () => {
  const args = { path: 'a' };
  const withState = (requestState: unknown, given: object = args, name = 'files__read') =>
    call(name, { arguments: given, requestState });
  const seal = async (spec: RequestSpec): Promise<string> => {
    const exchange = parsed(world, spec);
    const target = await resolveTarget(exchange, world);
    if (isRefusal(target)) throw new Error(target.name);
    const subject = stateSubject(target, exchange);
    return world.seal.close('state', handleBinding(exchange, subject), { state: 'inner' }, 1000);
  };

  it('opens for the caller, path, target and arguments that it was given out for', async () => {
    const own = await seal({ value: call('files__read', { arguments: args }) });
    expect(await find({ value: withState(own) })).toMatchObject({ key: 'files.read', requestState: 'inner' });
  });

  it.each<[string, (own: string) => RequestSpec]>([
    ['another caller', (own) => ({ value: withState(own), caller: 'key:eve' })],
    ['other arguments', (own) => ({ value: withState(own, { path: 'b' }) })],
    ['no arguments', (own) => ({ value: call('files__read', { requestState: own }) })],
    ['another tool', (own) => ({ value: withState(own, args, 'files__b__c') })],
    ['the same tool of another server', (own) => ({ value: withState(own, args, 'other__read') })],
    ['the same tool on another door path', (own) => ({ value: withState(own, args, 'read'), path: filesPath })],
    ['a changed byte', (own) => ({ value: withState(changed(own)) })],
    ['the server’s own state, unsealed', () => ({ value: withState('inner') })],
  ])('does not open with %s', async (_, spec) => {
    const own = await seal({ value: call('files__read', { arguments: args }) });
    expect(await find(spec(own))).toMatchObject({ name: 'bad-handle', fill: { handle: 'requestState' } });
  });

  it('has to be a string', async () => {
    expect(await find({ value: withState({ state: 'inner' }) })).toMatchObject({ name: 'invalid-params' });
  });

  it('does not outlive its time', async () => {
    const timed = await makeWorld({ files: { tools: [tool('read')] } });
    const exchange = parsed(timed, { value: call('files__read'), path: allPath });
    const target = (await resolveTarget(exchange, timed)) as GatewayTarget;
    const own = timed.seal.close(
      'state',
      handleBinding(exchange, stateSubject(target, exchange)),
      { state: 's' },
      1000,
    );
    timed.clock.advance(1001);
    expect(await find({ value: call('files__read', { requestState: own }) }, timed)).toMatchObject({
      name: 'bad-handle',
    });
  });
});
