import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeLink, fakePorts } from './fakes.ts';
import { linkFailure } from './link.ts';
import { LinkPool } from './pool.ts';
import type { Opening } from './transport.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const create = (maxLinks = 2) => {
  const links: FakeLink[] = [];
  const pool = new LinkPool({ name: 'files', maxLinks, idleMs: 1000 }, fakePorts());
  const open = async (): Promise<Opening> => {
    const link = new FakeLink();
    links.push(link);
    return { kind: 'open', link };
  };
  return { pool, links, get: (key: string) => pool.get(key, open) };
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
    await pool.get('b', () => Promise.resolve({ kind: 'failure', failure: linkFailure('timeout', 'No.') }));
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.size).toBe(1);
  });

  it('makes room by ending the one that is idle for longest', async () => {
    const { pool, links, get } = create(2);
    await get('a');
    await vi.advanceTimersByTimeAsync(10);
    await get('b');
    await vi.advanceTimersByTimeAsync(10);
    await get('a');
    await get('c');
    expect(links.map((link) => link.state)).toEqual(['open', 'closed', 'open']);
    expect(pool.size).toBe(2);
  });

  it('says that it is exhausted when all are in use', async () => {
    const { links, get } = create(1);
    await get('a');
    if (links[0] !== undefined) links[0].pending = 1;
    expect(await get('b')).toMatchObject({ kind: 'failure', failure: { reason: 'exhausted' } });
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
});
