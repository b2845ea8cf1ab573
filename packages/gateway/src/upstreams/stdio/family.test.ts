import { describe, expect, it } from 'vitest';
import { familyOf, parseStat, type ProcessRow } from './family.ts';

const stat = (state: string, parent: number, group: number, session: number, started: number): string =>
  `1 (a) b (c) ${state} ${parent} ${group} ${session} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 ${started} 100 200`;
const row = (pid: number, parent: number, group: number, session: number, isZombie = false): ProcessRow => ({
  pid,
  parent,
  group,
  session,
  isZombie,
  started: '1',
});

describe('a process family', () => {
  it('is read from /proc, whatever parentheses a name holds', () => {
    expect(parseStat(5, stat('S', 1, 2, 3, 777))).toEqual({
      pid: 5,
      parent: 1,
      group: 2,
      session: 3,
      isZombie: false,
      started: '777',
    });
    expect(parseStat(5, stat('Z', 1, 2, 3, 777))?.isZombie).toBe(true);
    expect(parseStat(5, 'nonsense')).toBeUndefined();
  });

  it('holds the group, the session and all descendants, and no one else', () => {
    const rows = [
      row(10, 1, 10, 10),
      row(11, 10, 10, 10),
      row(12, 1, 12, 10), // left the group, adopted by init
      row(13, 11, 13, 13), // left group and session
      row(14, 13, 14, 14), // below the one that left
      row(20, 1, 20, 20),
      row(21, 20, 20, 20),
      row(15, 10, 10, 10, true),
    ];
    expect(familyOf(10, rows).map(({ pid }) => pid)).toEqual([10, 11, 12, 13, 14]);
    expect(familyOf(10, rows, [20]).map(({ pid }) => pid)).toEqual([10, 11, 12, 13, 14, 20, 21]);
  });
});
