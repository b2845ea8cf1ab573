/** The benchmark of eras runs, and its load sees right answers only. Its figures are not held here. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BridgeFigures } from '../../benchmarks/bridge/bridge.ts';
import { lists, pairs } from '../../benchmarks/bridge/pairs.ts';
import { root } from '../../scripts/tree.ts';
import { emptyEnvironment, say } from './first-run.ts';

const ceiling = 180_000;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('benchmarks/bridge', () => {
  it('[bridge-benchmark] measures every pair of eras and lists from memory without a wrong answer', async () => {
    const json = join(home, 'figures.json');
    const words: [string, ...string[]] = [process.execPath, 'benchmarks/bridge/bench.ts', '--quick', '--json', json];
    const { code, text } = await say(words, root, emptyEnvironment(home), ceiling);
    expect(code, text).toBe(0);
    const figures = JSON.parse(await readFile(json, 'utf8')) as BridgeFigures;
    expect(figures.pairs.map(({ label }) => label)).toEqual(pairs(100).map(({ label }) => label));
    expect(figures.lists.map(({ label }) => label)).toEqual(lists(100).map(({ label }) => label));
    for (const { callsPerSecond, errors } of [...figures.pairs, ...figures.lists]) {
      expect(callsPerSecond).toBeGreaterThan(0);
      expect(errors).toBe(0);
    }
  });
});
