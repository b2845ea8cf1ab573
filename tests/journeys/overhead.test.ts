/** The benchmark that the README points to runs, and its load sees right answers only. Its figures are not held here. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/tree.ts';
import { emptyEnvironment, say } from './first-run.ts';

interface Printed {
  readonly cells: readonly {
    readonly figures: readonly { readonly label: string; readonly callsPerSecond: number; readonly errors: number }[];
  }[];
}

const ceiling = 120_000;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('benchmarks/overhead', () => {
  it('[overhead] measures the gateway beside its control without a wrong answer', async () => {
    const json = join(home, 'figures.json');
    const words: [string, ...string[]] = [process.execPath, 'benchmarks/overhead/bench.ts', '--quick', '--json', json];
    const { code, text } = await say(words, root, emptyEnvironment(home), ceiling);
    expect(code, text).toBe(0);
    const { cells } = JSON.parse(await readFile(json, 'utf8')) as Printed;
    const figures = cells.flatMap((cell) => cell.figures);
    expect(figures.map(({ label }) => label)).toEqual([
      'direct',
      'bare',
      'sallyport-interval',
      'sallyport-intent',
      'sallyport-full',
    ]);
    for (const { callsPerSecond, errors } of figures) {
      expect(callsPerSecond).toBeGreaterThan(0);
      expect(errors).toBe(0);
    }
  });
});
