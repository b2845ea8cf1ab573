import { createCanceller, type Cancellation } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { errorAnswer, frozenClock, jsonOf, resultAnswer, scriptedLink, settle } from '../exchange.fixture.ts';
import { linkFailure, type LinkAnswer } from '../upstreams/link.ts';
import { createResultCache, type CacheWish, type Taken } from './result-cache.ts';

const answer = (text: string, hints: object) =>
  resultAnswer(JSON.stringify({ resultType: 'complete', contents: [{ uri: 'a:b', text }], ...hints }));
const open = { ttlMs: 5000, cacheScope: 'public' };
const own = { ttlMs: 5000, cacheScope: 'private' };

function textOf({ answer: given }: Taken): unknown {
  if (given.kind === 'failure') return given.failure.reason;
  return JSON.stringify(jsonOf(given.message.bytes)).match(/"text":"([^"]*)"/)?.[1] ?? 'error';
}

/** A cache before a server whose answers come when the test says so. */
function before(maxBytes?: number) {
  const clock = frozenClock();
  const cache = createResultCache({ clock, ...(maxBytes === undefined ? {} : { maxBytes }) });
  const link = scriptedLink('modern', {}, () => undefined);
  const asked: { readonly over: Cancellation; answer(given: LinkAnswer): void }[] = [];
  const ask = (who: string, more: Partial<CacheWish> = {}): Promise<Taken> =>
    Promise.resolve(
      cache.take(
        {
          server: 'files',
          link,
          uri: 'a:b',
          variant: '{}',
          authorization: who,
          cancellation: createCanceller(),
          ...more,
        },
        (over) => new Promise((resolve) => asked.push({ over, answer: resolve })),
      ),
    );
  /** Asks, and has the server answer if it is asked. */
  const read = async (who: string, given: LinkAnswer, more: Partial<CacheWish> = {}): Promise<Taken> => {
    const count = asked.length;
    const reading = ask(who, more);
    await settle();
    asked[count]?.answer(given);
    return reading;
  };
  return { cache, clock, link, asked, ask, read };
}

describe('a kept result', () => {
  it('that is public is given to everybody, and its time runs', async () => {
    const { clock, read, asked } = before();
    expect(await read('ada', answer('one', open))).toMatchObject({ source: 'own', leftMs: 5000 });
    clock.advance(4000);
    const taken = await read('eve', answer('two', open));
    expect([textOf(taken), taken.source, taken.leftMs, asked.length]).toEqual(['one', 'kept', 1000, 1]);
    clock.advance(1000);
    expect(textOf(await read('eve', answer('three', open)))).toBe('three');
  });

  it('that is private is found by the same authorization only', async () => {
    const { read } = before();
    await read('ada', answer('secret of ada', own));
    expect(textOf(await read('eve', answer('of eve', own)))).toBe('of eve');
    expect(textOf(await read('ada', answer('new', own)))).toBe('secret of ada');
    expect(textOf(await read('eve', answer('new', own)))).toBe('of eve');
  });

  it('is never given out for another conversation, whatever its scope: a server may know its caller', async () => {
    const { read } = before();
    const one = scriptedLink('modern', {}, () => undefined);
    const two = scriptedLink('modern', {}, () => undefined);
    await read('ada', answer('of ada’s process', open), { link: one });
    expect(textOf(await read('eve', answer('of eve’s process', open), { link: two }))).toBe('of eve’s process');
  });

  it('is given for the same resource and the same variant only', async () => {
    const { read } = before();
    await read('ada', answer('one', open));
    expect(textOf(await read('ada', answer('two', open), { uri: 'a:c' }))).toBe('two');
    expect(textOf(await read('ada', answer('three', open), { variant: '{"elicitation":{}}' }))).toBe('three');
    // No text can pass for a join of others.
    expect(textOf(await read('ada', answer('four', open), { uri: 'b', variant: '{}","a:' }))).toBe('four');
  });

  it.each([
    ['no hints', {}],
    ['a time of 0', { ttlMs: 0, cacheScope: 'public' }],
    ['a time below 0', { ttlMs: -1, cacheScope: 'public' }],
    ['a time without end', { ttlMs: 1e300, cacheScope: 'public' }],
    ['a time that is no number', { ttlMs: '5000', cacheScope: 'public' }],
    ['a time that is no whole number', { ttlMs: 1.5, cacheScope: 'public' }],
    ['an unknown scope', { ttlMs: 5000, cacheScope: 'shared' }],
    ['no scope', { ttlMs: 5000 }],
    ['more to ask', { ...open, resultType: 'input_required' }],
    ['an unknown type', { ...open, resultType: 'task' }],
  ])('there is none of a result with %s', async (_, hints) => {
    const { read, cache } = before();
    expect((await read('ada', answer('one', hints))).leftMs).toBeUndefined();
    expect(textOf(await read('ada', answer('two', hints)))).toBe('two');
    expect(cache.stats()).toMatchObject({ entries: 0, own: 2 });
  });

  it('there is none of an error, nor of a failure', async () => {
    const { read, cache } = before();
    await read('ada', errorAnswer({ code: -32602, message: 'No' }));
    await read('ada', { kind: 'failure', failure: linkFailure('timeout', 'No.') });
    expect(textOf(await read('ada', answer('one', open)))).toBe('one');
    expect(cache.stats().entries).toBe(1);
  });

  it('is kept for an hour at most', async () => {
    const { read } = before();
    expect(await read('ada', answer('one', { ...open, ttlMs: 1e12 }))).toMatchObject({ leftMs: 3_600_000 });
  });

  it('is forgotten when its server says that it, or any, has changed', async () => {
    const { read, cache } = before();
    await read('ada', answer('one', open));
    cache.drop('files', 'a:other');
    cache.drop('other');
    expect(textOf(await read('ada', answer('two', open)))).toBe('one');
    cache.drop('files', 'a:b');
    expect(textOf(await read('ada', answer('three', open)))).toBe('three');
    cache.drop('files');
    expect(textOf(await read('ada', answer('four', open)))).toBe('four');
  });

  it.each([['a:b'], [undefined]])('there is none of what changed while it was on its way (%s)', async (uri) => {
    const { cache, ask, asked, read } = before();
    const first = ask('ada');
    await settle();
    cache.drop('files', uri);
    // Whoever asks after the change is not given what was asked for before it.
    const second = ask('eve');
    await settle();
    expect(asked).toHaveLength(2);
    asked[1]?.answer(answer('new', open));
    asked[0]?.answer(answer('old', open));
    expect([textOf(await first), (await first).leftMs, textOf(await second)]).toEqual(['old', undefined, 'new']);
    expect(textOf(await read('bob', answer('later', open)))).toBe('new');
  });
});

describe('callers who want the same at once', () => {
  it('cause one request, whoever they are, when its result is for all', async () => {
    const { ask, asked, cache } = before();
    const reading = Array.from({ length: 100 }, (_, i) => ask(`caller ${i % 7}`));
    await settle();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(answer('one', open));
    expect(new Set((await Promise.all(reading)).map(textOf))).toEqual(new Set(['one']));
    expect(cache.stats()).toMatchObject({ own: 1, shared: 99 });
  });

  it('get each their own where it is private: one request for each authorization', async () => {
    const { ask, asked } = before();
    const reading = ['ada', 'eve', 'ada', 'bob', 'eve', 'eve'].map((who) => ask(who));
    await settle();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(answer('for ada', own));
    await settle();
    // Eve's and Bob's requests, made for them.
    expect(asked).toHaveLength(3);
    asked[1]?.answer(answer('for eve', own));
    asked[2]?.answer(answer('for bob', own));
    expect((await Promise.all(reading)).map(textOf)).toEqual([
      'for ada',
      'for eve',
      'for ada',
      'for bob',
      'for eve',
      'for eve',
    ]);
  });

  it('do not wait for others once it is known to be private', async () => {
    const { ask, asked, read, clock } = before();
    await read('ada', answer('for ada', own));
    clock.advance(5000);
    void ask('ada');
    void ask('eve');
    await settle();
    expect(asked).toHaveLength(3);
  });

  it('ask each for themselves what may not be kept', async () => {
    const { ask, asked } = before();
    const reading = ['ada', 'ada', 'eve'].map((who) => ask(who));
    await settle();
    asked[0]?.answer(answer('first', {}));
    await settle();
    expect(asked).toHaveLength(3);
    asked[1]?.answer(answer('second', {}));
    asked[2]?.answer(answer('third', {}));
    expect((await Promise.all(reading)).map(textOf)).toEqual(['first', 'second', 'third']);
  });

  it('never get another’s error, but all learn that nobody could be reached', async () => {
    const { ask, asked } = before();
    const reading = ['ada', 'eve'].map((who) => ask(who));
    await settle();
    asked[0]?.answer(errorAnswer({ code: -32602, message: 'no such file in the folder of ada' }));
    await settle();
    asked[1]?.answer(answer('for eve', own));
    expect((await Promise.all(reading)).map(textOf)).toEqual(['error', 'for eve']);
    const failing = before();
    const both = ['ada', 'eve'].map((who) => failing.ask(who));
    await settle();
    failing.asked[0]?.answer({ kind: 'failure', failure: linkFailure('unreachable', 'No.') });
    expect((await Promise.all(both)).map(textOf)).toEqual(['unreachable', 'unreachable']);
    expect(failing.asked).toHaveLength(1);
    expect(textOf(await failing.read('ada', answer('back', open)))).toBe('back');
  });

  it('keep waiting when one gives up, even the one whose request it was', async () => {
    const { ask, asked } = before();
    const [first, third] = [createCanceller(), createCanceller()];
    const reading = [ask('ada', { cancellation: first }), ask('eve'), ask('bob', { cancellation: third })];
    await settle();
    first.cancel('gone');
    third.cancel('gone');
    await settle();
    expect(asked[0]?.over.isCancelled).toBe(false);
    asked[0]?.answer(answer('one', open));
    expect((await Promise.all(reading)).map(textOf)).toEqual(['cancelled', 'one', 'cancelled']);
  });

  it('call the request off when the last of them gives up, and nobody waits for it afterwards', async () => {
    const { ask, asked } = before();
    const cancellers = [createCanceller(), createCanceller()];
    const reading = cancellers.map((cancellation, i) => ask(`caller ${i}`, { cancellation }));
    await settle();
    for (const canceller of cancellers) canceller.cancel('gone');
    expect(asked[0]?.over.isCancelled).toBe(true);
    const later = ask('bob');
    await settle();
    expect(asked).toHaveLength(2);
    asked[0]?.answer(answer('too late', {}));
    asked[1]?.answer(answer('one', open));
    expect((await Promise.all([...reading, later])).map(textOf)).toEqual(['cancelled', 'cancelled', 'one']);
  });

  it('are not kept waiting by a server that changes its mind about the scope', async () => {
    const { ask, asked, clock, read } = before();
    await read('ada', answer('x', open));
    clock.advance(5000);
    const reading = ['ada', 'eve', 'bob', 'tim'].map((who) => ask(who));
    for (let i = 1; i < 10; i++) {
      await settle();
      asked[i]?.answer(answer(`${i}`, i % 2 === 0 ? {} : own));
    }
    const got = (await Promise.all(reading)).map(textOf);
    expect(new Set(got).size).toBe(4);
  });
});

describe('the room for kept results', () => {
  const page = 'x'.repeat(1000);
  const uriOf = (i: number) => ({ uri: `a:${i}` });

  it('is bounded: what was used least goes first', async () => {
    const { read, cache } = before(400_000);
    for (let i = 0; i < 300; i++) {
      await read('ada', answer(page, open), uriOf(i));
      if (i % 20 === 0) await read('ada', answer('asked again', open), uriOf(0));
    }
    const { bytes, entries } = cache.stats();
    expect(bytes).toBeLessThanOrEqual(400_000);
    expect(entries).toBeGreaterThan(50);
    expect(textOf(await read('ada', answer('asked again', open), uriOf(0)))).toBe(page);
    expect(textOf(await read('ada', answer('asked again', open), uriOf(1)))).toBe('asked again');
  });

  it('is not spent on names: what is asked for at length is neither kept nor shared', async () => {
    const { ask, asked, cache } = before();
    const long = { uri: `a:${'x'.repeat(2048)}` };
    const reading = [ask('ada', long), ask('ada', long)];
    await settle();
    expect(asked).toHaveLength(2);
    for (const each of asked) each.answer(answer('one', open));
    expect((await Promise.all(reading)).map(({ leftMs }) => leftMs)).toEqual([undefined, undefined]);
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('cannot be taken by one caller alone, nor by one answer', async () => {
    const { read, cache } = before(800_000);
    await read('ada', answer('kept', own));
    for (let i = 0; i < 300; i++) await read('eve', answer(page, own), uriOf(i));
    expect(cache.stats().bytes).toBeLessThan(120_000);
    await read('eve', answer('x'.repeat(20_000), own), uriOf(1000));
    expect(textOf(await read('eve', answer('asked', own), uriOf(1000)))).toBe('asked');
    expect(textOf(await read('ada', answer('asked again', own)))).toBe('kept');
  });
});
