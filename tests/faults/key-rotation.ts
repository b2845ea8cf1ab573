// An issuer rotates its keys, is flooded through us, and fails, while callers with its tokens go on calling.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { postModern, startGateway, startRecordingUpstream, waitFor, type Gateway } from '@sallyport/testkit';
import { audience, startIssuer, type Issuer } from '../fixtures/issuer.ts';

/** How a run is sized. */
export interface RotationOptions {
  readonly rotations: number;
  /** Milliseconds of load between two rotations. */
  readonly everyMs: number;
  /** Callers at once. */
  readonly width: number;
}

/** What came of calls that were made all the time. */
export interface CallCounts {
  readonly calls: number;
  /** How many of them had each status. */
  readonly byStatus: Readonly<Record<number, number>>;
}

/** An issuer, and a gateway that takes its tokens. */
export interface Bench {
  readonly issuer: Issuer;
  readonly gateway: Gateway;
  stop(): Promise<void>;
}

/** Starts both; `more` goes into the issuer's entry. */
export async function openBench(
  more: Readonly<Record<string, unknown>> = {},
  mood: Issuer['mood'] = 'well',
): Promise<Bench> {
  const issuer = await startIssuer();
  issuer.mood = mood;
  const upstream = await startRecordingUpstream();
  const gateway = await startGateway({
    config: {
      callers: {
        jwt: [
          {
            issuer: issuer.url,
            audience: [audience],
            roles: { claim: 'sub', map: { '*': 'everyone' } },
            refresh: '10s',
            ...more,
          },
        ],
      },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '1000000/s burst 1000000' },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  return {
    issuer,
    gateway,
    async stop() {
      await gateway.stop();
      await upstream.close();
      await issuer.close();
    },
  };
}

/** Calls a tool once with a token. */
export function call({ gateway }: Bench, token: string) {
  return postModern(gateway.url, { method: 'tools/call', params: { name: 'rec__echo', arguments: {} }, key: token });
}

/** Calls all the time, each call with a token of its own, while `during` runs. */
export async function underLoad(bench: Bench, width: number, during: () => Promise<void>): Promise<CallCounts> {
  const byStatus: Record<number, number> = {};
  let calls = 0;
  const load = { isOver: false };
  const worker = async (): Promise<void> => {
    while (!load.isOver) {
      const answer = await call(bench, bench.issuer.token()).catch(() => undefined);
      const isGood = answer?.response?.result !== undefined && answer.response.result['isError'] !== true;
      const status = answer?.status === 200 && !isGood ? 599 : (answer?.status ?? 0);
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      calls += 1;
    }
  };
  const workers = Array.from({ length: width }, worker);
  await during();
  load.isOver = true;
  await Promise.all(workers);
  return { calls, byStatus };
}

/** Calls that did not do what a good token entitles to. */
export function failuresIn({ calls, byStatus }: CallCounts): number {
  return calls - (byStatus[200] ?? 0);
}

/** What came of rotations under load. */
export interface RotationResult {
  readonly counts: CallCounts;
  readonly rotations: number;
  readonly keyRequests: number;
  /** Milliseconds until a token of a key that was taken away was refused; the longest. */
  readonly slowestRemoval: number;
}

/** Rotates keys that are used at once, and takes the last one away in the end. */
export async function rotateUnderLoad(bench: Bench, options: RotationOptions): Promise<RotationResult> {
  const { issuer } = bench;
  const counts = await underLoad(bench, options.width, async () => {
    for (let rotation = 0; rotation < options.rotations; rotation++) {
      issuer.use(issuer.publish());
      await delay(options.everyMs);
    }
  });
  const old = issuer.token();
  await call(bench, old);
  issuer.use(issuer.publish());
  issuer.retire();
  const started = performance.now();
  await waitFor(async () => (await call(bench, old)).status === 401, {
    ceilingMs: 20_000,
    everyMs: 100,
    what: 'a token of a key that was taken away to be refused',
  });
  return {
    counts,
    rotations: options.rotations,
    keyRequests: issuer.keyRequests,
    slowestRemoval: performance.now() - started,
  };
}

/** Sends tokens that name keys nobody has, as fast as `width` connections allow. */
export async function floodWithNames(
  bench: Bench,
  calls: number,
  width: number,
): Promise<Readonly<Record<number, number>>> {
  const byStatus: Record<number, number> = {};
  let left = calls;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await call(bench, bench.issuer.token({}, { kid: randomUUID() }));
      byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return byStatus;
}
