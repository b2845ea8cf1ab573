/** Every caller at every server: the whole journey, step by step, and the record that it leaves. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cells, openMatrix, rowOf, steps } from './matrix/matrix.ts';
import type { Matrix, StepResult } from './matrix/matrix.ts';

let matrix: Matrix;
const results: StepResult[] = [];

beforeAll(async () => {
  matrix = await openMatrix();
}, 60_000);
afterAll(() => matrix?.close());

describe('the matrix of callers and servers', () => {
  it.each(cells)('[any-caller-any-server] takes %s to %s through twelve steps', async (caller, upstream) => {
    const ended = await matrix.run(caller, upstream);
    results.push(...ended);
    expect(ended.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it.each(steps)('has %s among what docs/bridging.md says is carried in both directions', (step) => {
    expect(rowOf(step, 'legacy', 'modern')?.fate).toBe('carried');
    expect(rowOf(step, 'modern', 'legacy')?.fate).toBe('carried');
  });

  it('has 30 cells of 12 steps, and all were taken', () => {
    expect(cells).toHaveLength(30);
    expect(steps).toHaveLength(12);
    expect(results).toHaveLength(360);
  });

  it('leaves an intent and one ending for each request, in a trail that verifies', async () => {
    const { sent, differences, open, verified } = await matrix.audit();
    expect(sent).toBeGreaterThan(results.length);
    expect(differences).toEqual([]);
    expect(open).toBe(0);
    expect(verified, verified.stdout).toMatchObject({ code: 0 });
  });
});
