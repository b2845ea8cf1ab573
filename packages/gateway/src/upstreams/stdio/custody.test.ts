import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeCustody } from './custody.ts';
import type { ProcessRow, ProcessTable } from './family.ts';

interface FakeProcess {
  pid: number;
  started: string;
  mark?: string;
  isZombie?: boolean;
  /** Ends by SIGKILL only. */
  isStubborn?: boolean;
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-custody-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const deadMark = 'd'.repeat(32);
const livingMark = 'a'.repeat(32);
const rowOf = ({ pid, started, isZombie = false }: FakeProcess): ProcessRow => ({
  ...{ pid, started, isZombie },
  ...{ parent: 1, group: pid, session: pid },
});

/** A machine with these processes and the one that takes custody. */
const machine = (processes: FakeProcess[], realm = 'boot-1') => {
  const running = [{ pid: process.pid, started: '5000' }, ...processes];
  const signals: string[] = [];
  const table: ProcessTable = {
    list: () => Promise.resolve(running.map(rowOf)),
    find: (pid) => Promise.resolve(running.filter((one) => one.pid === pid).map(rowOf)[0]),
    mark: (pid) => Promise.resolve(running.find((one) => one.pid === pid)?.mark),
    realm: () => Promise.resolve(realm),
    signal: (pid, signal) => {
      signals.push(`${signal} ${pid}`);
      const at = running.findIndex((one) => one.pid === pid);
      if (at >= 0 && (signal === 'SIGKILL' || running[at]?.isStubborn !== true)) running.splice(at, 1);
    },
  };
  return { table, signals, running };
};

const note = (mark: string, pid: number, started: string, realm = 'boot-1', host = 'here'): Promise<void> =>
  writeFile(join(folder, `${pid}-${mark}.json`), JSON.stringify({ realm, host, pid, started, mark }), { mode: 0o600 });

const take = async (table: ProcessTable, now: () => number = Date.now) => {
  const lines: string[] = [];
  const custody = await takeCustody(folder, (line) => lines.push(line), {
    ...{ table, pause: () => Promise.resolve(), host: 'here', now },
  });
  return { custody, lines };
};

describe('custody of local servers', () => {
  it('ends what bears the mark of a dead gateway, and nothing else', async () => {
    await note(deadMark, 100, '1000');
    await note(livingMark, 200, '2000');
    const { table, signals } = machine([
      { pid: 200, started: '2000' },
      { pid: 11, started: '1001', mark: `${deadMark}.01` },
      { pid: 12, started: '1002', mark: `${deadMark}.02`, isStubborn: true },
      { pid: 21, started: '2001', mark: `${livingMark}.01` },
      { pid: 31, started: '3001', mark: `${'0'.repeat(32)}.01` },
      { pid: 41, started: '4001' },
    ]);
    const { custody, lines } = await take(table);
    expect(new Set(signals)).toEqual(new Set(['SIGTERM 11', 'SIGTERM 12', 'SIGKILL 12']));
    expect(custody.ended).toBe(2);
    expect(lines).toEqual(['ended 2 processes of servers that a killed gateway left behind']);
    expect((await readdir(folder)).toSorted()).toEqual(
      [`200-${livingMark}.json`, `${process.pid}-${custody.mark}.json`].toSorted(),
    );
  });

  it('knows a dead gateway whose number another process has now, or that nobody has buried', async () => {
    for (const other of [
      { pid: 100, started: '9999' },
      { pid: 100, started: '1000', isZombie: true },
    ]) {
      await note(deadMark, 100, '1000');
      const { table, signals } = machine([other, { pid: 11, started: '1001', mark: `${deadMark}.01` }]);
      await take(table);
      expect(signals).toEqual(['SIGTERM 11']);
    }
  });

  it('touches nothing that took the number of an orphan while it was looked at', async () => {
    await note(deadMark, 100, '1000');
    const { table, signals, running } = machine([{ pid: 11, started: '1001', mark: `${deadMark}.01` }]);
    const mark = async (pid: number): Promise<string | undefined> => {
      const found = await table.mark(pid);
      if (pid === 11) running[1] = { pid: 11, started: '7777' };
      return found;
    };
    await take({ ...table, mark });
    expect(signals).toEqual([]);
  });

  it('leaves to others what was noted on another machine, and forgets it after a month', async () => {
    await note(deadMark, 100, '1000', 'boot-2', 'there');
    const { table, signals } = machine([{ pid: 11, started: '1001', mark: `${deadMark}.01` }]);
    const { custody } = await take(table);
    expect(await readdir(folder)).toHaveLength(2);
    await custody.release();
    await take(table, () => Date.now() + 31 * 24 * 3_600_000);
    expect(await readdir(folder)).toHaveLength(1);
    expect(signals).toEqual([]);
  });

  it('forgets what was noted on this machine before it was started anew, and ends nothing for it', async () => {
    await note(deadMark, 100, '1000', 'boot-0');
    const { table, signals } = machine([{ pid: 11, started: '1001', mark: `${deadMark}.01` }]);
    await take(table);
    expect(signals).toEqual([]);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('believes no note that others can write, and none that is not whole', async () => {
    await note(deadMark, 100, '1000');
    await chmod(join(folder, `100-${deadMark}.json`), 0o666);
    await writeFile(join(folder, `101-${'e'.repeat(32)}.json`), '{"mark":""', { mode: 0o600 });
    const empty = JSON.stringify({ realm: 'boot-1', pid: 102, started: '1', mark: '' });
    await writeFile(join(folder, `102-${'f'.repeat(32)}.json`), empty, { mode: 0o600 });
    const { table, signals } = machine([
      { pid: 11, started: '1001', mark: `${deadMark}.01` },
      { pid: 12, started: '1001', mark: '' },
    ]);
    await take(table);
    expect(signals).toEqual([]);
    await chmod(folder, 0o777);
    const { custody, lines } = await take(table);
    expect(custody.mark).toMatch(/^[0-9a-f]{32}$/);
    expect(lines[0]).toMatch(/^servers that a killed gateway left behind are not ended: .*open to others/);
  });

  it('forgets this process when its children are gone, and notes nothing where marks cannot be seen', async () => {
    const { custody } = await take(machine([]).table);
    expect(await readdir(folder)).toHaveLength(1);
    await custody.release();
    expect(await readdir(folder)).toEqual([]);
    await take({ ...machine([]).table, realm: () => Promise.resolve(undefined) });
    expect(await readdir(folder)).toEqual([]);
  });
});
