import { describe, expect, it } from 'vitest';
import {
  allPath,
  beginSession,
  filesPath,
  intended,
  makeWorld,
  scriptedServer,
  type ServerSpec,
} from './exchange.fixture.ts';
import { acquireFor, leadsTo, scopeOf, sessionOf } from './servers.ts';

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
      { era: 'legacy', scope: capable.id, owner: 'key:ada', clientCapabilities: { roots: {} } },
      { era: 'modern', scope: 'key:ada', owner: 'key:ada', clientCapabilities: {} },
    ]);
  });
});

describe('a door path', () => {
  it('leads to every server, or to one', () => {
    expect([leadsTo(allPath, 'files'), leadsTo(filesPath, 'files'), leadsTo(filesPath, 'other')]).toEqual([
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
