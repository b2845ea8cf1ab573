import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from './disk.ts';

const disk = createDisk();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the disk', () => {
  it('appends to files that only their owner can read, in folders that only their owner can enter', async () => {
    const directory = join(folder, 'state', 'audit');
    await disk.makeDirectory(directory);
    const path = join(directory, 'a.jsonl');
    for (const text of ['one', 'two']) {
      const file = await disk.openAppend(path);
      await file.append(Buffer.from(text));
      await file.sync();
      await file.close();
    }
    await disk.syncDirectory(directory);
    expect(readFileSync(path, 'utf8')).toBe('onetwo');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    await disk.truncate(path, 4);
    expect(Buffer.from(await disk.read(path)).toString()).toBe('onet');
    expect(Buffer.from(await disk.readHead(path, 2)).toString()).toBe('on');
    expect(await disk.list(directory)).toEqual(['a.jsonl']);
    await disk.remove(path);
    expect(await disk.list(directory)).toEqual([]);
  });

  it('does not write through a symbolic link', async () => {
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'a.jsonl'));
    await expect(disk.openAppend(join(folder, 'a.jsonl'))).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it.runIf(existsSync('/dev/full'))('rejects a write that finds no space', async () => {
    const file = await disk.openAppend('/dev/full');
    await expect(file.append(Buffer.from('x'))).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.close();
  });

  it('makes a public file hold what it should', async () => {
    const path = join(folder, 'key.pem');
    for (const text of ['one', 'one', 'other']) {
      await disk.writePublic(path, Buffer.from(text));
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('knows how much space there is', async () => {
    expect(await disk.totalBytes(folder)).toBeGreaterThanOrEqual(await disk.freeBytes(folder));
  });
});

describe('a lock file', () => {
  const path = (): string => join(folder, 'trail.lock');
  const holder = (fields: object): void => {
    writeFileSync(path(), JSON.stringify({ pid: process.pid, started: '', host: hostname(), ...fields }));
  };

  it('keeps others out until it is released', async () => {
    const lock = await disk.lock(path());
    expect(await disk.lock(path())).toHaveProperty('heldBy', `process ${process.pid} on ${hostname()}`);
    if ('heldBy' in lock) throw new Error(lock.heldBy);
    await lock.release();
    expect(existsSync(path())).toBe(false);
    const again = await disk.lock(path());
    if ('heldBy' in again) throw new Error(again.heldBy);
    await again.release();
  });

  it('is given to one of many that ask at once', async () => {
    const locks = await Promise.all(Array.from({ length: 20 }, () => disk.lock(path())));
    expect(locks.filter((lock) => !('heldBy' in lock))).toHaveLength(1);
  });

  it('is taken over when its holder is dead, or is another process by now', async () => {
    for (const fields of [{ pid: 2 ** 30 }, { started: '1' }]) {
      holder(fields);
      const lock = await disk.lock(path());
      if ('heldBy' in lock) throw new Error(lock.heldBy);
      await lock.release();
    }
  });

  it('whose holder is dead is taken over by one of many', async () => {
    for (let round = 0; round < 10; round++) {
      holder({ pid: 2 ** 30 });
      const locks = await Promise.all(Array.from({ length: 8 }, () => createDisk().lock(path())));
      const taken = locks.filter((lock) => !('heldBy' in lock));
      expect(taken).toHaveLength(1);
      for (const lock of taken) if ('release' in lock) await lock.release();
    }
    expect(await disk.list(folder)).toEqual([]);
  });

  it('of another host is respected while that host keeps touching it', async () => {
    holder({ host: 'another-host' });
    expect(await disk.lock(path())).toHaveProperty('heldBy');
    const old = new Date(Date.now() - 120_000);
    utimesSync(path(), old, old);
    expect(await disk.lock(path())).toHaveProperty('release');
  });

  it('that was never written is taken over once its maker has had time', async () => {
    writeFileSync(path(), '');
    expect(await disk.lock(path())).toHaveProperty('heldBy', 'another process');
    const old = new Date(Date.now() - 5000);
    utimesSync(path(), old, old);
    expect(await disk.lock(path())).toHaveProperty('release');
  });
});
