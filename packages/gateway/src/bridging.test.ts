import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { refusals } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { bridgings } from './bridging.ts';

const root = join(import.meta.dirname, '..', '..', '..');

describe('the table of what crosses the eras', () => {
  it.each(bridgings.map((row) => [`${row.from} to ${row.to}: ${row.what}`, row] as const))(
    '%s names a test that is there, and a refusal where the caller gets one',
    (_, { test: [file, title], refusal }) => {
      expect(readFileSync(join(root, file), 'utf8')).toContain(title);
      if (refusal !== undefined) expect(refusals).toHaveProperty([refusal]);
    },
  );

  it('says each thing once for each direction', () => {
    const names = bridgings.map(({ from, what }) => `${from} ${what}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('speaks of callers and servers of different eras only', () => {
    expect(bridgings.filter(({ from, to }) => from === to)).toEqual([]);
  });
});
