import { describe, expect, it } from 'vitest';
import { isKeyMiss } from './key-set.ts';
import { makeBench, makeSigningKey, type VerifierBench } from './tokens.fixture.ts';

const one = makeSigningKey('one');
const two = makeSigningKey('two');

const find = async ({ keys }: VerifierBench, kid?: string) => {
  const header = { alg: 'ES256', ...(kid === undefined ? {} : { kid }) };
  const found = keys.find('ES256', header) ?? (await keys.seek('ES256', header));
  return isKeyMiss(found) ? found.miss : found.kid;
};

/** Lets a reading in the background end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the keys of an issuer', () => {
  it('are read once, however many ask at once', async () => {
    const bench = makeBench([one]);
    expect(await Promise.all(Array.from({ length: 50 }, () => find(bench, 'one')))).toEqual(Array(50).fill('one'));
    expect(bench.source.loads).toBe(1);
  });

  it('are found by name and algorithm, letter by letter', async () => {
    const bench = makeBench([one, two]);
    expect(await find(bench, 'two')).toBe('two');
    for (const kid of ['TWO', 'two ', '', '*', '__proto__', 'constructor', 'ES256 two']) {
      expect(await find(bench, kid)).toBe('unknown');
    }
    expect(bench.keys.find('RS256', { alg: 'RS256', kid: 'one' })).toMatchObject({ miss: 'unknown' });
  });

  it('serve a token without a name only when there is no choice', async () => {
    expect(await find(makeBench([one]))).toBe('one');
    expect(await find(makeBench([one, two]))).toBe('unknown');
  });

  it('of the same name serve nobody, because either could be meant', async () => {
    expect(await find(makeBench([one, makeSigningKey('one')]), 'one')).toBe('unknown');
  });

  it('are read again for a name that is not known, and found at once', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    bench.source.content = [one, two];
    expect(await find(bench, 'two')).toBe('two');
    expect(bench.source.loads).toBe(2);
  });

  it('are read four times for names that nobody has, then once in five seconds', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    for (let i = 0; i < 1000; i++) expect(await find(bench, `made-up-${i}`)).toBe('unknown');
    expect(bench.source.loads).toBe(5);
    bench.clock.advance(5000);
    for (let i = 0; i < 100; i++) await find(bench, `more-${i}`);
    expect(bench.source.loads).toBe(6);
  });

  it('may rotate as often as their issuer likes: a reading that finds the key counts for nothing', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    for (let rotation = 0; rotation < 20; rotation++) {
      bench.source.content = [makeSigningKey(`key-${rotation}`)];
      expect(await find(bench, `key-${rotation}`)).toBe(`key-${rotation}`);
    }
    expect(bench.source.loads).toBe(21);
  });

  it('are not read for what cannot be a name', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    for (const kid of ['', 'one two', 'one\n', 'ключ', 'x'.repeat(300)]) expect(await find(bench, kid)).toBe('unknown');
    expect(bench.source.loads).toBe(1);
  });

  it('are read once more for a name that was published while they were being read', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    let open = (): void => undefined;
    bench.source.gate = new Promise((resolve) => (open = resolve));
    const first = find(bench, 'made-up');
    bench.source.content = [one, two];
    const second = find(bench, 'two');
    bench.source.gate = undefined;
    open();
    expect(await Promise.all([first, second])).toEqual(['unknown', 'two']);
    expect(bench.source.loads).toBe(3);
  });

  it('are read in the background when it is time, and not before', async () => {
    const bench = makeBench([one]);
    bench.keys.tend();
    await settle();
    bench.clock.advance(299_999);
    bench.keys.tend();
    expect(bench.source.loads).toBe(1);
    bench.clock.advance(1);
    bench.keys.tend();
    expect(bench.source.loads).toBe(2);
  });

  it('that were taken away serve nobody from the next reading on', async () => {
    const bench = makeBench([one, two]);
    await find(bench, 'one');
    const before = bench.keys.find('ES256', { alg: 'ES256', kid: 'one' });
    bench.source.content = [two];
    bench.clock.advance(300_000);
    bench.keys.tend();
    await settle();
    expect(await find(bench, 'one')).toBe('unknown');
    expect(before).toMatchObject({ isTrusted: false });
    expect(bench.news).toContainEqual({ level: 'info', text: 'the key "one" was taken away' });
  });

  it('stay the same objects while they stay the same keys', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    const before = bench.keys.find('ES256', { alg: 'ES256', kid: 'one' });
    bench.clock.advance(300_000);
    bench.keys.tend();
    await settle();
    expect(bench.source.loads).toBe(2);
    expect(bench.keys.find('ES256', { alg: 'ES256', kid: 'one' })).toBe(before);
  });

  it('serve for the time that is allowed while they cannot be read, and no longer', async () => {
    const bench = makeBench([one], { staleMs: 60_000 });
    await find(bench, 'one');
    bench.source.content = 'connection refused';
    bench.clock.advance(300_000);
    bench.keys.tend();
    await settle();
    expect(bench.keys.status()).toMatchObject({ state: 'stale', problem: 'connection refused', failures: 1 });
    bench.clock.advance(60_000);
    expect(await find(bench, 'one')).toBe('one');
    bench.clock.advance(1);
    expect(await find(bench, 'one')).toBe('unavailable');
    expect(bench.keys.status()).toMatchObject({ state: 'lost' });
    bench.source.content = [one];
    bench.clock.advance(60_000);
    bench.keys.tend();
    await settle();
    expect(await find(bench, 'one')).toBe('one');
    expect(bench.keys.status()).toMatchObject({ state: 'fresh', keys: 1 });
    expect(bench.news.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      'warning: connection refused',
      'info: the keys can be read again',
    ]);
  });

  it('are asked for with growing pauses while the source is down, and say when to come back', async () => {
    const bench = makeBench('connection refused');
    for (let i = 0; i < 100; i++) expect(await find(bench, 'one')).toBe('unavailable');
    expect(bench.source.loads).toBe(1);
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const miss = await bench.keys.seek('ES256', { alg: 'ES256', kid: 'one' });
      const pause = isKeyMiss(miss) && miss.miss === 'unavailable' ? miss.retryAfterMs : 0;
      pauses.push(pause);
      bench.clock.advance(pause);
      bench.keys.tend();
      await settle();
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(bench.news.filter(({ level }) => level === 'warning')).toEqual([
      { level: 'warning', text: 'connection refused' },
    ]);
  });

  it('leave a source in trouble in peace, whatever names tokens have', async () => {
    const bench = makeBench([one]);
    await find(bench, 'one');
    bench.source.content = 'connection refused';
    for (let i = 0; i < 100; i++) expect(await find(bench, `made-up-${i}`)).toBe('unavailable');
    expect(bench.source.loads).toBe(2);
    expect(await find(bench, 'one')).toBe('one');
    expect(await find(bench, 'no name')).toBe('unknown');
  });

  it('that are none are said to be none, and accept nobody', async () => {
    const bench = makeBench([]);
    expect(await find(bench, 'one')).toBe('unknown');
    expect(bench.news[0]).toMatchObject({ level: 'warning' });
    expect(bench.news[0]?.text).toContain('no token of this issuer is accepted');
  });

  it('survive a source that throws', async () => {
    const bench = makeBench([one]);
    bench.source.load = () => Promise.reject(new Error('a bug'));
    expect(await find(bench, 'one')).toBe('unavailable');
    expect(bench.keys.status()).toMatchObject({ problem: 'a bug' });
  });
});
