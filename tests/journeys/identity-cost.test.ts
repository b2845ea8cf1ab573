/** The benchmark of credentials, roles and conditions runs, and its load sees right answers only. Its figures are not held here. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisons } from '../../benchmarks/identity/arms.ts';
import type { Figures } from '../../benchmarks/overhead/report.ts';
import { root } from '../../scripts/tree.ts';
import { emptyEnvironment, say } from './first-run.ts';

const ceiling = 180_000;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('benchmarks/identity', () => {
  it('measures every arm that this version can serve without a wrong answer, and says why it cannot serve others', async () => {
    const json = join(home, 'figures.json');
    const words: [string, ...string[]] = [process.execPath, 'benchmarks/identity/bench.ts', '--quick', '--json', json];
    const { code, text } = await say(words, root, emptyEnvironment(home), ceiling);
    expect(code, text).toBe(0);
    const { figures } = JSON.parse(await readFile(json, 'utf8')) as { readonly figures: readonly Figures[] };
    expect(figures.map(({ label }) => label)).toEqual(comparisons.map(({ label }) => label));
    for (const { label, callsPerSecond, errors, cannot } of figures) {
      expect([label, errors]).toEqual([label, 0]);
      if (cannot === undefined) expect(callsPerSecond).toBeGreaterThan(0);
      else expect(cannot).toMatch(/^skipped: this version does not read `\w+`$/);
    }
  });
});
