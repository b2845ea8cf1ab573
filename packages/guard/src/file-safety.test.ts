import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findUnsafety, judgeStanding, type Demand } from './file-safety.ts';

const own = 1000;
const [file, folder, link] = [0o100000, 0o040000, 0o120000];
const judge = (uid: number, mode: number, demand: Demand) => judgeStanding('/x', { uid, mode }, demand, own);

describe('judgeStanding', () => {
  it.each<[Demand, number, number]>([
    ['file', own, file | 0o600],
    ['file', own, file | 0o644],
    ['file', 0, file | 0o644],
    ['folder', own, folder | 0o755],
    ['folder', 0, folder | 0o755],
    ['folder', 0, folder | 0o1777],
    ['private folder', own, folder | 0o700],
  ])('trusts a %s of user %i with mode %o', (demand, uid, mode) => {
    expect(judge(uid, mode, demand)).toBeUndefined();
  });

  it.each<[Demand, number, number, string]>([
    ['file', own, file | 0o620, 'chmod go-w'],
    ['file', own, file | 0o602, 'chmod go-w'],
    ['file', own, file | 0o1602, 'chmod go-w'],
    ['file', 1001, file | 0o600, 'another user (1001)'],
    ['file', own, link | 0o777, 'symbolic link'],
    ['file', own, folder | 0o700, 'not a file'],
    ['folder', own, folder | 0o770, 'chmod go-w'],
    ['folder', own, folder | 0o707, 'chmod go-w'],
    ['folder', 0, folder | 0o777, 'chmod go-w'],
    ['folder', 1001, folder | 0o700, 'another user (1001)'],
    ['folder', own, file | 0o600, 'not a folder'],
    ['private folder', own, folder | 0o750, 'chmod 700'],
    ['private folder', own, folder | 0o701, 'chmod 700'],
    ['private folder', own, folder | 0o1777, 'chmod 700'],
    ['private folder', 0, folder | 0o700, 'another user (0)'],
    ['private folder', own, link | 0o777, 'symbolic link'],
  ])('does not trust a %s of user %i with mode %o', (demand, uid, mode, reason) => {
    expect(judge(uid, mode, demand)).toContain(reason);
  });
});

describe.skipIf(process.platform === 'win32')('findUnsafety', () => {
  let place = '';
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'sallyport-safety-'));
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  it('finds nothing wrong with what is not there', async () => {
    for (const demand of ['file', 'folder', 'private folder'] as const) {
      expect(await findUnsafety(join(place, 'absent'), demand)).toBeUndefined();
    }
  });

  it('follows a link to a folder, and to nothing else', async () => {
    const path = join(place, 'link');
    mkdirSync(join(place, 'real'), { mode: 0o700 });
    symlinkSync(join(place, 'real'), path);
    expect(await findUnsafety(path, 'folder')).toBeUndefined();
    expect(await findUnsafety(path, 'private folder')).toContain('symbolic link');
    chmodSync(join(place, 'real'), 0o777);
    expect(await findUnsafety(path, 'folder')).toContain('chmod go-w');
    writeFileSync(join(place, 'file'), '');
    symlinkSync(join(place, 'file'), join(place, 'other'));
    expect(await findUnsafety(join(place, 'other'), 'file')).toContain('symbolic link');
  });

  it.runIf(process.geteuid?.() === 0)('does not trust what belongs to others, also when root looks', async () => {
    const path = join(place, 'folder');
    mkdirSync(path, { mode: 0o700 });
    symlinkSync(path, join(place, 'link'));
    lchownSync(join(place, 'link'), 1001, 1001);
    expect(await findUnsafety(join(place, 'link'), 'folder')).toContain('another user (1001)');
    chownSync(path, 1001, 1001);
    for (const demand of ['folder', 'private folder'] as const) {
      expect(await findUnsafety(path, demand)).toContain('another user (1001)');
    }
  });
});
