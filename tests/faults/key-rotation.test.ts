// Keys of an issuer that rotate, are flooded with made-up names, or cannot be had, under load.
import { setTimeout as delay } from 'node:timers/promises';
import { runSallyport, waitFor } from '@sallyport/testkit';
import { describe, it } from 'vitest';
import { call, failuresIn, floodWithNames, openBench, rotateUnderLoad, underLoad, type Bench } from './key-rotation.ts';

/** A bench that ends with its test, so that tests can wait side by side. */
async function benchFor(
  onTestFinished: (end: () => Promise<void>) => void,
  ...given: Parameters<typeof openBench>
): Promise<Bench> {
  const bench = await openBench(...given);
  onTestFinished(() => bench.stop());
  return bench;
}

interface IssuerLine {
  readonly state: string;
  readonly keys: number;
  readonly problem?: string;
}

async function issuerStatus({ gateway }: Bench): Promise<IssuerLine | undefined> {
  const { stdout } = await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir, {
    isFailureFine: true,
  });
  return (JSON.parse(stdout) as { issuers: readonly IssuerLine[] }).issuers[0];
}

describe('signing keys that rotate', () => {
  it.concurrent('[key-rotation] are found as soon as they are used: no valid call fails, and old ones stop counting', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await benchFor(onTestFinished);
    const result = await rotateUnderLoad(bench, { rotations: 3, everyMs: 700, width: 8 });
    expect(result.counts.calls).toBeGreaterThan(50);
    expect(failuresIn(result.counts)).toBe(0);
    // Two readings in the background may fall between.
    expect(result.keyRequests).toBeLessThanOrEqual(1 + 3 + 2);
    expect(result.slowestRemoval).toBeLessThan(12_000);
  }, 60_000);

  it.concurrent('[key-rotation] count without a gap while others flood us with names of keys that nobody has', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await benchFor(onTestFinished);
    await call(bench, bench.issuer.token());
    const { issuer } = bench;
    const next = issuer.publish();
    const started = performance.now();
    const counts = await underLoad(bench, 4, async () => {
      const flood = floodWithNames(bench, 1500, 8);
      await delay(300);
      // Published before it is used, as issuers do.
      issuer.use(next);
      expect(Object.keys(await flood)).toEqual(['401']);
    });
    const seconds = (performance.now() - started) / 1000;
    expect(failuresIn(counts)).toBe(0);
    expect(issuer.keyRequests).toBeLessThanOrEqual(1 + 4 + Math.ceil(seconds / 5) + Math.ceil(seconds / 10));
    expect(new Set(issuer.paths)).toEqual(
      new Set(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/keys']),
    );
  }, 60_000);
});

describe('an issuer that cannot be reached', () => {
  it.concurrent('[key-rotation] fails nobody for as long as known keys may serve', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await benchFor(onTestFinished);
    await call(bench, bench.issuer.token());
    const { issuer } = bench;
    const counts = await underLoad(bench, 4, async () => {
      issuer.mood = 'failing';
      await delay(12_000);
    });
    expect(failuresIn(counts)).toBe(0);
    expect(await issuerStatus(bench)).toMatchObject({ state: 'stale', keys: 1 });
  }, 60_000);

  it.concurrent('[jwt] closes the door when keys are too old, says when to come back, and opens it again', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await benchFor(onTestFinished, { staleFor: '0s' });
    const token = bench.issuer.token();
    expect((await call(bench, token)).status).toBe(200);
    bench.issuer.mood = 'failing';
    await waitFor(async () => (await call(bench, token)).status === 503, {
      ceilingMs: 20_000,
      everyMs: 100,
      what: 'keys to be too old',
    });
    const refused = await call(bench, bench.issuer.token());
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(refused.text).not.toContain(bench.issuer.url);
    expect(await issuerStatus(bench)).toMatchObject({ state: 'lost' });
    bench.issuer.mood = 'well';
    await waitFor(async () => (await call(bench, token)).status === 200, {
      ceilingMs: 20_000,
      everyMs: 100,
      what: 'the door to open again',
    });
  }, 60_000);

  it.concurrent('[jwt] lets nobody in before its keys were ever read, and does not make callers wait for long', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await benchFor(onTestFinished, {}, 'silent');
    const started = performance.now();
    expect((await call(bench, bench.issuer.token())).status).toBe(503);
    expect(performance.now() - started).toBeLessThan(10_000);
    // Whatever it says of itself: without keys nothing is believed.
    for (const header of [{ alg: 'none' }, { kid: 'x' }, { alg: 'HS256' }]) {
      expect([401, 503]).toContain((await call(bench, bench.issuer.token({}, header))).status);
    }
    bench.issuer.mood = 'well';
    await waitFor(async () => (await call(bench, bench.issuer.token())).status === 200, {
      ceilingMs: 30_000,
      everyMs: 200,
      what: 'the issuer to be asked again',
    });
  }, 60_000);
});
