import { describe, expect, it } from 'vitest';
import { findProblems, findProofs, type Evidence } from './check.ts';

const evidence: Evidence = {
  promises: [{ id: 'kept', sentence: 'It holds.', source: ['gen-1'], tests: ['tests/a.test.ts'] }],
  claims: ['gen-1'],
  work: ['Later', 'Finished'],
  done: ['Finished'],
  files: ['tests/a.test.ts'],
  proofs: [{ id: 'kept', file: 'tests/a.test.ts', line: 3, isSkipped: false }],
};

const title = (id: string): string => `[${id}] holds`;

describe('findProblems', () => {
  it('finds nothing when each promise is proven and each claim has a promise', () => {
    expect(findProblems(evidence)).toEqual([]);
  });

  it('refuses a promise whose test is gone, unnamed or switched off', () => {
    expect(findProblems({ ...evidence, files: [] })[0]).toContain('does not exist: tests/a.test.ts');
    expect(findProblems({ ...evidence, proofs: [] })[0]).toContain('begins with [kept]');
    const skipped = evidence.proofs.map((proof) => ({ ...proof, isSkipped: true }));
    expect(findProblems({ ...evidence, proofs: skipped })[0]).toContain('begins with [kept]');
  });

  it('refuses a promise with neither tests nor work that owes it', () => {
    const promises = [{ id: 'kept', sentence: 'It holds.', source: ['gen-1'], tests: [] }];
    expect(findProblems({ ...evidence, promises })[0]).toContain('neither tests nor');
  });

  it('refuses a promise that is due with finished or unknown work', () => {
    const owed = (due: string) => [{ id: 'kept', sentence: 'It holds.', source: ['gen-1'], due }];
    expect(findProblems({ ...evidence, promises: owed('Finished') })[0]).toContain('still due');
    expect(findProblems({ ...evidence, promises: owed('Never') })[0]).toContain('unknown piece of work');
    expect(findProblems({ ...evidence, promises: owed('Later') })).toEqual([]);
  });

  it('refuses a test that names no promise, a claim without one, and a claim that does not exist', () => {
    const stray = { id: 'stray', file: 'tests/b.test.ts', line: 1, isSkipped: false };
    expect(findProblems({ ...evidence, proofs: [...evidence.proofs, stray] })[0]).toContain('[stray]');
    expect(findProblems({ ...evidence, claims: ['gen-1', 'gen-2'] })).toEqual([
      'claim gen-2: no promise names it as its source',
    ]);
    expect(findProblems({ ...evidence, claims: [] })[0]).toContain('a claim that does not exist: gen-1');
  });

  it('refuses an id that stands twice', () => {
    const promises = [...evidence.promises, ...evidence.promises];
    expect(findProblems({ ...evidence, promises })).toEqual(['promise kept: stands in the manifest twice']);
  });
});

describe('findProofs', () => {
  it('finds ids at the start of titles only', () => {
    const text = `it('${title('a-b')}', () => {});\nit('holds ${title('c')}', () => {});\nit.each(rows)(\`${title('d')}\`, run);`;
    expect(findProofs('x.test.ts', text).map(({ id, line }) => [id, line])).toEqual([
      ['a-b', 1],
      ['d', 3],
    ]);
  });

  it('marks a test that is switched off', () => {
    expect(findProofs('x.test.ts', `it.skip('${title('a')}', run)`)[0]?.isSkipped).toBe(true);
    expect(findProofs('x.test.ts', `it.skip.each(rows)('${title('a')}', run)`)[0]?.isSkipped).toBe(true);
    expect(findProofs('x.test.ts', `it('${title('a')}', run)`)[0]?.isSkipped).toBe(false);
    expect(findProofs('x.test.ts', `it.skipIf(isMac)('${title('a')}', run)`)[0]?.isSkipped).toBe(false);
  });
});
