// Ordinary calls of somebody who does nothing unusual: whether each got its own answer, and how long they took.
import { performance } from 'node:perf_hooks';
import { postModern } from '@sallyport/testkit';

/** Where to call, and how much. */
export interface OrdinaryLoad {
  /** Endpoint of one server that has a tool `echo`. */
  readonly url: string;
  readonly key: string;
  readonly calls: number;
  /** Calls at once; 4 by default. */
  readonly width?: number;
}

/** What came of some calls. */
export interface LoadResult {
  readonly calls: number;
  /** Calls that got another answer than their own, or none. */
  readonly wrong: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Makes the calls. */
export async function makeCalls({ url, key, calls, width = 4 }: OrdinaryLoad): Promise<LoadResult> {
  const times: number[] = [];
  let wrong = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < calls) {
      next += 1;
      const mark = `mark-${next}`;
      const started = performance.now();
      const params = { name: 'echo', arguments: { mark } };
      const answer = await postModern(url, { method: 'tools/call', params, key }).catch(() => undefined);
      times.push(performance.now() - started);
      if (answer?.status !== 200 || !answer.text.includes(`\\"${mark}\\"`)) wrong += 1;
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { calls, wrong, p50: at(0.5), p99: at(0.99) };
}

/** The middle of several measurements. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
