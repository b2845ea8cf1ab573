import { describe, expect, it } from 'vitest';
import type { ProcessRow } from './family.ts';
import { ProcessScanner } from './process-scan.ts';

const row = (pid: number): ProcessRow => ({
  ...{ pid, parent: 1, group: pid, session: pid, isZombie: false, started: String(pid) },
});

const machine = (pids: readonly number[], marks: Record<number, string>) => {
  const counts = { lists: 0, marks: [] as number[] };
  const scanner = new ProcessScanner({
    list: () => {
      counts.lists += 1;
      return Promise.resolve(pids.map(row));
    },
    mark: (pid) => {
      counts.marks.push(pid);
      return Promise.resolve(marks[pid]);
    },
  });
  return { scanner, counts };
};

describe('a look at all processes', () => {
  it('is one for all who want it at the same time, and begins after they asked', async () => {
    const { scanner, counts } = machine([1], {});
    const first = scanner.scan();
    const others = Array.from({ length: 50 }, () => scanner.scan());
    expect(await others[0]).not.toBe(await first);
    expect(new Set(await Promise.all(others)).size).toBe(1);
    expect(counts.lists).toBe(2);
    await scanner.scan();
    expect(counts.lists).toBe(3);
  });

  it('knows who bears a mark, and reads each but once', async () => {
    const { scanner, counts } = machine([1, 2, 3], { 2: 'a.1', 3: 'b.1' });
    for (const _ of [1, 2, 3, 4]) expect([...(await scanner.scan()).bearers('a.1')]).toEqual([2]);
    expect(counts.marks.toSorted()).toEqual([1, 1, 2, 3]);
  });

  it('sees the mark of a process that had none when it had just been forked', async () => {
    const marks: Record<number, string> = {};
    const { scanner } = machine([1], marks);
    expect((await scanner.scan()).bearers('a.1').size).toBe(0);
    marks[1] = 'a.1';
    expect((await scanner.scan()).bearers('a.1').size).toBe(1);
  });
});
