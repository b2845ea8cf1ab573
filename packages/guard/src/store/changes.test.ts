import { describe, expect, it } from 'vitest';
import { createBlockRepository } from './blocks.ts';
import { createChangeRepository } from './changes.ts';
import { createKeyRepository, createPepper } from './keys.ts';
import { openStore, type Store } from './store.ts';

const clock = { now: () => 1_000, monotonic: () => 0 };
let byte = 0;
const random = { bytes: (length: number) => Uint8Array.from({ length }, () => (byte = (byte + 37) % 256)) };

async function open(): Promise<Store> {
  const store = await openStore('sqlite::memory:', { clock, actor: 'local:ada' });
  if ('fault' in store) throw new Error(store.message);
  return store;
}

describe('changes of administrators', () => {
  it('[one-record] keeps each change of keys and blocks until the trail has it', async () => {
    const store = await open();
    const keys = createKeyRepository(store, [createPepper(random.bytes(32))], clock, random);
    const blocks = createBlockRepository(store, clock);
    const changes = createChangeRepository(store);
    await keys.create({ name: 'ci', roles: ['reader'] });
    await keys.rotate('ci', 0);
    await keys.revoke('ci');
    await blocks.block('tool', 'files.write_file');
    await blocks.unblock('tool', 'files.write_file');
    const pending = await changes.pending();
    expect(pending.map(({ actor, action, kind, subject }) => [actor, action, kind, subject])).toEqual([
      ['local:ada', 'keys.create', 'key', 'ci'],
      ['local:ada', 'keys.rotate', 'key', 'ci'],
      ['local:ada', 'keys.revoke', 'key', 'ci'],
      ['local:ada', 'block', 'tool', 'files.write_file'],
      ['local:ada', 'unblock', 'tool', 'files.write_file'],
    ]);
    await changes.forget(pending[2]?.id ?? 0);
    expect((await changes.pending()).map(({ action }) => action)).toEqual(['block', 'unblock']);
    await store.close();
  });

  it('notes nothing for what did not change anything', async () => {
    const store = await open();
    const keys = createKeyRepository(store, [createPepper(random.bytes(32))], clock, random);
    await keys.create({ name: 'no role', roles: [] });
    await keys.rotate('nobody', 0);
    await keys.revoke('nobody');
    await createBlockRepository(store, clock).unblock('caller', 'key:nobody');
    expect(await createChangeRepository(store).pending()).toEqual([]);
    await store.close();
  });
});
