/** What a gateway keeps on disk and loads at start: the master key, the store with keys and blocks, the audit trail. */
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import {
  createBlockRepository,
  createChangeRepository,
  createDisk,
  createEnvelope,
  createKeyIndex,
  createKeyRepository,
  createPepper,
  createSeal,
  deriveKeys,
  lookAtStore,
  openEndedSessions,
  openMasterKey,
  openStore,
  openTrail,
  parseMasterKey,
  readMasterKey,
  watchStore,
  type Blocks,
  type ChangeRow,
  type Clock,
  type Credentials,
  type EndedSessions,
  type KeyIndex,
  type KeyRow,
  type KeyRing,
  type MasterFault,
  type MasterKey,
  type Random,
  type RecordDraft,
  type Seal,
  type Store,
  type Trail,
  type TrailState,
} from '@sallyport/guard';
import { indexBlocks } from './blocks.ts';
import { GATEWAY_MIGRATIONS } from './credentials/grants/grant-schema.ts';
import { createGrantStore, type GrantStore } from './credentials/grants/grant-store.ts';
import { resolveSecret } from './config/resolve-secret.ts';
import type { ConfigPorts } from './config/ports.ts';
import type { Config } from './config/types.ts';

/** Why the state cannot be opened, for the operator. */
export interface StateFault {
  readonly fault: string;
  readonly message: string;
  readonly cause?: unknown;
}

/** Wall and monotonic time of this process. */
export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Randomness of this process. */
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

/**
 * Reads the master key that the configuration names. A file that is absent is made, unless the store has keys: they
 * would all stop working under another master key.
 */
export async function openKeys(
  config: Pick<Config, 'master' | 'store'>,
  ports: ConfigPorts,
): Promise<KeyRing | StateFault> {
  const read = await readKeys(config, ports);
  if (!('fault' in read) || read.fault !== 'missing' || config.master.kind !== 'file') return read;
  const store = await lookAtStore(config.store.path);
  if ('fault' in store) return store;
  if (store.keys > 0) {
    // Another process may have made both meanwhile.
    const again = await readKeys(config, ports);
    if (!('fault' in again)) return again;
    return {
      fault: 'missing',
      message: `${config.master.path} is missing and the store has ${store.keys === 1 ? '1 key' : `${store.keys} keys`}`,
    };
  }
  const made = await openMasterKey(config.master.path, systemRandom);
  return 'fault' in made ? made : deriveKeys(made);
}

/** Reads the master key that the configuration names and makes none; the fault `missing` says that there is no file. */
export async function readKeys(config: Pick<Config, 'master'>, ports: ConfigPorts): Promise<KeyRing | StateFault> {
  const master = await readMaster(config, ports);
  return 'fault' in master ? master : deriveKeys(master);
}

async function readMaster(
  config: Pick<Config, 'master'>,
  ports: ConfigPorts,
): Promise<MasterKey | MasterFault | StateFault> {
  const { master } = config;
  if (master.kind === 'file') return readMasterKey(master.path);
  const resolved = await resolveSecret(master, ports);
  if (!resolved.ok) return { fault: resolved.code, message: `master: ${resolved.message}; ${resolved.suggestion}` };
  return parseMasterKey(resolved.secret.reveal(), master.written);
}

/** Opens the store that the configuration names. */
export async function openConfiguredStore(config: Pick<Config, 'store'>): Promise<Store | StateFault> {
  return openStore(`sqlite:${config.store.path}`, {
    clock: systemClock,
    actor: `local:${userInfo().username}`,
    migrations: [GATEWAY_MIGRATIONS],
  });
}

/** The grants of people in a store that `openConfiguredStore` gave. */
export function openGrants(store: Store, keys: KeyRing): GrantStore {
  const previous = keys.previous === undefined ? [] : [keys.previous.envelope];
  return createGrantStore(
    store,
    createEnvelope([keys.current.envelope, ...previous], systemRandom),
    systemClock,
    systemRandom,
  );
}

/** The store's keys and blocks in memory, kept up to date while other processes change them. */
export interface LiveStore {
  readonly credentials: Credentials;
  readonly blocks: Blocks;
  /** Which sessions of earlier processes are over. */
  readonly ended: EndedSessions;
  /** What people have let the gateway do at servers in their name. */
  readonly grants: GrantStore;
  /** True while some key of this name works. */
  hasKey(name: string): boolean;
  /** True when there is no key of this name, not even one that has expired. */
  isRevoked(name: string): boolean;
  /** Takes over now what other hands have changed, instead of at the next look, and writes what is not written yet. */
  refresh(): Promise<void>;
  /** Calls back after each change of keys or blocks. */
  onChange(listener: () => void): void;
  /** Puts into the trail what administrators changed, also while no gateway ran. */
  recordChanges(trail: Pick<Trail, 'append' | 'durable'>): Promise<void>;
  close(): Promise<void>;
}

/** How often the store is looked at for changes of other processes, milliseconds. */
const storePollMs = 250;

/** How often the last uses of keys are written, milliseconds. */
const useWriteMs = 60_000;

/** Loads keys and blocks and follows their changes. */
export async function openLiveStore(
  config: Config,
  keys: KeyRing,
  log: (line: string) => void,
): Promise<LiveStore | StateFault> {
  const store = await openConfiguredStore(config);
  if ('fault' in store) return store;
  const pepper = createPepper(keys.current.pepper);
  const changes = createChangeRepository(store);
  const blockRepository = createBlockRepository(store, systemClock);
  const previous = keys.previous === undefined ? [] : [createPepper(keys.previous.pepper)];
  const keyRepository = createKeyRepository(store, [pepper, ...previous], systemClock, systemRandom, ({ name, id }) =>
    log(
      `the key ${JSON.stringify(name)} (sp_${id}_…) is ignored: its row in the store was changed by other hands, ` +
        'or made under another master key; revoke it and make a new one',
    ),
  );
  const grants = openGrants(store, keys);
  const ended = await openEndedSessions(store, {
    clock: systemClock,
    onError: (cause) => log(`the end of sessions could not be written: ${String(cause)}`),
  });
  /** Whose credential was taken away, or who was blocked, is done with the sessions from before. */
  const endSessions = async ({ action, kind, subject, time }: ChangeRow): Promise<boolean> => {
    if (action === 'keys.revoke') {
      // Whoever gets a key of this name next is somebody else.
      await grants.revoke({ principal: `key:${subject}` }, 'connections.revoke');
      return ended.addCaller(`key:${subject}`, time);
    }
    return action === 'block' && kind === 'caller' ? ended.addCaller(subject, time) : true;
  };
  for (const change of await changes.pending()) await endSessions(change);
  const first = await keyRepository.snapshot();
  let lastDays = indexLastDays(first);
  let index: KeyIndex = createKeyIndex(first, [pepper, ...previous]);
  const listeners: Array<() => void> = [];
  let blocks = indexBlocks(await blockRepository.snapshot(), systemClock);
  /** Uses of keys that are not written yet. */
  const uses = new Map<string, number>();
  const gatherUses = (): void => {
    for (const [id, at] of index.takeUses()) uses.set(id, at);
  };
  const writeUses = async (): Promise<void> => {
    gatherUses();
    if (uses.size === 0) return;
    const written = new Map(uses);
    uses.clear();
    try {
      await keyRepository.noteUses(written);
    } catch (cause) {
      log(`the last uses of keys could not be written: ${String(cause)}`);
    }
  };
  let seen = facetsOf(first);
  const refresh = async (): Promise<void> => {
    const rows = await keyRepository.snapshot();
    const facets = facetsOf(rows);
    // The same keys keep their holders, and all that is kept by holder.
    if (facets !== seen) {
      gatherUses();
      seen = facets;
      lastDays = indexLastDays(rows);
      index = createKeyIndex(rows, [pepper, ...previous]);
    }
    blocks = indexBlocks(await blockRepository.snapshot(), systemClock);
    for (const listener of listeners) listener();
  };
  const useTimer = setInterval(() => void writeUses(), useWriteMs);
  useTimer.unref();
  const stop = watchStore(store, storePollMs, refresh, (cause) => log(`the store could not be read: ${String(cause)}`));
  return {
    credentials: { verify: (token, now, address) => index.verify(token, now, address) },
    blocks: {
      isBlocked: (kind, subject) => blocks.isBlocked(kind, subject),
    },
    ended,
    isRevoked: (name) => !lastDays.has(name),
    grants,
    hasKey: (name) => systemClock.now() < (lastDays.get(name) ?? 0),
    async refresh() {
      await writeUses();
      await refresh();
    },
    onChange: (listener) => void listeners.push(listener),
    async recordChanges(trail) {
      for (;;) {
        const pending = await changes.pending();
        const last = pending.at(-1);
        if (last === undefined) return;
        let seq: number | { readonly refused: string } | undefined;
        // A change is forgotten once all that follows from it is on disk.
        if ((await Promise.all(pending.map(endSessions))).includes(false)) return;
        for (const change of pending) seq = trail.append(draftChange(change));
        // The trail keeps its order, so the last one on disk means all of them.
        if (typeof seq !== 'number' || (await trail.durable(seq)) === 'lost') return;
        await changes.forget(last.id);
      }
    },
    async close() {
      stop();
      clearInterval(useTimer);
      await writeUses();
      await ended.settle();
      await store.close();
    },
  };
}

/** Everything about the keys that checking them depends on, as one text. */
function facetsOf(rows: readonly KeyRow[]): string {
  return JSON.stringify(
    rows.map(({ id, name, roles, mac, pepper, expiresAt, from }) => [
      ...[id, name, roles, Buffer.from(mac).toString('base64'), pepper],
      ...[expiresAt ?? null, from ?? null],
    ]),
  );
}

/** When the last key of each name expires, milliseconds since the epoch. */
function indexLastDays(rows: readonly KeyRow[]): ReadonlyMap<string, number> {
  const lastDays = new Map<string, number>();
  for (const { name, expiresAt } of rows) {
    lastDays.set(name, Math.max(lastDays.get(name) ?? 0, expiresAt ?? Number.POSITIVE_INFINITY));
  }
  return lastDays;
}

function draftChange({ time, actor, action, kind, subject }: ChangeRow): RecordDraft {
  return {
    kind: 'admin',
    principal: { id: actor, kind: 'local', roles: [] },
    method: action,
    target: { kind, name: subject },
    outcome: { status: 'ok', reason: `made at ${new Date(time).toISOString()}` },
  };
}

/** Makes the seal for handles. */
export function makeSeal(keys: KeyRing): Seal {
  const previous = keys.previous === undefined ? [] : [keys.previous.seal];
  return createSeal([keys.current.seal, ...previous], systemClock, systemRandom);
}

/** Opens the audit trail for writing. */
export async function openAudit(
  config: Config,
  keys: KeyRing,
  onState: (state: TrailState, cause?: unknown) => void,
): Promise<Trail | StateFault> {
  const { audit } = config;
  return openTrail({
    directory: audit.directory,
    durability: audit.durability,
    rotateBytes: audit.rotate,
    keepMs: audit.keep,
    disk: createDisk(),
    clock: systemClock,
    signing: keys.current.auditSigning,
    processName: 'gateway',
    onState,
  });
}
