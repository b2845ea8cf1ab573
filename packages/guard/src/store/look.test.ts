import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyRepository, createPepper } from './keys.ts';
import { lookAtStore } from './look.ts';
import { openStore } from './store.ts';

let folder = '';
let path = '';
const clock = { now: () => 1_000_000, monotonic: () => 0 };
let drawn = 0;
const random = { bytes: (length: number) => new Uint8Array(length).fill((drawn += 1)) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-look-'));
  path = join(folder, 'store.db');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a look at a store', () => {
  it('makes nothing where nothing is', async () => {
    expect(await lookAtStore(path)).toEqual({ isThere: false, keys: 0, dates: [], isCurrent: false });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('counts keys without knowing the master key, and leaves the files as they were', async () => {
    const store = await openStore(`sqlite:${path}`, { clock });
    if ('fault' in store) throw new Error(store.message);
    const keys = createKeyRepository(store, [createPepper(new Uint8Array(32).fill(7))], clock, random);
    for (const name of ['ci', 'laptop']) await keys.create({ name, roles: ['reader'] });
    const [first] = await keys.list();
    await keys.noteUses(new Map([[first?.id ?? '', 2_000_000]]));
    await store.close();
    const before = readdirSync(folder);
    const dates = [
      { id: expect.any(String) as unknown, name: 'ci', createdAt: 1_000_000, lastUsedAt: 2_000_000 },
      { id: expect.any(String) as unknown, name: 'laptop', createdAt: 1_000_000 },
    ];
    expect(await lookAtStore(path)).toEqual({ isThere: true, keys: 2, dates, isCurrent: true });
    expect(readdirSync(folder)).toEqual(before);
  });

  it('says what would be wrong with it', async () => {
    writeFileSync(path, 'no database at all, but long enough to be looked at', { mode: 0o600 });
    expect(await lookAtStore(path)).toMatchObject({ fault: 'unusable' });
  });

  it.skipIf(process.platform === 'win32')('says that others can change it', async () => {
    writeFileSync(path, '', { mode: 0o600 });
    chmodSync(path, 0o666);
    expect(await lookAtStore(path)).toMatchObject({ fault: 'unsafe' });
  });
});
