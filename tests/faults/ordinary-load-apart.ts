// Ordinary calls from a thread of their own, so that what is measured is not the test's own business.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { makeCalls, type LoadResult, type OrdinaryLoad } from './ordinary-load.ts';

/** Makes the calls; rejects when they could not be made at all. */
export function makeCallsApart(load: OrdinaryLoad): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the calls ended without a result')));
  });
}

// Vitest runs tests in threads too, which have a port and no load.
if (!isMainThread && isLoad(workerData)) {
  await makeCalls({ ...workerData, calls: Math.ceil(workerData.calls / 10) });
  parentPort?.postMessage(await makeCalls(workerData));
  // Its kept-alive connections are of no more use.
  process.exit();
}

function isLoad(value: unknown): value is OrdinaryLoad {
  return typeof value === 'object' && value !== null && 'url' in value && 'calls' in value;
}
