import { describe, expect, it } from 'vitest';
import { findExcess, MAX_ALIASES, MAX_DEPTH } from './bounds.ts';

describe('findExcess', () => {
  it('points at the bracket that is one too many', () => {
    const open = '['.repeat(MAX_DEPTH);
    expect(findExcess(`version: 1\na: ${open}${']'.repeat(MAX_DEPTH)}\n`)).toBeUndefined();
    expect(findExcess(`version: 1\na: ${open}[`)).toMatchObject({ offset: 11 + 3 + MAX_DEPTH });
    expect(findExcess('{a: '.repeat(100_000))).toMatchObject({ offset: MAX_DEPTH * 4 });
  });

  it('counts what is open and not what was', () => {
    expect(findExcess('- [[]]\n'.repeat(1000))).toBeUndefined();
  });

  it('points at the alias that is one too many, and takes no pattern in quotes for one', () => {
    expect(findExcess(`- '*.x'\n- "*"\n- a*\n- |\n  *b\n`.repeat(MAX_ALIASES))).toBeUndefined();
    expect(findExcess('- *a\n'.repeat(MAX_ALIASES))).toBeUndefined();
    expect(findExcess('- *a\n'.repeat(MAX_ALIASES + 1))).toMatchObject({ offset: MAX_ALIASES * 5 + 2 });
  });

  it('takes brackets in texts and comments for what they are', () => {
    const many = '[{'.repeat(1000);
    expect(findExcess(`a: x${many}\nb: '${many}'\nc: "${many}"\nd: |\n  ${many}\n# ${many}\n`)).toBeUndefined();
  });

  it('stops at a file of a million tokens', () => {
    expect(findExcess('a: 1\n'.repeat(100_000))).toMatchObject({ message: 'the file has too many values' });
  });
});
