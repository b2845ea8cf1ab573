import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DoorPath, Identified } from '../exchange.ts';
import { frozenClock, identified, makePrincipal, makeRules, makeStream, messageOf } from '../exchange.fixture.ts';
import { createSeal } from '../seal.ts';
import { openEndedSessions, type EndedSessions } from '../store/ended-sessions.ts';
import { openStore, type Store } from '../store/store.ts';
import { longestCarried } from './session-id.ts';
import { createSessions, type Handshake, type Session, type Sessions, type SessionsOptions } from './session.ts';

const minute = 60_000;
const hour = 60 * minute;
const handshake: Handshake = {
  revision: '2025-06-18',
  clientCapabilities: { elicitation: {}, roots: { listChanged: true } },
  clientInfo: { name: 'editor', version: '1' },
};
const files: DoorPath = { kind: 'server', server: 'files' };
const rules = makeRules();

let count = 0;
const random = { bytes: (length: number) => new Uint8Array(length).fill((count = (count + 1) % 256)) };
let clock = frozenClock();
let store: Store;
let ended: EndedSessions;

beforeEach(async () => {
  clock = frozenClock();
  const opened = await openStore('sqlite::memory:', { clock });
  if ('fault' in opened) throw new Error(opened.message, { cause: opened.cause });
  store = opened;
});
afterEach(() => store.close());

/** A process on the same store and master key. */
async function begin(more: Partial<SessionsOptions> = {}, key = 7): Promise<Sessions> {
  await ended?.settle();
  ended = await openEndedSessions(store, { clock, gatherMs: 0 });
  const seal = createSeal([new Uint8Array(32).fill(key)], clock, random);
  const sessions = createSessions({ clock, seal, ended, ...more });
  sessions.sweep();
  await ended.settle();
  return sessions;
}

function callerAt(id: string, path: DoorPath = { kind: 'all' }): Identified {
  return identified({ rules, path, principal: makePrincipal(rules, { id }) });
}

const ada = callerAt('key:ada');

function open(sessions: Sessions, caller = ada, told = handshake): Session {
  const session = sessions.create(caller, told);
  if (session === undefined) throw new Error('no room');
  return session;
}

describe('a session after a restart', () => {
  it('goes on under its id, with what its caller told at initialize', async () => {
    const before = await begin();
    const session = open(before);
    clock.advance(minute);
    before.closeAll('draining');
    const next = await begin();
    const found = next.find(session.id, ada);
    expect(found).toMatchObject({
      ...{ id: session.id, owner: 'key:ada', revision: '2025-06-18', clientName: 'editor', handshake },
      ...{ created: session.created, roles: ada.principal.roles, isBegun: true, isTakenUp: true, isClosed: false },
    });
    expect(next.find(session.id, ada)).toBe(found);
    expect([...next.list()]).toEqual([found]);
  });

  it('goes on after a crash, and after a second one', async () => {
    const session = open(await begin());
    clock.advance(minute);
    expect((await begin()).find(session.id, ada)).toBeDefined();
    clock.advance(minute);
    expect((await begin()).find(session.id, ada)).toBeDefined();
  });

  it('[restart] is nobody else’s, nowhere else’s, and no other text', async () => {
    const before = await begin();
    const [mine, atFiles] = [open(before), open(before, callerAt('key:ada', files))];
    const next = await begin();
    expect(next.find(mine.id, callerAt('key:eve'))).toBeUndefined();
    expect(next.find(mine.id, callerAt('key:ada', files))).toBeUndefined();
    expect(next.find(atFiles.id, ada)).toBeUndefined();
    expect(next.find(atFiles.id, callerAt('key:ada', { kind: 'server', server: 'other' }))).toBeUndefined();
    for (let at = 0; at < mine.id.length; at += 7) {
      const other = mine.id.charAt(at) === 'A' ? 'B' : 'A';
      expect(next.find(mine.id.slice(0, at) + other + mine.id.slice(at + 1), ada)).toBeUndefined();
    }
    expect([...next.list()]).toEqual([]);
    expect(next.find(mine.id, ada)).toBeDefined();
  });

  it('does not go on under another master key', async () => {
    const session = open(await begin());
    expect((await begin({}, 8)).find(session.id, ada)).toBeUndefined();
  });

  it('is not made of the id of a connection at another door', async () => {
    const before = await begin();
    const sse = Object.assign(callerAt('key:ada'), { door: 'sse' as const });
    const [id, session] = [before.mint(sse), open(before, sse)];
    const next = await begin();
    expect([next.find(id, ada), next.find(session.id, ada)]).toEqual([undefined, undefined]);
  });

  it('[restart] stays ended when its caller ended it', async () => {
    const before = await begin();
    const session = open(before);
    expect(await before.end(session, 'ended by the caller')).toBe(true);
    expect(before.find(session.id, ada)).toBeUndefined();
    expect((await begin()).find(session.id, ada)).toBeUndefined();
  });

  it('stays ended when it was taken up and then ended, in the same process too', async () => {
    const session = open(await begin());
    const next = await begin();
    const found = next.find(session.id, ada);
    if (found !== undefined) await next.end(found, 'ended by the caller');
    expect(next.find(session.id, ada)).toBeUndefined();
    expect((await begin()).find(session.id, ada)).toBeUndefined();
  });

  it('stays ended when it made room for another of its caller', async () => {
    const before = await begin({ perCaller: 1 });
    const [first, second] = [open(before), open(before)];
    expect(before.find(first.id, ada)).toBeUndefined();
    const next = await begin();
    expect([next.find(first.id, ada), next.find(second.id, ada) === undefined]).toEqual([undefined, false]);
  });

  it('stays ended when its caller was sent away', async () => {
    const session = open(await begin());
    clock.advance(minute);
    await ended.addCaller('key:ada', clock.now());
    const next = await begin();
    clock.advance(1);
    const later = open(next);
    expect([next.find(session.id, ada), next.find(later.id, ada)]).toEqual([undefined, later]);
  });

  it('is over a day after its beginning, whatever happened between', async () => {
    const session = open(await begin());
    for (let passed = 0; passed < 24 * hour; passed += 30 * minute) {
      expect((await begin()).find(session.id, ada)).toBeDefined();
      clock.advance(30 * minute);
    }
    expect((await begin()).find(session.id, ada)).toBeUndefined();
  });

  it('is over when it was idle for too long, with a gateway or without', async () => {
    const first = await begin();
    const [session, other] = [open(first), open(first)];
    clock.advance(hour + 1);
    expect((await begin()).find(session.id, ada)).toBeUndefined();
    const next = await begin();
    expect(next.find(other.id, ada)).toBeUndefined();
  });

  it('is taken up within the hour after the last sign of life of its process, and not a moment later', async () => {
    const first = await begin();
    const [session, other] = [open(first), open(first)];
    const next = await begin();
    clock.advance(hour);
    expect(next.find(session.id, ada)).toBeDefined();
    clock.advance(1);
    expect(next.find(other.id, ada)).toBeUndefined();
  });

  it('is over for good when a process has waited for it in vain', async () => {
    const first = await begin();
    const [used, unused] = [open(first), open(first)];
    clock.advance(1);
    const later = open(first);
    const second = await begin();
    for (let passed = 0; passed <= hour; passed += 10 * minute) {
      second.find(later.id, ada);
      clock.advance(10 * minute);
    }
    second.sweep();
    await ended.settle();
    const third = await begin();
    expect([third.find(used.id, ada), third.find(unused.id, ada)]).toEqual([undefined, undefined]);
    expect(third.find(later.id, ada)).toBeDefined();
  });

  it('ends with its process when its caller told more than an id can carry', async () => {
    const before = await begin();
    const small = { ...handshake, clientInfo: { name: 'x'.repeat(longestCarried - 150) } };
    const large = { ...handshake, clientInfo: { name: 'x'.repeat(longestCarried) } };
    const [fits, not] = [open(before, ada, small), open(before, ada, large)];
    expect([fits, not].map(({ id }) => id.length < 2048)).toEqual([true, true]);
    expect(before.find(not.id, ada)).toBe(not);
    const next = await begin();
    expect([next.find(fits.id, ada) === undefined, next.find(not.id, ada)]).toEqual([false, undefined]);
  });

  it('takes no place from others: old ids beyond the bound of a caller, or of all, are over', async () => {
    const before = await begin();
    const old = Array.from({ length: 10 }, () => open(before));
    const foreign = open(before, callerAt('key:bob'));
    const next = await begin({ perCaller: 3, total: 4 });
    const own = open(next);
    const found = old.map(({ id }) => next.find(id, ada) !== undefined);
    expect(found.filter(Boolean)).toHaveLength(2);
    expect([own.isClosed, [...next.list()].length]).toEqual([false, 3]);
    expect(next.find(foreign.id, callerAt('key:bob'))).toBeDefined();
    // Who was told that there is no such session is not told otherwise later.
    for (const session of [...next.list()]) await next.end(session, 'done');
    expect(old.map(({ id }) => next.find(id, ada))).toEqual(old.map(() => undefined));
  });

  it('takes no late answer to a question of the earlier process for one of its own', async () => {
    const before = await begin();
    const session = open(before);
    const asked = makeStream();
    session.attach(asked);
    void session.ask('roots/list', undefined);
    clock.advance(1000);
    const found = (await begin()).find(session.id, ada);
    const stream = makeStream();
    found?.attach(stream);
    void found?.ask('roots/list', undefined);
    expect(asked.sent).toEqual(['{"jsonrpc":"2.0","id":1,"method":"roots/list"}']);
    expect(found?.settle(messageOf({ id: 1, result: {} }))).toBe(false);
    expect(stream.sent).toEqual(['{"jsonrpc":"2.0","id":1001,"method":"roots/list"}']);
  });

  it('knows no event of the streams that the earlier process had', async () => {
    const before = await begin();
    const session = open(before);
    const log = session.events?.open('x1', 'session');
    log?.append(Buffer.from('{}'));
    expect(session.events?.find('x1-0')).toBeDefined();
    const found = (await begin()).find(session.id, ada);
    expect(found?.events?.find('x1-0')).toBeUndefined();
  });

  it('is unknown where nothing remembers what ended', async () => {
    const session = open(await begin());
    const seal = createSeal([new Uint8Array(32).fill(7)], clock, random);
    expect(createSessions({ clock, seal }).find(session.id, ada)).toBeUndefined();
  });

  it('hears while its process stops that this stops, and not that there is no such session', async () => {
    const sessions = await begin();
    const session = open(sessions);
    sessions.closeAll('draining');
    expect(sessions.find(session.id, ada)).toBe(session);
    expect([session.isClosed, [...sessions.list()]]).toEqual([true, []]);
  });
});
