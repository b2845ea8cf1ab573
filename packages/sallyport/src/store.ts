/** The store as the commands use it: opened, used once, closed. A running gateway sees the change within a second. */
import { randomBytes } from 'node:crypto';
import {
  createBlockRepository,
  createKeyRepository,
  createPepper,
  deriveKeys,
  openStore,
  type BlockRepository,
  type Clock,
  type KeyRepository,
  type Random,
} from '@sallyport/guard';
import { openMaster, type Config } from '@sallyport/gateway';
import { Failure } from './failure.ts';

/** What the commands find in the store. */
export interface CommandStore {
  readonly keys: KeyRepository;
  readonly blocks: BlockRepository;
}

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
const random: Random = { bytes: (length) => randomBytes(length) };

/** Opens the configuration's store, hands it over, and closes it whatever happens. */
export async function withStore<T>(config: Config, use: (store: CommandStore) => Promise<T>): Promise<T> {
  const master = await openMaster(config.master, random);
  if ('fault' in master) throw new Failure(master.message, 'see what is wrong:  sallyport doctor');
  const store = await openStore(`sqlite:${config.store.path}`, { clock });
  if ('fault' in store) throw new Failure(store.message, 'see what is wrong:  sallyport doctor', 1, { cause: store.cause });
  try {
    const pepper = createPepper(deriveKeys(master).current.pepper);
    return await use({
      keys: createKeyRepository(store, pepper, clock, random),
      blocks: createBlockRepository(store, clock),
    });
  } finally {
    await store.close();
  }
}
