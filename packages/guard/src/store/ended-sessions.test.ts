import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEndedSessions, type EndedSessions, type EndedSessionsOptions } from './ended-sessions.ts';
import { openStore, type Store } from './store.ts';

const hour = 3_600_000;
let now = 1_800_000_000_000;
const clock = { now: () => now, monotonic: () => now };
let store: Store;

beforeEach(async () => {
  now = 1_800_000_000_000;
  const opened = await openStore('sqlite::memory:', { clock });
  if ('fault' in opened) throw new Error(opened.message, { cause: opened.cause });
  store = opened;
});
afterEach(() => store.close().catch(() => undefined));

const open = (options: Partial<EndedSessionsOptions> = {}): Promise<EndedSessions> =>
  openEndedSessions(store, { clock, gatherMs: 0, ...options });

const session = (id: string, owner = 'key:ada', created = now) => ({
  id,
  owner,
  created,
  expires: created + 24 * hour,
});

const rows = async () => (await store.database.selectFrom('guard_ended_sessions').selectAll().execute()).length;

describe('the memory of ended sessions', () => {
  it('knows what ended at once, and in the next process once that is written', async () => {
    const ended = await open();
    const written = ended.add(session('a'));
    expect([ended.has(session('a')), ended.has(session('b'))]).toEqual([true, false]);
    expect(await written).toBe(true);
    const next = await open();
    expect([next.has(session('a')), next.has(session('b'))]).toEqual([true, false]);
  });

  it('keeps nothing that could be used as an id', async () => {
    const ended = await open();
    await ended.add(session('the-id-itself'));
    const kept = await store.database.selectFrom('guard_ended_sessions').selectAll().execute();
    expect(JSON.stringify(kept)).not.toContain('the-id-itself');
  });

  it('forgets a session whose id has expired by itself', async () => {
    await (await open()).add(session('a'));
    now += 24 * hour;
    await open();
    expect(await rows()).toBe(0);
  });

  it('writes what ends at one time in one go', async () => {
    const ended = await open();
    const writings = ['a', 'b', 'c'].map((id) => ended.add(session(id)));
    expect(new Set(writings).size).toBe(1);
    await ended.settle();
    expect(await rows()).toBe(3);
  });

  it('waits at its end for everything that is being written', async () => {
    const ended = await open();
    void ended.add(session('a'));
    await Promise.resolve();
    void ended.add(session('b'));
    await ended.settle();
    expect(await rows()).toBe(2);
  });

  it('names a bounded number of a caller’s sessions; of more, all that began as early count as over', async () => {
    const ended = await open({ perCaller: 10 });
    for (let i = 0; i < 11; i++) void ended.add(session(`s${i}`, 'key:ada', now + i));
    await ended.settle();
    expect(await rows()).toBeLessThanOrEqual(10);
    const next = await open({ perCaller: 10 });
    for (const each of [ended, next]) {
      for (let i = 0; i < 11; i++) expect(each.has(session(`s${i}`, 'key:ada', now + i))).toBe(true);
      expect(each.has(session('never ended, as early', 'key:ada', now + 5))).toBe(true);
      expect(each.has(session('never ended, later', 'key:ada', now + 6))).toBe(false);
      expect(each.has(session('another caller’s', 'key:bob', now))).toBe(false);
    }
  });

  it('names a bounded number of all sessions', async () => {
    const ended = await open({ total: 10 });
    for (let i = 0; i < 1000; i++) void ended.add(session(`s${i}`, `key:${i}`, now + i));
    await ended.settle();
    expect(await rows()).toBeLessThanOrEqual(10);
    const next = await open();
    for (let i = 0; i < 1000; i++) expect(next.has(session(`s${i}`, `key:${i}`, now + i))).toBe(true);
    expect(next.has(session('later', 'key:ada', now + 1000))).toBe(false);
  });

  it('ends all sessions of a caller from before, and no others', async () => {
    const ended = await open();
    await ended.add(session('a'));
    await ended.addCaller('key:ada', now);
    await ended.addCaller('key:ada', now - 1);
    expect(await rows()).toBe(0);
    for (const each of [ended, await open()]) {
      expect(each.has(session('x', 'key:ada', now))).toBe(true);
      expect(each.has(session('x', 'key:ada', now + 1))).toBe(false);
      expect(each.has(session('x', 'key:bob', now))).toBe(false);
    }
  });

  it('hands on its last sign of life, and the time before which everything is over', async () => {
    const first = await open();
    expect(first.lastSign).toBeUndefined();
    await first.add(session('a'));
    await first.sign(now - 1);
    expect((await open()).lastSign).toBe(now);
    expect(await rows()).toBe(1);
    await first.sign(now);
    expect(await rows()).toBe(0);
    const next = await open();
    expect([next.has(session('b')), next.has(session('b', 'key:ada', now + 1))]).toEqual([true, false]);
  });

  it('says when it cannot write, remembers all the same, and writes it the next time', async () => {
    const causes: unknown[] = [];
    const ended = await open({ onError: (cause) => causes.push(cause) });
    await store.database.schema.alterTable('guard_ended_sessions').renameTo('gone').execute();
    expect(await ended.add(session('a'))).toBe(false);
    expect([ended.has(session('a')), causes.length]).toEqual([true, 1]);
    await store.database.schema.alterTable('gone').renameTo('guard_ended_sessions').execute();
    expect(await ended.sign(undefined)).toBe(true);
    expect((await open()).has(session('a'))).toBe(true);
  });
});
