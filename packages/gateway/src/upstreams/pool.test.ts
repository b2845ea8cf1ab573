import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeLink, fakePorts } from './fakes.ts';
import { linkFailure, type Link } from './link.ts';
import { LinkPool } from './pool.ts';
import type { Opening } from './transport.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const create = (maxLinks = 8) => {
  const links: FakeLink[] = [];
  const pool = new LinkPool(
    { name: 'files', maxLinks, idleMs: 1000, backoffMs: 1000, maxBackoffMs: 8000 },
    fakePorts(),
  );
  const open = async (): Promise<Opening> => {
    const link = new FakeLink();
    links.push(link);
    return { kind: 'open', link };
  };
  return { pool, links, get: (key: string, owner = 'key:ada') => pool.get({ key, scope: key, owner }, open) };
};

describe('a pool of conversations', () => {
  it('opens one for each key, once however many want it', async () => {
    const { links, get } = create();
    const [first, again, other] = await Promise.all([get('a'), get('a'), get('b')]);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(links).toHaveLength(2);
  });

  it('forgets a conversation that ended and an opening that failed', async () => {
    const { pool, links, get } = create();
    await get('a');
    links[0]?.die();
    await get('a');
    expect(links).toHaveLength(2);
    await pool.get({ key: 'b', scope: 'b', owner: 'key:ada' }, () =>
      Promise.resolve({ kind: 'failure', failure: linkFailure('timeout', 'No.') }),
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.size).toBe(1);
  });

  it('opens one beside those that are taken, and uses it again', async () => {
    const { pool, links, get } = create(64);
    await get('a');
    const isTaken = (link: Link): boolean => link === links[0];
    const wish = { key: 'a', scope: 'a', owner: 'key:ada', isTaken };
    const open = async (): Promise<Opening> => {
      const link = new FakeLink();
      links.push(link);
      return { kind: 'open', link };
    };
    const beside = await pool.get(wish, open);
    expect(beside).toEqual({ kind: 'open', link: links[1] });
    expect(await pool.get(wish, open)).toBe(beside);
    expect(await get('a')).toEqual({ kind: 'open', link: links[0] });
    pool.release('a', 'over');
    await vi.advanceTimersByTimeAsync(0);
    expect(links.map((link) => link.state)).toEqual(['closed', 'closed']);
  });

  it('lends a taken one where no other can be had', async () => {
    const { pool, links, get } = create(4);
    const first = await get('a');
    const wish = { key: 'a', scope: 'a', owner: 'key:ada', isTaken: () => true };
    for (const link of links) link.pending = 1;
    expect(await pool.get(wish, () => Promise.reject(new Error('there is no room')))).toBe(first);
  });

  it('makes room by ending the one of the same principal that is idle for longest', async () => {
    const { pool, links, get } = create(8);
    await get('a');
    await vi.advanceTimersByTimeAsync(10);
    await get('b');
    await vi.advanceTimersByTimeAsync(10);
    await get('a');
    await get('c');
    expect(links.map((link) => link.state)).toEqual(['open', 'closed', 'open']);
    expect(pool.size).toBe(2);
  });

  it('gives one principal a quarter of all, and takes nothing from others for it', async () => {
    const { pool, links, get } = create(8);
    await get('own', 'key:bob');
    for (let turn = 0; turn < 50; turn += 1) await get(`turn ${turn}`, 'key:mallory');
    expect(pool.size).toBe(3);
    expect(links[0]?.state).toBe('open');
  });

  it('says that it is exhausted when all of the principal’s share is in use, while others get theirs', async () => {
    const { links, get } = create(8);
    for (const key of ['a', 'b']) await get(key, 'key:mallory');
    for (const link of links) link.pending = 1;
    expect(await get('c', 'key:mallory')).toMatchObject({ kind: 'failure', failure: { reason: 'exhausted' } });
    expect(await get('c', 'key:bob')).toMatchObject({ kind: 'open' });
  });

  it('when all are taken by others, ends only what nobody has used for some time', async () => {
    const { links, get } = create(4);
    for (const owner of ['a', 'b', 'c', 'd']) await get(owner, owner);
    expect(await get('e', 'e')).toMatchObject({ kind: 'failure', failure: { reason: 'exhausted' } });
    await vi.advanceTimersByTimeAsync(101);
    for (const owner of ['a', 'c', 'd']) await get(owner, owner);
    expect(await get('e', 'e')).toMatchObject({ kind: 'open' });
    expect(links.map((link) => link.state)).toEqual(['open', 'closed', 'open', 'open', 'open']);
    expect(await get('f', 'f')).toMatchObject({ kind: 'failure', failure: { reason: 'exhausted' } });
  });

  it('ends conversations that nobody used for the idle time, but none with a request in flight', async () => {
    const { links, get } = create();
    await get('a');
    await get('b');
    if (links[1] !== undefined) links[1].pending = 1;
    await vi.advanceTimersByTimeAsync(1500);
    expect(links.map((link) => link.closeReason)).toEqual(['idle', undefined]);
  });

  it('ends all when it is closed, and opens no more', async () => {
    const { pool, links, get } = create();
    await get('a');
    await pool.close('enough');
    expect(links[0]?.closeReason).toBe('enough');
    expect(await get('b')).toMatchObject({ kind: 'failure', failure: { reason: 'closed' } });
  });

  it('takes one out of use that is not quite new, and ends it once nothing waits on it', async () => {
    const { pool, links, get } = create();
    await get('a');
    const [link] = links;
    if (link === undefined) expect.fail('nothing was opened');
    link.pending = 1;
    pool.retire(link);
    await get('a');
    expect(links).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5001);
    pool.retire(link);
    expect(pool.size).toBe(0);
    await get('a');
    await vi.advanceTimersByTimeAsync(5000);
    expect(link.state).toBe('open');
    link.pending = 0;
    await vi.advanceTimersByTimeAsync(1000);
    expect(link.closeReason).toBe('replaced');
    expect(links).toHaveLength(2);
  });

  it('takes all out of use at once, and ends them with itself', async () => {
    const { pool, links, get } = create();
    await get('a');
    await get('b');
    pool.retire();
    expect(pool.size).toBe(0);
    await pool.close('enough');
    expect(links.map((link) => link.closeReason)).toEqual(['enough', 'enough']);
  });

  it('ends what belongs to a scope, also what is still opening, and nothing of another', async () => {
    const { pool, links, get } = create(16);
    await get('a');
    await get('b');
    const opening = get('c');
    pool.release('a', 'its session is over');
    pool.release('c', 'its session is over');
    await opening;
    await vi.advanceTimersByTimeAsync(0);
    expect(links.map((link) => link.closeReason)).toEqual(['its session is over', undefined, 'its session is over']);
    expect(pool.size).toBe(1);
  });

  it('ends what belongs to principals who are not welcome any more', async () => {
    const { pool, links, get } = create();
    await get('a', 'key:ada');
    await get('b', 'key:bob');
    await get('all', '');
    pool.releaseOwners((owner) => owner === 'key:bob', 'blocked');
    await vi.advanceTimersByTimeAsync(0);
    expect(links.map((link) => link.closeReason)).toEqual(['blocked', undefined, undefined]);
  });

  it('makes a principal wait whose conversations keep ending, longer each time, and nobody else', async () => {
    const { pool, links, get } = create();
    for (const _ of [1, 2]) {
      expect(await get('a', 'key:mallory')).toMatchObject({ kind: 'open' });
      links.at(-1)?.die();
    }
    expect(await get('b', 'key:mallory')).toMatchObject({
      kind: 'failure',
      failure: { reason: 'unreachable', retryAfterMs: 1000 },
    });
    expect(await get('c', 'key:ada')).toMatchObject({ kind: 'open' });
    expect(pool.waiting).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await get('b', 'key:mallory')).toMatchObject({ kind: 'open' });
    links.at(-1)?.die();
    expect(await get('b', 'key:mallory')).toMatchObject({ failure: { retryAfterMs: 2000 } });
    expect(links).toHaveLength(4);
  });

  it('forgets failures once a conversation has lasted', async () => {
    const { pool, links, get } = create();
    await get('a');
    links[0]?.die();
    await get('a');
    if (links[1] !== undefined) links[1].pending = 1;
    await vi.advanceTimersByTimeAsync(11_000);
    links[1]?.die();
    expect(pool.waiting).toBe(0);
    expect(await get('a')).toMatchObject({ kind: 'open' });
  });

  it('opens no more for a principal whose ended conversations still hold their processes', async () => {
    const { pool, links, get } = create(8);
    await get('a');
    await get('b');
    for (const link of links) link.close = () => new Promise(() => {});
    pool.release('a', 'over');
    pool.release('b', 'over');
    expect(await get('c')).toMatchObject({ failure: { reason: 'exhausted', retryAfterMs: 1000 } });
    expect(await get('c', 'key:bob')).toMatchObject({ kind: 'open' });
  });
});
