import { randomBytes } from 'node:crypto';
import { createCanceller } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { frozenClock } from '../../exchange.fixture.ts';
import { createAttempts } from './attempts.ts';
import type { ResourcePlan } from './resource-plan.ts';

const plan = (scopes: readonly string[] = ['use']): ResourcePlan => ({
  server: { issuer: 'https://i.example' },
  authorizationEndpoint: 'https://i.example/a',
  resource: undefined,
  scopes,
});

function setUp() {
  const clock = frozenClock();
  const random = { bytes: (length: number) => randomBytes(length) };
  const attempts = createAttempts({ clock, random, timers: clock.timers, perPrincipal: 3, total: 5 });
  const begin = (principal = 'key:ada', scopes?: readonly string[], server = 'desk') =>
    attempts.begin({ server, principal, plan: plan(scopes), more: [] });
  return { clock, attempts, begin };
}

const departure = {
  browser: 'b',
  verifier: 'v',
  client: { id: 'c', secret: undefined, auth: 'none' },
  redirectUri: 'r',
} as const;

describe('a consent under way', () => {
  it('is one for all calls of a caller that want the same, and another for everything else', () => {
    const { begin } = setUp();
    const first = begin();
    expect(begin()).toBe(first);
    expect(begin('key:bob')).not.toBe(first);
    expect(begin('key:ada', ['more'])).not.toBe(first);
    expect(first?.id).toMatch(/^[\w-]{32}$/);
    expect(first?.code).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
  });

  it('is confirmed once, and its link is another’s afterwards', () => {
    const { attempts, begin } = setUp();
    const first = begin();
    if (first === undefined) throw new Error('none');
    const state = attempts.depart(first, departure);
    expect(state).toMatch(/^[\w-]{32}$/);
    expect(attempts.depart(first, departure)).toBeUndefined();
    expect(begin()).not.toBe(first);
    expect(attempts.takeState(state ?? '')).toBe(first);
    expect(attempts.takeState(state ?? '')).toBeUndefined();
  });

  it('ends after ten minutes, and tells whoever waits', async () => {
    const { attempts, begin, clock } = setUp();
    const first = begin();
    if (first === undefined) throw new Error('none');
    const state = attempts.depart(first, departure) ?? '';
    const waiting = attempts.wait(first, 3_600_000, createCanceller());
    clock.advance(599_999);
    expect(attempts.find(first.id)).toBe(first);
    clock.advance(1);
    expect(attempts.find(first.id)).toBeUndefined();
    expect(attempts.takeState(state)).toBeUndefined();
    expect(await waiting).toEqual({ kind: 'failed', detail: 'nobody came back in time' });
  });

  it('is waited for no longer than it should be, and no longer than the caller is there', async () => {
    const { attempts, begin, clock } = setUp();
    const first = begin();
    if (first === undefined) throw new Error('none');
    const short = attempts.wait(first, 1000, createCanceller());
    clock.advance(1000);
    expect(await short).toBeUndefined();
    const caller = createCanceller();
    const left = attempts.wait(first, 1000, caller);
    caller.cancel('gone');
    expect(await left).toBeUndefined();
    const both = [attempts.wait(first, 1000, createCanceller()), attempts.wait(first, 1000, createCanceller())];
    attempts.finish(first, { kind: 'connected' });
    attempts.finish(first, { kind: 'failed', detail: 'late' });
    expect(await Promise.all(both)).toEqual([{ kind: 'connected' }, { kind: 'connected' }]);
    expect(await attempts.wait(first, 1000, createCanceller())).toEqual({ kind: 'connected' });
  });

  it('belongs to its caller: nobody else finds it', () => {
    const { attempts, begin } = setUp();
    const first = begin();
    expect(attempts.findOwn(first?.id ?? '', 'key:ada')).toBe(first);
    expect(attempts.findOwn(first?.id ?? '', 'key:bob')).toBeUndefined();
  });

  it('is one of a few for each caller and of a bounded number in all', () => {
    const { begin } = setUp();
    for (const scope of ['a', 'b', 'c']) expect(begin('key:ada', [scope])).toBeDefined();
    expect(begin('key:ada', ['d'])).toBeUndefined();
    expect(begin('key:bob', ['a'])).toBeDefined();
    expect(begin('key:bob', ['b'])).toBeDefined();
    expect(begin('key:eve', ['a'])).toBeUndefined();
  });

  it('[account-links] that has ended takes no place of another caller’s', () => {
    const { attempts, begin } = setUp();
    for (let count = 0; count < 20; count++) {
      const attempt = begin('key:mallory');
      if (attempt === undefined) throw new Error(`none for the caller itself, after ${count}`);
      attempts.finish(attempt, { kind: 'failed', detail: 'you cancelled' });
    }
    expect(begin('key:ada')).toBeDefined();
    expect(begin('key:bob')).toBeDefined();
  });

  it('is remembered a while after its end, for whoever waits', () => {
    const { attempts, begin } = setUp();
    const first = begin();
    if (first === undefined) throw new Error('none');
    attempts.finish(first, { kind: 'connected' });
    begin();
    expect(attempts.findOwn(first.id, 'key:ada')).toBe(first);
  });

  it('ends for a server or a caller that is gone, and with another one that has connected the same', () => {
    const { attempts, begin } = setUp();
    const [ada, bob, more] = [begin('key:ada'), begin('key:bob'), begin('key:ada', ['more'])];
    attempts.endFor({ server: 'desk', principal: 'key:bob' }, 'gone');
    expect([ada?.end, bob?.end]).toEqual([undefined, { kind: 'failed', detail: 'gone' }]);
    attempts.connected('desk', 'key:ada');
    expect([ada?.end, more?.end]).toEqual([{ kind: 'connected' }, { kind: 'connected' }]);
  });

  it('has a form that only the browser that was shown it can send', () => {
    const { attempts, begin } = setUp();
    const [one, two] = [begin(), begin('key:bob')];
    if (one === undefined || two === undefined) throw new Error('none');
    const token = attempts.formToken(one, 'cookie');
    expect(attempts.isFormToken(one, 'cookie', token)).toBe(true);
    expect(attempts.isFormToken(one, 'other', token)).toBe(false);
    expect(attempts.isFormToken(two, 'cookie', token)).toBe(false);
    expect(attempts.isFormToken(one, 'cookie', `${token}x`)).toBe(false);
  });
});
