import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBlockRepository } from './blocks.ts';
import { createKeyIndex } from './key-index.ts';
import { createKeyRepository, createPepper } from './keys.ts';
import type { CreatedKey, KeyFault, KeyRepository, NewKey } from './keys.ts';
import { openStore, watchStore } from './store.ts';
import type { Store, StoreOptions } from './store.ts';

let now = 1_800_000_000_000;
let count = 0;
const clock = { now: () => now, monotonic: () => now };
const random = {
  bytes: (length: number) => createHash('sha512').update(`store ${count++}`).digest().subarray(0, length),
};
const pepper = createPepper(random.bytes(32));
const opened: Store[] = [];
let folder = '';

async function open(options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore(`sqlite:${join(folder, 'state', 'sallyport.db')}`, { clock, ...options });
  if ('fault' in store) throw new Error(store.message, { cause: store.cause });
  opened.push(store);
  return store;
}

function mustBeKey(key: CreatedKey | KeyFault): CreatedKey {
  if ('fault' in key) throw new Error(key.message);
  return key;
}

async function mustCreate(keys: KeyRepository, key: NewKey): Promise<CreatedKey> {
  return mustBeKey(await keys.create(key));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-store-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the store', () => {
  it('makes a file that only its owner can read and opens it again', async () => {
    const store = await open();
    await createBlockRepository(store, clock).block('caller', 'key:a');
    const state = join(folder, 'state');
    expect(statSync(state).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(state)) expect(statSync(join(state, name)).mode & 0o777).toBe(0o600);
    await opened.pop()?.close();
    expect(await createBlockRepository(await open(), clock).snapshot()).toHaveLength(1);
  });

  it('writes ahead and syncs fully', async () => {
    const { database } = await open();
    const [journal, synchronous] = [
      await sql`PRAGMA journal_mode`.execute(database),
      await sql`PRAGMA synchronous`.execute(database),
    ];
    expect([journal.rows, synchronous.rows]).toEqual([[{ journal_mode: 'wal' }], [{ synchronous: 2 }]]);
  });

  it('applies the steps of each package once, also when several start together', async () => {
    const up = vi.fn(async (database: unknown) => {
      await sql`CREATE TABLE extra_things (id TEXT)`.execute(database as Store['database']);
    });
    const migrations = [{ prefix: 'extra_', migrations: [{ name: '001', up }] }];
    await Promise.all([open({ migrations }), open({ migrations }), open({ migrations })]);
    expect(up).toHaveBeenCalledTimes(1);
  });

  it('leaves nothing of a step that fails, and refuses a schema that is newer than itself', async () => {
    const url = `sqlite:${join(folder, 'other.db')}`;
    const bad = async (database: unknown): Promise<void> => {
      await sql`CREATE TABLE extra_things (id TEXT)`.execute(database as Store['database']);
      throw new Error('broken step');
    };
    const first = await openStore(url, {
      clock,
      migrations: [{ prefix: 'extra_', migrations: [{ name: '001', up: bad }] }],
    });
    expect(first).toMatchObject({ fault: 'unusable', message: expect.stringContaining('broken step') as unknown });
    const good = async (database: unknown): Promise<void> => {
      await sql`CREATE TABLE extra_things (id TEXT)`.execute(database as Store['database']);
    };
    const second = await openStore(url, {
      clock,
      migrations: [{ prefix: 'extra_', migrations: [{ name: '001', up: good }] }],
    });
    expect(second).toHaveProperty('database');
    if ('database' in second) await second.close();
    const third = await openStore(url, { clock, migrations: [{ prefix: 'extra_', migrations: [] }] });
    expect(third).toMatchObject({ fault: 'unusable', message: expect.stringContaining('newer version') as unknown });
  });

  it('refuses a kind of store that it does not know, without repeating secrets', async () => {
    const password = `p${random.bytes(8).toString('hex')}`;
    const fault = await openStore(`postgres://user:${password}@host/db`, { clock });
    expect(fault).toMatchObject({ fault: 'unsupported' });
    expect(JSON.stringify(fault)).not.toContain(password);
  });

  it('shows changes of its own and of others by its version', async () => {
    const [one, two] = [await open(), await open()];
    const before = [one.version(), two.version()];
    expect([one.version(), two.version()]).toEqual(before);
    await createBlockRepository(one, clock).block('tool', 'files.read');
    expect(one.version()).not.toBe(before[0]);
    expect(two.version()).not.toBe(before[1]);
  });

  it('tells a watcher of changes, and again when taking one over has failed', async () => {
    vi.useFakeTimers();
    try {
      const [one, two] = [await open(), await open()];
      const onChange = vi.fn<() => Promise<void>>(async () => undefined);
      const onError = vi.fn();
      const stop = watchStore(one, 250, onChange, onError);
      await vi.advanceTimersByTimeAsync(1000);
      expect(onChange).not.toHaveBeenCalled();
      await createBlockRepository(two, clock).block('upstream', 'files');
      onChange.mockRejectedValueOnce(new Error('not now'));
      await vi.advanceTimersByTimeAsync(250);
      expect(onError).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(1000);
      expect(onChange).toHaveBeenCalledTimes(2);
      stop();
      await createBlockRepository(two, clock).unblock('upstream', 'files');
      await vi.advanceTimersByTimeAsync(1000);
      expect(onChange).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('API keys', () => {
  it('[api-keys] have the documented form and are kept as a keyed hash only', async () => {
    const store = await open();
    const keys = createKeyRepository(store, [pepper], clock, random);
    const created = await mustCreate(keys, { name: 'ci', roles: ['reader'] });
    expect(created.key).toMatch(/^sp_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/);
    expect(JSON.stringify([await keys.list(), await keys.snapshot()])).not.toContain(created.key.slice(16));
    await opened.pop()?.close();
    for (const name of readdirSync(join(folder, 'state'))) {
      expect(readFileSync(join(folder, 'state', name)).includes(created.key.slice(16))).toBe(false);
    }
  });

  it('have names that no two live keys share', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const all = await Promise.all(Array.from({ length: 5 }, () => keys.create({ name: 'ci', roles: ['reader'] })));
    expect(all.filter((key) => 'key' in key)).toHaveLength(1);
    expect(all.filter((key) => 'fault' in key && key.fault === 'name taken')).toHaveLength(4);
    expect(await keys.create({ name: 'a b', roles: ['reader'] })).toMatchObject({ fault: 'bad name' });
    expect(await keys.create({ name: 'other', roles: [] })).toMatchObject({ fault: 'no roles' });
  });

  it('[api-keys] work until they expire or are revoked', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const short = await mustCreate(keys, { name: 'short', roles: ['reader'], expiresAt: now + 1000 });
    const long = await mustCreate(keys, { name: 'long', roles: ['reader', 'writer'] });
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    for (let round = 0; round < 2; round++) {
      expect(index.verify(short.key, now + 999)).toMatchObject({ name: 'short', roles: ['reader'] });
      expect(index.verify(short.key, now + 1000)).toBe('expired');
      expect(index.verify(long.key, now + 1e12)).toMatchObject({ name: 'long', roles: ['reader', 'writer'] });
    }
    expect(await keys.revoke('long')).toBe(1);
    expect(await keys.revoke('long')).toBe(0);
    expect(createKeyIndex(await keys.snapshot(), [pepper]).verify(long.key, now)).toBe('invalid');
  });

  it('both work while a rotation overlaps, and only the new one afterwards', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const old = await mustCreate(keys, { name: 'ci', roles: ['reader'], expiresAt: now + 90_000 });
    now += 10_000;
    const fresh = mustBeKey(await keys.rotate('ci', 5000));
    expect(fresh).toMatchObject({ name: 'ci', roles: ['reader'], expiresAt: now + 90_000 });
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    expect(index.verify(old.key, now + 4999)).toMatchObject({ name: 'ci' });
    expect(index.verify(old.key, now + 5000)).toBe('expired');
    expect(index.verify(fresh.key, now + 5000)).toMatchObject({ name: 'ci' });
    expect(await keys.create({ name: 'ci', roles: ['reader'] })).toMatchObject({ fault: 'name taken' });
    expect(await keys.rotate('nobody', 0)).toMatchObject({ fault: 'unknown name' });
    const next = mustBeKey(await keys.rotate('ci', 0));
    const last = createKeyIndex(await keys.snapshot(), [pepper]);
    expect([old, fresh].map(({ key }) => last.verify(key, now))).toEqual(['expired', 'expired']);
    expect(last.verify(next.key, now)).toMatchObject({ name: 'ci', expiresAt: now + 90_000 });
  });

  it('[api-keys] work from their networks only, also after a rotation, and nowhere when the address is not known', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const from = ['10.0.0.0/8', '2001:db8::/32'];
    const { key } = await mustCreate(keys, { name: 'ci', roles: ['reader'], from });
    const fresh = mustBeKey(await keys.rotate('ci', 5000));
    expect(fresh.from).toEqual(from);
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    for (const one of [key, fresh.key]) {
      for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::7']) {
        expect(index.verify(one, now, address)).toMatchObject({ name: 'ci' });
      }
      for (const address of ['11.0.0.1', '2001:db9::7', 'local', '', undefined]) {
        expect(index.verify(one, now, address)).toBe('elsewhere');
      }
    }
    expect(await keys.create({ name: 'x', roles: ['reader'], from: ['10.0.0.0/33'] })).toMatchObject({
      fault: 'bad network',
    });
    expect(await keys.create({ name: 'x', roles: ['reader'], from: [] })).toMatchObject({ fault: 'bad network' });
  });

  it('[api-keys] end one by one by their ids, and all together by their name', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const old = await mustCreate(keys, { name: 'ci', roles: ['reader'] });
    const fresh = mustBeKey(await keys.rotate('ci', 5000));
    expect(await keys.revokeOne(old.id)).toBe('ci');
    expect(await keys.revokeOne(old.id)).toBeUndefined();
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    expect(index.verify(old.key, now)).toBe('invalid');
    expect(index.verify(fresh.key, now)).toMatchObject({ name: 'ci' });
    mustBeKey(await keys.rotate('ci', 5000));
    expect(await keys.revoke('ci')).toBe(2);
  });

  it('tell when each was last used, once that is written, and forget it with the key', async () => {
    const store = await open();
    const keys = createKeyRepository(store, [pepper], clock, random);
    const [one, other] = [
      await mustCreate(keys, { name: 'one', roles: ['reader'] }),
      await mustCreate(keys, { name: 'other', roles: ['reader'], expiresAt: now + 1 }),
    ];
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    for (let call = 0; call < 5; call += 1) index.verify(one.key, now + call);
    index.verify(`${one.key.slice(0, -1)}!`, now + 9);
    index.verify(other.key, now + 9);
    const uses = index.takeUses();
    expect([...uses]).toEqual([[one.id, now + 4]]);
    expect(index.takeUses().size).toBe(0);
    await keys.noteUses(new Map([...uses, ['gone', now]]));
    expect((await keys.list()).map(({ name, lastUsedAt }) => [name, lastUsedAt])).toEqual([
      ['one', now + 4],
      ['other', undefined],
    ]);
    await keys.revoke('one');
    expect(await store.database.selectFrom('guard_key_uses').selectAll().execute()).toEqual([]);
  });

  it('outlive a change of the master key as long as the pepper before is known', async () => {
    const store = await open();
    const { key } = await mustCreate(createKeyRepository(store, [pepper], clock, random), {
      name: 'ci',
      roles: ['reader'],
    });
    const next = createPepper(random.bytes(32));
    const keys = createKeyRepository(store, [next, pepper], clock, random);
    const { key: newer } = await mustCreate(keys, { name: 'newer', roles: ['reader'] });
    const both = createKeyIndex(await keys.snapshot(), [next, pepper]);
    expect([both.verify(key, now), both.verify(newer, now)]).toMatchObject([{ name: 'ci' }, { name: 'newer' }]);
    expect(createKeyIndex(await keys.snapshot(), [next]).verify(key, now)).toBe('invalid');
    const after = mustBeKey(await keys.rotate('ci', 5000));
    const overlapping = createKeyIndex(await keys.snapshot(), [next, pepper]);
    expect([key, after.key].map((one) => overlapping.verify(one, now))).toMatchObject([{ name: 'ci' }, { name: 'ci' }]);
    expect(overlapping.verify(key, now + 5000)).toBe('expired');
    const alone = createKeyRepository(store, [next], clock, random);
    expect((await alone.snapshot()).map(({ id }) => id)).not.toContain(key.slice(3, 15));
  });

  it('are refused when anything in them is different', async () => {
    const keys = createKeyRepository(await open(), [pepper], clock, random);
    const { key } = await mustCreate(keys, { name: 'ci', roles: ['reader'] });
    const other = await mustCreate(keys, { name: 'other', roles: ['reader'] });
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    expect(index.verify(key, now)).toMatchObject({ name: 'ci' });
    for (let at = 0; at < key.length; at++) {
      for (const character of ['A', 'b', '0', '_', '!']) {
        const changed = key.slice(0, at) + character + key.slice(at + 1);
        if (changed !== key) expect(index.verify(changed, now)).toBe('invalid');
      }
    }
    for (const text of [
      '',
      'sp_',
      `${key} `,
      ` ${key}`,
      `${key}\n`,
      key.toUpperCase(),
      key.slice(0, 16) + other.key.slice(16),
      'x'.repeat(1e6),
    ]) {
      expect(index.verify(text, now)).toBe('invalid');
    }
  });
});

describe('a key whose row was changed by other hands', () => {
  const change = async (store: Store, set: string): Promise<void> => {
    await sql.raw(`UPDATE guard_keys SET ${set} WHERE name = 'ci'`).execute(store.database);
  };

  it.each([
    ['more roles', `roles = '["reader","admin"]'`],
    ['roles that are no list', `roles = 'admin'`],
    ['another name', `name = 'boss'`],
    ['no end', 'expires_at = NULL'],
    ['a later end', 'expires_at = expires_at + 1'],
    ['networks of its own', `allowed_from = '["0.0.0.0/0"]'`],
    ['networks that are no text', `allowed_from = x'00'`],
    ['another beginning', 'created_at = created_at - 1'],
    ['the hash of another key', `mac = (SELECT mac FROM guard_keys WHERE name = 'own')`],
    [
      'the row of another key',
      `roles = (SELECT roles FROM guard_keys WHERE name = 'own'), seal = (SELECT seal FROM guard_keys WHERE name = 'own')`,
    ],
    ['no seal', 'seal = NULL'],
    ['a seal of no length', `seal = x''`],
    ['a seal that is a text', `seal = 'x'`],
    ['a hash that is a text', `mac = 'x'`],
    ['another pepper', `pepper = 'x'`],
  ])('is ignored, told of once, and not made good by rotating it: %s', async (_, set) => {
    const store = await open();
    const onIgnored = vi.fn();
    const keys = createKeyRepository(store, [pepper], clock, random, onIgnored);
    const { key, id } = await mustCreate(keys, { name: 'ci', roles: ['reader'], expiresAt: now + 90_000 });
    const own = await mustCreate(keys, { name: 'own', roles: ['admin'] });
    expect(createKeyIndex(await keys.snapshot(), [pepper]).verify(key, now)).toMatchObject({ roles: ['reader'] });
    expect((await keys.list()).map(({ isSealed }) => isSealed)).toEqual([true, true]);
    await change(store, set);
    const index = createKeyIndex(await keys.snapshot(), [pepper]);
    expect(index.verify(key, now)).toBe('invalid');
    expect(index.verify(own.key, now)).toMatchObject({ name: 'own' });
    await keys.snapshot();
    expect(onIgnored).toHaveBeenCalledTimes(1);
    const { name } = (await keys.list()).find((row) => row.id === id) ?? { name: '' };
    expect((await keys.list()).filter(({ isSealed }) => !isSealed).map((row) => row.id)).toEqual([id]);
    expect(await keys.rotate(name, 0)).toMatchObject({ fault: 'broken seal' });
    expect(await keys.revoke(name)).toBe(1);
  });

  it('is ignored when it was made from nothing, or before there were seals', async () => {
    const store = await open();
    const keys = createKeyRepository(store, [pepper], clock, random);
    await mustCreate(keys, { name: 'own', roles: ['reader'] });
    await sql`INSERT INTO guard_keys (id, name, roles, mac, pepper, created_at)
      SELECT 'aaaaaaaaaaaa', 'forged', '["admin"]', mac, pepper, created_at FROM guard_keys`.execute(store.database);
    expect((await keys.snapshot()).map(({ name }) => name)).toEqual(['own']);
  });
});

describe.skipIf(process.platform === 'win32')('a store that others can change', () => {
  const path = (): string => join(folder, 'state', 'sallyport.db');
  const tryOpen = async (): Promise<unknown> => {
    const store = await openStore(`sqlite:${path()}`, { clock });
    if ('fault' in store) return [store.fault, store.message];
    await store.close();
    return 'open';
  };

  it.each([0o666, 0o620, 0o602])('is refused, with a way out (file mode %o)', async (mode) => {
    await (await open()).close();
    opened.pop();
    chmodSync(path(), mode);
    expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining('run chmod go-w on it') as unknown]);
    chmodSync(path(), 0o644);
    expect(await tryOpen()).toBe('open');
  });

  it.each([0o777, 0o770, 0o707])('is refused, with a way out (folder mode %o)', async (mode) => {
    mkdirSync(join(folder, 'state'));
    chmodSync(join(folder, 'state'), mode);
    expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining('run chmod go-w on it') as unknown]);
    expect(readdirSync(join(folder, 'state'))).toEqual([]);
    for (const safe of [0o1777, 0o755, 0o700]) {
      chmodSync(join(folder, 'state'), safe);
      expect(await tryOpen()).toBe('open');
    }
  });

  it('is refused when the file is a symbolic link, also to nothing', async () => {
    mkdirSync(join(folder, 'state'), { mode: 0o700 });
    symlinkSync(join(folder, 'elsewhere.db'), path());
    for (const content of [undefined, '']) {
      if (content !== undefined) writeFileSync(join(folder, 'elsewhere.db'), content);
      expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining('symbolic link') as unknown]);
    }
    expect(readFileSync(join(folder, 'elsewhere.db'), 'utf8')).toBe('');
  });

  it.each(['-wal', '-shm', '-journal'])('is refused when that which lies beside it is not safe (%s)', async (side) => {
    mkdirSync(join(folder, 'state'), { mode: 0o700 });
    writeFileSync(path() + side, '');
    chmodSync(path() + side, 0o666);
    expect(await tryOpen()).toEqual(['unsafe', expect.stringContaining(side) as unknown]);
  });
});

describe('blocks', () => {
  it('hold until they are lifted or end', async () => {
    const blocks = createBlockRepository(await open(), clock);
    await blocks.block('caller', 'key:a', { reason: 'leaked' });
    await blocks.block('tool', 'files.write', { forMs: 1000 });
    expect(await blocks.snapshot()).toEqual([
      { kind: 'caller', subject: 'key:a', reason: 'leaked', createdAt: now },
      { kind: 'tool', subject: 'files.write', createdAt: now, expiresAt: now + 1000 },
    ]);
    expect(await blocks.unblock('caller', 'key:a')).toBe(true);
    expect(await blocks.unblock('caller', 'key:a')).toBe(false);
    now += 1000;
    expect(await blocks.snapshot()).toEqual([]);
    expect(await blocks.unblock('tool', 'files.write')).toBe(false);
  });

  it('are replaced by a later one of the same subject', async () => {
    const blocks = createBlockRepository(await open(), clock);
    await blocks.block('upstream', 'files', { forMs: 1000, reason: 'sick' });
    await blocks.block('upstream', 'files');
    expect(await blocks.snapshot()).toEqual([{ kind: 'upstream', subject: 'files', createdAt: now }]);
  });
});
