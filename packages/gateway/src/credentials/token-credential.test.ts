import { describe, expect, it } from 'vitest';
import { frozenClock } from '../exchange.fixture.ts';
import { linkFailure, type LinkFailure } from '../upstreams/link.ts';
import { TokenCredential, type Token, type TokenWish } from './token-credential.ts';

interface Setting {
  readonly clock: ReturnType<typeof frozenClock>;
  readonly credential: TokenCredential;
  readonly wishes: TokenWish[];
  /** What the next requests for a token come to. */
  next: (count: number) => Token | LinkFailure;
}

const lifeMs = 600_000;

function setUp(): Setting {
  const clock = frozenClock();
  const wishes: TokenWish[] = [];
  const setting: Setting = {
    clock,
    wishes,
    next: (count) => ({ value: `token-${count}`, expiresAt: clock.now() + lifeMs }),
    credential: new TokenCredential({
      key: 'k',
      name: 'api',
      clock,
      obtain: async (wish) => {
        wishes.push(wish);
        await Promise.resolve();
        return setting.next(wishes.length);
      },
    }),
  };
  return setting;
}

const unavailable = linkFailure('credentials', 'They could not be had.');
const refusal = (credential: TokenCredential, status: 401 | 403 = 401, challenge?: string) =>
  ({ status, challenge, sent: credential.headers() }) as const;

describe('a token', () => {
  it('is asked for once however many wait, and then costs nothing', async () => {
    const { credential, wishes } = setUp();
    await Promise.all(Array.from({ length: 50 }, () => Promise.resolve(credential.ready())));
    expect(credential.ready()).toBeUndefined();
    expect(credential.headers()).toEqual(['authorization', 'Bearer token-1']);
    expect(credential.headers()).toBe(credential.headers());
    expect(wishes).toHaveLength(1);
  });

  it('is renewed a while before its end, and stays in use when that fails until it ends', async () => {
    const setting = setUp();
    const { credential, clock } = setting;
    await credential.ready();
    clock.advance(lifeMs - 60_001);
    expect(credential.ready()).toBeUndefined();
    setting.next = () => unavailable;
    clock.advance(2);
    expect(await credential.ready()).toBeUndefined();
    expect(credential.headers()[1]).toBe('Bearer token-1');
    clock.advance(60_000);
    expect(await credential.ready()).toBe(unavailable);
    setting.next = (count) => ({ value: `token-${count}`, expiresAt: clock.now() + lifeMs });
    clock.advance(1_001);
    expect(await credential.ready()).toBeUndefined();
    expect(credential.headers()[1]).toBe('Bearer token-4');
  });

  it('that cannot be had is not asked for with every call', async () => {
    const setting = setUp();
    setting.next = () => unavailable;
    for (let i = 0; i < 20; i++) expect(await setting.credential.ready()).toBe(unavailable);
    expect(setting.wishes).toHaveLength(1);
    setting.clock.advance(1_001);
    await setting.credential.ready();
    expect(setting.wishes).toHaveLength(2);
  });

  it('that needs a consent is looked for with every call, because the person may have come back', async () => {
    const setting = setUp();
    setting.next = () => linkFailure('consent', 'ask');
    await setting.credential.ready();
    setting.next = () => ({ value: 'given', expiresAt: undefined });
    expect(await setting.credential.ready()).toBeUndefined();
    setting.clock.advance(1e12);
    expect(setting.credential.ready()).toBeUndefined();
  });

  it('that a server refuses is renewed once, however many requests were refused with it', async () => {
    const { credential, wishes, clock } = setUp();
    await credential.ready();
    clock.advance(10_000);
    const old = refusal(credential);
    expect(await Promise.all(Array.from({ length: 50 }, () => credential.refused(old)))).toEqual(
      Array.from({ length: 50 }, () => undefined),
    );
    expect(await credential.refused(old)).toBeUndefined();
    expect(wishes.map(({ why }) => why)).toEqual(['due', 'refused']);
  });

  it('that is refused again at once is not renewed again and again', async () => {
    const { credential, wishes, clock } = setUp();
    await credential.ready();
    expect(await credential.refused(refusal(credential))).toBeUndefined();
    expect(await credential.refused(refusal(credential))).toMatchObject({ reason: 'credentials' });
    expect(wishes).toHaveLength(2);
    clock.advance(5_001);
    expect(await credential.refused(refusal(credential))).toBeUndefined();
    credential.accepted(credential.headers());
    expect(await credential.refused(refusal(credential))).toBeUndefined();
    expect(wishes).toHaveLength(4);
  });

  it('gets the scopes that a server asks for, all that it ever asked for, and only so many times', async () => {
    const { credential, wishes } = setUp();
    await credential.ready();
    const ask = (scope: string): Promise<LinkFailure | undefined> =>
      credential.refused(refusal(credential, 403, `Bearer error="insufficient_scope", scope="${scope}"`));
    expect(await ask('a b')).toBeUndefined();
    expect(await ask('b')).toMatchObject({ reason: 'credentials' });
    expect(await ask('c')).toBeUndefined();
    expect(await ask('d')).toBeUndefined();
    expect(await ask('e')).toMatchObject({ reason: 'credentials' });
    expect(wishes.map(({ scopes }) => scopes.join(' '))).toEqual(['', 'a b', 'a b c', 'a b c d']);
  });

  it('is forgotten when it is told to', async () => {
    const { credential, wishes } = setUp();
    await credential.ready();
    credential.forget();
    expect(credential.headers()).toEqual([]);
    await credential.ready();
    expect(wishes).toHaveLength(2);
  });
});
