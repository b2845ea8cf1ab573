import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../disk.ts';
import { ManualTime, signing } from './trail.fixture.ts';
import { openTrail } from './trail.ts';

let folder = '';
let directory = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-trail-'));
  directory = join(folder, 'audit');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function tryOpen(): Promise<unknown> {
  const time = new ManualTime();
  const trail = await openTrail({
    directory,
    durability: 'intent',
    disk: createDisk(),
    clock: time,
    schedule: time.schedule,
    signing,
    processName: 'test',
  });
  if ('fault' in trail) return [trail.fault, trail.message];
  await trail.close();
  return 'open';
}

describe.skipIf(process.platform === 'win32')('a trail that others can change', () => {
  it.each([0o777, 0o770, 0o707])(
    'is refused, with a way out, and nothing is written (folder mode %o)',
    async (mode) => {
      mkdirSync(directory);
      chmodSync(directory, mode);
      expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining('run chmod go-w on it') as unknown]);
      expect(readdirSync(directory)).toEqual([]);
      chmodSync(directory, 0o755);
      expect(await tryOpen()).toBe('open');
    },
  );

  it('is refused when one of its files can be changed or is a link, and the lock stays free', async () => {
    expect(await tryOpen()).toBe('open');
    const name = readdirSync(directory).find((one) => one.endsWith('.jsonl')) ?? '';
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    chmodSync(join(directory, name), 0o660);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining(name) as unknown]);
    }
    chmodSync(join(directory, name), 0o600);
    symlinkSync(join(directory, name), join(directory, name.replace('test-', 'other-')));
    expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining('symbolic link') as unknown]);
  });
});
