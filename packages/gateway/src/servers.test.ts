import { describe, expect, it } from 'vitest';
import { Secret } from './config/secret.ts';
import type { StdioUpstreamConfig } from './config/types.ts';
import {
  allPath,
  beginSession,
  filesPath,
  intended,
  makeWorld,
  scriptedServer,
  type ServerSpec,
} from './exchange.fixture.ts';
import { acquireFor, defineStdio, leadsTo, scopeOf, sessionOf, surroundingsOf } from './servers.ts';

const world = await makeWorld({ files: {} });

describe('whose conversation a caller uses', () => {
  const session = beginSession(world);

  it.each<[NonNullable<ServerSpec['share']>, boolean, string]>([
    ['all', true, ''],
    ['caller', true, 'key:ada'],
    ['caller', false, 'key:ada'],
    ['session', true, session.id],
    ['session', false, 'key:ada'],
  ])('with share %s and a session: %s', (share, hasSession, scope) => {
    expect(scopeOf(scriptedServer('files', { share }), 'key:ada', hasSession ? session : undefined)).toBe(scope);
  });

  it('is never the gateway’s own', async () => {
    for (const share of ['all', 'caller', 'session'] as const) {
      const server = scriptedServer('files', { share });
      await acquireFor(await intended(world, { value: { id: 1, method: 'ping' } }), server);
      expect(server.wishes.at(-1)?.scope).not.toBe('');
    }
  });

  it('tells what the caller said at initialize, or with its modern request', async () => {
    const server = scriptedServer('files', { share: 'session' });
    const capable = beginSession(world, { capabilities: { roots: {} } });
    const value = { id: 1, method: 'ping' };
    await acquireFor(await intended(world, { value, era: 'legacy', session: capable }), server);
    await acquireFor(await intended(world, { value, session: capable }), server);
    expect(server.wishes).toEqual([
      {
        ...{ era: 'legacy', scope: capable.id, owner: 'key:ada', clientCapabilities: { roots: {} } },
        isOver: expect.any(Function) as unknown,
      },
      { era: 'modern', scope: 'key:ada', owner: 'key:ada', clientCapabilities: {} },
    ]);
  });
});

describe('a conversation of one session', () => {
  const value = { id: 1, method: 'ping' };

  it('ends with it, once, and is not begun any more after it', async () => {
    const server = scriptedServer('files', { share: 'session' });
    const session = beginSession(world);
    for (const _ of [1, 2]) await acquireFor(await intended(world, { value, era: 'legacy', session }), server);
    expect(server.wishes[0]?.isOver?.()).toBe(false);
    expect(server.released).toEqual([]);
    void world.sessions.end(session, 'deleted');
    expect(server.released).toEqual([session.id]);
    expect(server.wishes[0]?.isOver?.()).toBe(true);
  });

  it('is that of the connection where a modern caller has one', async () => {
    const server = scriptedServer('files', { share: 'session' });
    const connections = [beginSession(world), beginSession(world)];
    for (const connection of connections) {
      await acquireFor({ ...(await intended(world, { value })), connection }, server);
    }
    expect(server.wishes.map(({ scope }) => scope)).toEqual(connections.map(({ id }) => id));
  });

  it('of one caller outlasts its sessions', async () => {
    const server = scriptedServer('files', { share: 'caller' });
    const session = beginSession(world);
    await acquireFor(await intended(world, { value, era: 'legacy', session }), server);
    void world.sessions.end(session, 'deleted');
    expect(server.released).toEqual([]);
  });
});

describe('a door path', () => {
  it('leads to every server, or to one', () => {
    expect([leadsTo(allPath, 'files', {}), leadsTo(filesPath, 'files', {}), leadsTo(filesPath, 'other', {})]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('the conversation of a request', () => {
  it('is its session, if it has one', async () => {
    const session = beginSession(world);
    const value = { id: 1, method: 'ping' };
    expect(sessionOf(await intended(world, { value, session }))).toBe(session);
    expect(sessionOf(await intended(world, { value }))).toBeUndefined();
  });
});

describe('what a local server is started with', () => {
  const origin = { file: '/etc/sp/sallyport.yaml', line: 1, column: 1 };
  const config: StdioUpstreamConfig = {
    ...{
      kind: 'stdio',
      name: 'files',
      origin,
      share: 'all',
      timeout: 1,
      maxTime: 1,
      limit: undefined,
      concurrent: undefined,
      ask: [],
    },
    command: ['server', 'argument-value'],
    env: new Map([
      ['TOKEN', new Secret('referenced-value', 'env:TOKEN')],
      ['PASSWORD', new Secret('inherited-value', 'inherit')],
      ['HOME', new Secret('/home/u1', 'inherit')],
      ['LOG', new Secret('info', 'literal')],
    ]),
    cwd: '/srv',
    limits: undefined,
    sandbox: { network: true, read: [], write: ['/srv/data'] },
    secretArguments: [new Secret('argument-value', 'file:token')],
  };

  it('names what must not be shown: references, and what was inherited and looks like a secret', () => {
    const { secrets } = defineStdio(config, { hide: [], protect: [] });
    expect(secrets).toEqual(['referenced-value', 'inherited-value', 'argument-value']);
  });

  it('keeps the state and the configuration from servers behind walls', () => {
    const whole: Parameters<typeof surroundingsOf>[0] = {
      store: { kind: 'sqlite', path: '/var/state/sallyport.db' },
      master: { kind: 'file', path: '/etc/sp/master.key', written: 'file:master.key', origin },
      audit: { directory: '/var/audit', durability: 'intent', rotate: 1, keep: undefined, arguments: [] },
      secretFiles: ['/etc/sp/token'],
      files: ['/etc/sp/sallyport.yaml'],
      folders: ['/etc/sp/servers'],
    };
    const around = surroundingsOf(whole);
    for (const path of ['/var/state', '/var/audit', '/var/state/sallyport.db', '/etc/sp/master.key', '/etc/sp/token']) {
      expect(around.hide).toContain(path);
    }
    // The control socket lies there, also when it is not open yet.
    expect(around.hide).toContain('/etc/sp/state');
    expect(around.protect).toEqual(['/etc/sp/sallyport.yaml', '/etc/sp/servers']);
    expect(surroundingsOf({ ...whole, store: { kind: 'sqlite', path: '/etc/sp/my.db' } }).hide).not.toContain(
      '/etc/sp',
    );
    expect(defineStdio(config, around).sandbox).toEqual({ network: true, read: [], write: ['/srv/data'], ...around });
  });
});
