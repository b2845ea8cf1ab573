import { describe, expect, it } from 'vitest';
import { createCanceller } from '../cancellation.ts';
import type { DoorPath, Identified } from '../exchange.ts';
import { frozenClock, identified, makePrincipal, makeRules, makeStream, messageOf } from '../exchange.fixture.ts';
import { createSeal } from '../seal.ts';
import { createSessions, pathKey, Session, type Handshake, type Sessions, type SessionsOptions } from './session.ts';

const handshake: Handshake = {
  revision: '2025-11-25',
  clientCapabilities: {},
  clientInfo: { name: 'editor', version: '1' },
};
const all: DoorPath = { kind: 'all' };
const files: DoorPath = { kind: 'server', server: 'files' };

function counting(): (length: number) => Uint8Array {
  let count = 0;
  return (length) => new Uint8Array(length).fill((count += 1));
}

function makeSessions(more: Partial<SessionsOptions> = {}) {
  const clock = frozenClock();
  const seal = createSeal([new Uint8Array(32).fill(7)], clock, { bytes: counting() });
  return { clock, sessions: createSessions({ clock, seal, ...more }) };
}

function callerAt(id: string, path: DoorPath = all): Identified {
  const rules = makeRules();
  return identified({ rules, path, principal: makePrincipal(rules, { id }) });
}

function begin(sessions: Sessions, caller: Identified): Session {
  const session = sessions.create(caller, handshake);
  if (session === undefined) throw new Error('no room');
  return session;
}

function openSession(): Session {
  const session = new Session('s', 'key:ada', ['reader'], all, 0);
  session.handshake = handshake;
  return session;
}

describe('the table of sessions', () => {
  it('finds a session for its owner at its door path', () => {
    const { sessions } = makeSessions();
    const session = begin(sessions, callerAt('key:ada', files));
    expect(sessions.find(session.id, callerAt('key:ada', files))).toBe(session);
  });

  it('finds it for nobody else and nowhere else', () => {
    const { sessions } = makeSessions();
    const session = begin(sessions, callerAt('key:ada', files));
    expect(sessions.find(session.id, callerAt('key:eve', files))).toBeUndefined();
    expect(sessions.find(session.id, callerAt('key:ada', all))).toBeUndefined();
    expect(sessions.find(session.id, callerAt('key:ada', { kind: 'server', server: 'other' }))).toBeUndefined();
    expect(sessions.find(`${session.id}A`, callerAt('key:ada', files))).toBeUndefined();
    expect(sessions.find('', callerAt('key:ada', files))).toBeUndefined();
  });

  it('does not keep a session awake by the tries of strangers', () => {
    const { clock, sessions } = makeSessions({ idleMs: 1000 });
    const session = begin(sessions, callerAt('key:ada'));
    clock.advance(900);
    sessions.find(session.id, callerAt('key:eve'));
    clock.advance(900);
    expect(sessions.find(session.id, callerAt('key:ada'))).toBeUndefined();
  });

  it('gives out ids that fit a header and tell nothing of their owner', () => {
    const { sessions } = makeSessions();
    const ids = Array.from({ length: 10 }, () => begin(sessions, callerAt('key:ada')).id);
    expect(new Set(ids).size).toBe(10);
    expect(ids.every((id) => /^[\x21-\x7e]{20,}$/.test(id) && !id.includes('ada'))).toBe(true);
  });

  it('ends a session that has been idle for too long, or that is too old however busy', () => {
    const { clock, sessions } = makeSessions({ idleMs: 1000, maxAgeMs: 5000 });
    const idle = begin(sessions, callerAt('key:ada'));
    const busy = begin(sessions, callerAt('key:ada'));
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      expect(sessions.find(busy.id, callerAt('key:ada'))).toBe(busy);
    }
    clock.advance(1);
    expect(sessions.find(idle.id, callerAt('key:ada'))).toBeUndefined();
    expect(sessions.find(busy.id, callerAt('key:ada'))).toBeUndefined();
    expect([idle.isClosed, busy.isClosed]).toEqual([true, true]);
  });

  it('does not call a session idle while one of its calls runs', () => {
    const { clock, sessions } = makeSessions({ idleMs: 1000 });
    const session = begin(sessions, callerAt('key:ada'));
    const running = createCanceller();
    session.track(1, running);
    clock.advance(5000);
    sessions.sweep();
    expect(session.isClosed).toBe(false);
    session.untrack(1, running);
    sessions.sweep();
    expect(session.isClosed).toBe(true);
  });

  it('makes room for a caller with too many by ending the one that it used longest ago', () => {
    const { clock, sessions } = makeSessions({ perCaller: 2 });
    const caller = callerAt('key:ada');
    const first = begin(sessions, caller);
    clock.advance(1);
    const second = begin(sessions, caller);
    clock.advance(1);
    sessions.find(first.id, caller);
    const third = begin(sessions, caller);
    expect([first.isClosed, second.isClosed, third.isClosed]).toEqual([false, true, false]);
  });

  it('never ends a caller’s session to make room for another caller', () => {
    const { sessions } = makeSessions({ total: 1 });
    const mine = begin(sessions, callerAt('key:ada'));
    expect(sessions.create(callerAt('key:eve'), handshake)).toBeUndefined();
    expect(mine.isClosed).toBe(false);
    sessions.end(mine, 'done');
    expect(sessions.create(callerAt('key:eve'), handshake)).toBeDefined();
  });

  it('counts sessions right when they end more than once', () => {
    const { sessions } = makeSessions({ perCaller: 1 });
    const caller = callerAt('key:ada');
    const first = begin(sessions, caller);
    sessions.end(first, 'once');
    sessions.end(first, 'twice');
    const second = begin(sessions, caller);
    expect([...sessions.list()]).toEqual([second]);
    sessions.closeAll('over');
    expect([...sessions.list()]).toEqual([]);
    expect(second.isClosed).toBe(true);
  });
});

describe('a session', () => {
  it('tells the program’s own name where it gave one', () => {
    expect(openSession().clientName).toBe('editor');
    const nameless = new Session('s', 'key:ada', [], all, 0);
    expect([nameless.clientName, nameless.revision]).toEqual([undefined, undefined]);
  });

  it('holds messages until a stream opens, in order, and sends later ones at once', () => {
    const session = openSession();
    session.push(Buffer.from('1'));
    session.push(Buffer.from('2'));
    const stream = makeStream();
    session.attach(stream);
    session.push(Buffer.from('3'));
    expect([stream.opened(), stream.sent]).toEqual([1, ['1', '2', '3']]);
  });

  it('holds a bounded number of messages, the newest', () => {
    const session = openSession();
    for (let i = 0; i < 1000; i++) session.push(Buffer.from(String(i)));
    const stream = makeStream();
    session.attach(stream);
    expect([stream.sent.length, stream.sent[0], stream.sent.at(-1)]).toEqual([64, '936', '999']);
  });

  it('[slow-readers] holds a bounded number of bytes, whatever their messages', () => {
    const session = openSession();
    const large = 'x'.repeat(300_000);
    for (const name of ['a', 'b', 'c', 'd']) session.push(Buffer.from(name + large));
    const stream = makeStream();
    session.attach(stream);
    expect(stream.sent.map((message) => message.charAt(0))).toEqual(['b', 'c', 'd']);
    session.detach(stream);
    session.push(Buffer.from(large.repeat(4)));
    session.push(Buffer.from('e'));
    const next = makeStream();
    session.attach(next);
    expect(next.sent).toEqual(['e']);
  });

  it('sends each message on one stream only, the newest, and never on one that has ended', () => {
    const session = openSession();
    const [older, newer] = [makeStream(), makeStream()];
    session.attach(older);
    session.attach(newer);
    session.push(Buffer.from('a'));
    session.detach(older);
    session.push(Buffer.from('b'));
    session.detach(newer);
    session.push(Buffer.from('c'));
    expect([older.sent, newer.sent]).toEqual([[], ['a', 'b']]);
  });

  it('ends the stream before when another is opened', () => {
    const session = openSession();
    const ended: string[] = [];
    const streams = ['older', 'newer'].map((name) => ({ ...makeStream(), end: () => void ended.push(name) }));
    for (const stream of streams) session.attach(stream);
    expect(ended).toEqual(['older']);
  });

  it('cancels every request that runs under an id, and no other', () => {
    const session = openSession();
    const [one, same, text, done] = [createCanceller(), createCanceller(), createCanceller(), createCanceller()];
    for (const canceller of [one, same, done]) session.track(1, canceller);
    session.track('1', text);
    session.untrack(1, done);
    session.untrack(2, one);
    session.cancel(2, 'cancelled');
    expect([one, same, text, done].map(({ isCancelled }) => isCancelled)).toEqual([false, false, false, false]);
    session.cancel(1, 'cancelled');
    expect([one, same, text, done].map(({ isCancelled }) => isCancelled)).toEqual([true, true, false, false]);
    expect(session.isBusy).toBe(true);
    for (const canceller of [one, same]) session.untrack(1, canceller);
    session.untrack('1', text);
    expect(session.isBusy).toBe(false);
  });

  it('asks under ids of its own, on the stream of the request that the question belongs to', async () => {
    const session = openSession();
    const [own, request] = [makeStream(), makeStream()];
    session.attach(own);
    const answer = session.ask('elicitation/create', Buffer.from('{"message":"?"}'), request);
    void session.ask('roots/list', undefined);
    expect(request.sent).toEqual(['{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?"}}']);
    expect(own.sent).toEqual(['{"jsonrpc":"2.0","id":2,"method":"roots/list"}']);
    expect(session.settle(messageOf('{"jsonrpc":"2.0","id":1,"result":{ "action":"accept" }}'))).toBe(true);
    expect(await answer).toMatchObject({ kind: 'result', body: Buffer.from('{ "action":"accept" }') });
  });

  it('asks on its own stream where the request’s cannot take a question', () => {
    const session = openSession();
    const own = makeStream();
    session.attach(own);
    void session.ask('roots/list', undefined, makeStream(false));
    expect(own.sent).toHaveLength(1);
  });

  it('hands an error to whoever asked', async () => {
    const session = openSession();
    const answer = session.ask('roots/list', undefined);
    session.settle(messageOf({ id: 1, error: { code: -1, message: 'no' } }));
    expect(await answer).toMatchObject({ kind: 'error', body: Buffer.from('{"code":-1,"message":"no"}') });
  });

  it('takes each answer once, and none that nobody asked for', () => {
    const session = openSession();
    void session.ask('roots/list', undefined);
    for (const id of ['1', 2, 0]) expect(session.settle(messageOf({ id, result: {} }))).toBe(false);
    expect(session.settle(messageOf({ id: 1, result: {} }))).toBe(true);
    expect(session.settle(messageOf({ id: 1, result: {} }))).toBe(false);
  });

  it('at its end cancels what is on its way, answers what was asked, and tells its listeners, once', async () => {
    const session = openSession();
    const [one, two] = [createCanceller(), createCanceller()];
    session.track(1, one);
    session.track('1', two);
    const answer = session.ask('roots/list', undefined);
    let told = 0;
    session.onClose(() => (told += 1));
    session.close('gone');
    session.close('again');
    expect([one.reason, two.reason, told, session.isBusy]).toEqual(['gone', 'gone', 1, false]);
    expect(await answer).toMatchObject({ kind: 'error' });
  });

  it('forgets a listener that no longer wants to hear of its end', () => {
    const session = openSession();
    let told = 0;
    const forget = session.onClose(() => (told += 1));
    forget();
    session.close('gone');
    expect(told).toBe(0);
  });

  it('after its end says nothing, asks nobody and tells late listeners at once', async () => {
    const session = openSession();
    const stream = makeStream();
    session.attach(stream);
    session.close('gone');
    session.push(Buffer.from('late'));
    expect(await session.ask('roots/list', undefined)).toMatchObject({ kind: 'error' });
    let told = 0;
    session.onClose(() => (told += 1));
    expect([stream.sent, told]).toEqual([[], 1]);
  });
});

describe('the key of a door path', () => {
  it('is the path as callers write it', () => {
    expect([pathKey(all), pathKey(files)]).toEqual(['/mcp', '/mcp/files']);
  });
});
