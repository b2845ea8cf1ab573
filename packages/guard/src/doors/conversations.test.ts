import { describe, expect, it } from 'vitest';
import { frozenClock, identified, makePorts, makePrincipal, makeRules } from '../exchange.fixture.ts';
import type { DoorPath } from '../exchange.ts';
import { isRefusal } from '../refusals.ts';
import type { Conversation } from './conversation.ts';
import { createConversations } from './conversations.ts';
import { Session } from './session.ts';

const all: DoorPath = { kind: 'all' };
const rules = makeRules({ limits: { openPerCaller: 2, openPerAddress: 3 } });

function opening(id = 'key:ada', address = '192.0.2.7', path = all) {
  return identified({ rules, address, path, principal: makePrincipal(rules, { id }) });
}

/** A connection as the table sees it. */
function connection(id: string, door: Conversation['door'] = 'sse', created = 0, path = all) {
  const closings: string[] = [];
  let finish = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let judged = 0;
  const conversation = {
    door,
    session: new Session(id, 'key:ada', ['reader'], path, created),
    closed,
    close: (reason: string) => {
      closings.push(reason);
      finish();
    },
    reauthorize: () => void (judged += 1),
  } as unknown as Conversation;
  return { conversation, closings, judged: () => judged };
}

describe('connections', () => {
  it('[open-connections] are bounded for a caller and for an address, and make room when they close', async () => {
    const ports = makePorts();
    const conversations = createConversations({ clock: ports.clock });
    const outcome = (place: ReturnType<typeof conversations.admit>) => (isRefusal(place) ? place.fill : 'open');
    const first = conversations.admit(opening(), ports);
    expect(outcome(first)).toBe('open');
    expect(outcome(conversations.admit(opening(), ports))).toBe('open');
    expect(outcome(conversations.admit(opening(), ports))).toEqual({ limit: 2, kind: 'caller' });
    expect(outcome(conversations.admit(opening('key:eve'), ports))).toBe('open');
    expect(outcome(conversations.admit(opening('key:bob'), ports))).toEqual({ limit: 3, kind: 'address' });
    expect(outcome(conversations.admit(opening('key:bob', '192.0.2.8'), ports))).toBe('open');
    const { conversation } = connection('s1');
    if (isRefusal(first)) throw new Error('no place');
    conversations.add(conversation, first);
    conversation.close('test');
    await conversation.closed;
    expect(outcome(conversations.admit(opening(), ports))).toBe('open');
  });

  it('are bounded for the whole process', () => {
    const ports = makePorts();
    const conversations = createConversations({ clock: ports.clock, total: 1 });
    conversations.admit(opening(), ports);
    expect(conversations.admit(opening('key:eve', '192.0.2.8'), ports)).toMatchObject({ name: 'too-many-open' });
  });

  it('are not opened for a blocked caller, at an unknown server, or while the process drains', () => {
    const conversations = createConversations({ clock: frozenClock() });
    const blocked = makePorts({ blocks: { isBlocked: (kind) => kind === 'caller' } });
    expect(conversations.admit(opening(), blocked)).toMatchObject({ name: 'caller-blocked' });
    const elsewhere = opening('key:ada', '192.0.2.7', { kind: 'server', server: 'nowhere' });
    expect(conversations.admit(elsewhere, makePorts())).toMatchObject({ name: 'unknown-server' });
    expect(conversations.admit(opening(), makePorts({ isDraining: () => true }))).toMatchObject({ name: 'draining' });
  });

  it('[handles-sealed] are found by their id for their own caller and path, at the SSE door alone', () => {
    const conversations = createConversations({ clock: frozenClock() });
    const { conversation } = connection('s1');
    conversations.add(conversation);
    conversations.add(connection('s2', 'websocket').conversation);
    expect(conversations.find('s1', opening())).toBe(conversation.session);
    expect(conversations.find('s1', opening('key:eve'))).toBeUndefined();
    expect(
      conversations.find('s1', opening('key:ada', '192.0.2.7', { kind: 'server', server: 'files' })),
    ).toBeUndefined();
    expect(conversations.find('s2', opening())).toBeUndefined();
    conversation.session.close('test');
    expect(conversations.find('s1', opening())).toBeUndefined();
  });

  it('are judged again, and end when they are too old; a local program stays as long as it likes', () => {
    const clock = frozenClock();
    const conversations = createConversations({ clock, maxAgeMs: 1000 });
    const [young, old] = [connection('s1', 'sse', clock.now()), connection('s2', 'websocket', clock.now() - 1001)];
    const local = connection('s3', 'stdio', clock.now() - 1001);
    for (const { conversation } of [young, old, local]) conversations.add(conversation);
    conversations.reauthorize();
    expect([young.judged(), old.judged(), local.judged()]).toEqual([1, 0, 1]);
    expect([young.closings, old.closings, local.closings]).toEqual([[], ['expired'], []]);
  });

  it('are judged together with whatever else is held open, until that is forgotten', () => {
    const conversations = createConversations({ clock: frozenClock() });
    let judged = 0;
    const judge = (): void => void (judged += 1);
    const [forget] = [conversations.watch(judge), conversations.watch(judge)];
    conversations.reauthorize();
    expect(judged).toBe(2);
    forget?.();
    conversations.reauthorize();
    expect(judged).toBe(3);
  });

  it('are all closed at the end', async () => {
    const conversations = createConversations({ clock: frozenClock() });
    const both = [connection('s1'), connection('s2', 'websocket')];
    for (const { conversation } of both) conversations.add(conversation);
    await conversations.closeAll('draining');
    expect(both.map(({ closings }) => closings)).toEqual([['draining'], ['draining']]);
    expect([...conversations.list()]).toEqual([]);
  });
});
