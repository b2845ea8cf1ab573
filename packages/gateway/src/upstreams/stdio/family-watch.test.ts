import { describe, expect, it } from 'vitest';
import { FamilyWatch, type Watched } from './family-watch.ts';
import type { ProcessRow } from './family.ts';
import { ProcessScanner } from './process-scan.ts';

const MIB = 1024 * 1024;
const row = (pid: number, parent: number): ProcessRow => ({
  ...{ pid, parent, group: parent, session: parent, isZombie: false, started: String(pid) },
});

/** A machine on which process 100 runs with these others, each with so many MiB. */
const watching = (rows: readonly ProcessRow[], mib: number, marks: Readonly<Record<number, string>> = {}) => {
  const scanner = new ProcessScanner({
    list: () => Promise.resolve([row(1, 0), row(100, 1), ...rows]),
    mark: (pid) => Promise.resolve(marks[pid]),
  });
  const watch = new FamilyWatch({
    scan: () => scanner.scan(),
    memoryOf: () => Promise.resolve(mib * MIB),
  });
  const verdicts: string[] = [];
  const add = (limits: Watched['limits'], helpers = 0) =>
    watch.add({ leader: 100, mark: 'a.1', limits, helpers, onExceeded: (verdict) => verdicts.push(verdict) });
  return { watch, verdicts, add };
};

describe('the watch over families', () => {
  it('counts memory of all processes together, whoever their parent is now', async () => {
    const { watch, verdicts, add } = watching([row(101, 100), row(200, 1), row(300, 1)], 100, {
      200: 'a.1',
      300: 'b.1',
    });
    add({ memory: 300 * MIB });
    await watch.look();
    expect(verdicts).toEqual([]);
    add({ memory: 299 * MIB });
    await watch.look();
    expect(verdicts).toEqual(['it used 300 MiB of memory, and may use 299 MiB (limits.memory)']);
  });

  it('counts processes without those of the sandbox', async () => {
    const { watch, verdicts, add } = watching([row(101, 100), row(102, 101)], 1);
    add({ processes: 2 }, 1);
    await watch.look();
    expect(verdicts).toEqual([]);
    add({ processes: 2 });
    await watch.look();
    expect(verdicts).toEqual(['it ran 3 processes, and may run 2 (limits.processes)']);
  });

  it('says so once, and nothing of a family that is gone', async () => {
    const { watch, verdicts, add } = watching([row(101, 100)], 1);
    add({ processes: 1 });
    const forget = add({ processes: 1 });
    forget();
    await watch.look();
    await watch.look();
    expect(verdicts).toHaveLength(1);
  });
});
