import { describe, expect, it } from 'vitest';
import { createFakeDisk, createFrozenClock } from './fake-ports.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);

describe('createFrozenClock', () => {
  it('moves only when told to, and never back', () => {
    const clock = createFrozenClock(1000);
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    clock.advance(50);
    clock.jump(10);
    expect([clock.now(), clock.monotonic()]).toEqual([10, 50]);
  });
});

describe('createFakeDisk', () => {
  it('keeps what was appended and lists the files of one folder', async () => {
    const disk = createFakeDisk();
    const file = await disk.openAppend('/audit/a.jsonl');
    await file.append(bytes('one\n'));
    await file.append(bytes('two\n'));
    await disk.openAppend('/audit/deep/b.jsonl');
    expect(text(await disk.read('/audit/a.jsonl'))).toBe('one\ntwo\n');
    expect(await disk.list('/audit')).toEqual(['a.jsonl']);
  });

  it('fails the n-th operation as often as told, leaving a torn tail', async () => {
    const disk = createFakeDisk();
    const file = await disk.openAppend('/a');
    disk.fail({ operation: 'append', nth: 2, times: 2, tornBytes: 1, code: 'EIO' });
    await file.append(bytes('one'));
    await expect(file.append(bytes('two'))).rejects.toMatchObject({ code: 'EIO' });
    await expect(file.append(bytes('three'))).rejects.toMatchObject({ code: 'EIO' });
    await file.append(bytes('four'));
    expect(text(disk.contents('/a'))).toBe('onettfour');
  });

  it('works again once healed', async () => {
    const disk = createFakeDisk();
    disk.fail({ operation: 'sync', times: Number.POSITIVE_INFINITY });
    const file = await disk.openAppend('/a');
    await expect(file.sync()).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.heal();
    await expect(file.sync()).resolves.toBeUndefined();
    expect(disk.count('sync')).toBe(2);
  });

  it('loses what was not synced, and every open file, when power is lost', async () => {
    const disk = createFakeDisk();
    const file = await disk.openAppend('/a');
    await file.append(bytes('kept'));
    await file.sync();
    await file.append(bytes('lost'));
    disk.loseUnsynced();
    expect(text(disk.contents('/a'))).toBe('kept');
    await expect(file.append(bytes('x'))).rejects.toMatchObject({ code: 'EBADF' });
  });
});
