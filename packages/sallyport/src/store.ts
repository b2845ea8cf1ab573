/** The store as the commands use it: opened, used once, closed. A running gateway sees the change within a second. */
import {
  createBlockRepository,
  createKeyRepository,
  createPepper,
  lookAtStore,
  type BlockRepository,
  type BlockRow,
  type KeyRepository,
} from '@sallyport/guard';
import {
  controlPath,
  openConfiguredStore,
  openGrants,
  openKeys,
  systemClock,
  systemConfigPorts,
  systemRandom,
  type ConfigOutline,
  type GrantStore,
} from '@sallyport/gateway';
import { askGateway } from './control.ts';
import { exists } from './files.ts';
import { startFailure } from './gateway.ts';
import { findKeyDoubts, type KeyDoubt } from './key-doubts.ts';

/** What the commands find in the store. */
export interface CommandStore {
  readonly keys: KeyRepository;
  readonly blocks: BlockRepository;
  readonly grants: GrantStore;
}

/**
 * Opens the configuration's store, hands it over, and closes it whatever happens. A gateway that runs has taken over
 * what was changed when this returns.
 */
export async function withStore<T>(config: ConfigOutline, use: (store: CommandStore) => Promise<T>): Promise<T> {
  const ring = await openKeys(config, systemConfigPorts());
  if ('fault' in ring) throw startFailure(ring);
  const store = await openConfiguredStore(config);
  if ('fault' in store) throw startFailure(store);
  try {
    const previous = ring.previous === undefined ? [] : [createPepper(ring.previous.pepper)];
    const peppers = [createPepper(ring.current.pepper), ...previous] as const;
    const keys = createKeyRepository(store, peppers, systemClock, systemRandom);
    const result = await use({
      keys,
      blocks: createBlockRepository(store, systemClock),
      grants: openGrants(store, ring),
    });
    await askGateway(controlPath(config), 'refresh');
    return result;
  } finally {
    await store.close();
  }
}

/** What there is to say of the store's keys; nothing where there is no store, or one that cannot be read. */
export async function doubtsOfKeys(config: Pick<ConfigOutline, 'store'>): Promise<readonly KeyDoubt[]> {
  const look = await lookAtStore(config.store.path);
  return 'fault' in look ? [] : findKeyDoubts(look.dates, systemClock.now());
}

/** Reads what is blocked, without making a store where there is none. */
export async function readBlocks(config: Pick<ConfigOutline, 'store'>): Promise<readonly BlockRow[]> {
  if (!(await exists(config.store.path))) return [];
  const store = await openConfiguredStore(config);
  if ('fault' in store) throw startFailure(store);
  try {
    return await createBlockRepository(store, systemClock).snapshot();
  } finally {
    await store.close();
  }
}
