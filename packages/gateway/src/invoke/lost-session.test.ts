import type { Era } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import { beginSession, intended, makeWorld, tool, type RequestSpec, type ServerSpec } from '../exchange.fixture.ts';
import { linkFailure } from '../upstreams/link.ts';
import { invokeTarget } from './invoke.ts';

async function callFrom(spec: ServerSpec, isTakenUp = true, more: Partial<RequestSpec> = {}) {
  const world = await makeWorld({ files: { tools: [tool('read')], script: () => ({ content: [] }), ...spec } });
  const session = beginSession(world);
  if (isTakenUp && session.handshake !== undefined) session.takeUp(session.handshake, world.clock.now());
  const call: RequestSpec = {
    value: { id: 1, method: 'tools/call', params: { name: 'files__read', arguments: {} } },
    ...{ era: 'legacy', session, ...more },
  };
  const server = world.server('files');
  const invoke = async () => invokeTarget(await intended(world, call), world);
  return { world, session, server, invoke };
}

const calls = ({ link }: { link: { requests: readonly { method: string }[] } }): number =>
  link.requests.filter(({ method }) => method === 'tools/call').length;

describe('a call from a session that an earlier process began', () => {
  it('is refused as an unknown session where a legacy server had a conversation for that session', async () => {
    const { session, server, invoke } = await callFrom({ era: 'legacy', share: 'session' });
    expect(await invoke()).toMatchObject({ name: 'unknown-session' });
    expect([calls(server), session.isClosed, server.wishes.filter(({ scope }) => scope !== '')]).toEqual([0, true, []]);
  });

  it.each<[Era, 'all' | 'caller' | 'session']>([
    ['legacy', 'all'],
    ['legacy', 'caller'],
    ['modern', 'all'],
    ['modern', 'caller'],
    ['modern', 'session'],
  ])('goes on with a %s server of share: %s', async (era, share) => {
    const { session, server, invoke } = await callFrom({ era, share });
    expect(await invoke()).toMatchObject({ kind: 'result' });
    expect([calls(server), session.isClosed]).toEqual([1, false]);
  });

  it('is judged by the conversation that it gets where the server speaks both eras', async () => {
    const { session, server, invoke } = await callFrom({ era: 'legacy', share: 'session' });
    const { upstream } = server;
    const { status } = upstream;
    upstream.status = () => ({ ...status(), era: 'modern' });
    expect(await invoke()).toMatchObject({ name: 'unknown-session' });
    expect([calls(server), session.isClosed, server.released]).toEqual([0, true, [session.id]]);
  });

  it('hears of a server that is not there what every caller hears, and may try again', async () => {
    const { session, server, invoke } = await callFrom({ era: 'modern', share: 'session' });
    server.failure = linkFailure('unreachable', 'Text.');
    expect(await invoke()).toMatchObject({ name: 'unavailable' });
    expect(session.isClosed).toBe(false);
  });
});

describe('a call from a session of this process', () => {
  it('has its conversation', async () => {
    const { server, invoke } = await callFrom({ era: 'legacy', share: 'session' }, false);
    expect(await invoke()).toMatchObject({ kind: 'result' });
    expect(calls(server)).toBe(1);
  });
});
