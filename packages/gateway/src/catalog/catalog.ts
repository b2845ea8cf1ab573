/**
 * What all servers publish, as far as it was accepted. Requests resolve against it and lists are answered from it, so
 * that a sick server never delays anybody and a list never shows what a call would not find.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';
import type { Server } from '../servers.ts';
import { LogLimit } from '../upstreams/log-limit.ts';
import { realTimers, type Timers } from '../upstreams/ports.ts';
import { connectEntry, connectToolName } from './connect-tool.ts';
import { readEntry, type CatalogTarget, type Entry, type ListKind, type Quarantined } from './definition.ts';
import { fetchList } from './fetch.ts';

/** What one server publishes. */
export interface ServerCatalog {
  readonly server: string;
  readonly tools: ReadonlyMap<string, Entry>;
  readonly prompts: ReadonlyMap<string, Entry>;
  readonly resources: ReadonlyMap<string, Entry>;
  readonly templates: ReadonlyMap<string, Entry>;
  readonly quarantined: readonly Quarantined[];
  readonly capabilities: JsonObject;
  readonly serverInfo: JsonObject | undefined;
  readonly instructions: string | undefined;
  /** Wall time of the last load, milliseconds. */
  readonly loaded: number;
  /** How long it may be shown without asking again, milliseconds. */
  readonly ttlMs: number;
  /** The server tells what it publishes only to callers with a credential of their own, and none has been there yet. */
  readonly isLocked?: true;
}

/** A list that has changed. */
export interface CatalogChange {
  readonly server: string;
  readonly list: ListKind;
  /** True when the rules have changed and not the server. */
  readonly isReload?: boolean;
}

/** Why a server's part of a list may be old or missing: it is not there (yet), or its lists could not be read. */
export type Absence = 'starting' | 'sick' | 'stopped' | 'unreadable';

/** The catalog of all servers. */
export interface Catalog {
  /** Changes with each change of any list. */
  readonly epoch: number;
  /** Servers in the order of the configuration, as far as they have been loaded. */
  servers(): readonly ServerCatalog[];
  server(name: string): ServerCatalog | undefined;
  /** Servers whose lists cannot be vouched for now, in the order of the configuration; the same value until it changes. */
  absent(): ReadonlyMap<string, Absence>;
  /** Why a server's lists could not be read, for operators; `undefined` once they could. */
  failure(name: string): string | undefined;
  /** A tool or prompt by its name on `/mcp`. */
  byWireName(list: 'tools' | 'prompts', name: string): CatalogTarget | undefined;
  /** Puts a server under the catalog's care; its lists are loaded when it is ready and when they change. */
  watch(server: Server): void;
  /** Puts the servers in this order. */
  arrange(names: readonly string[]): void;
  /** Forgets a server. */
  forget(name: string): void;
  /** Loads a server's lists again; calls that come meanwhile share the work. */
  refresh(name: string): Promise<void>;
  /** Loads what is older than its own bound again, without waiting for it. */
  refreshStale(): void;
  onChange(listener: (change: CatalogChange) => void): () => void;
}

export interface CatalogOptions {
  readonly clock: Clock;
  readonly log: (server: string, line: string) => void;
  /** How long lists of a server that gives no bound of its own are shown, milliseconds; default 60,000. */
  readonly ttlMs?: number;
  /** Shortest time between two loads that announcements of one server cause, milliseconds; default 1,000. */
  readonly announcedMs?: number;
  readonly timers?: Timers;
}

const lists: readonly ListKind[] = ['tools', 'prompts', 'resources', 'templates'];

/** Definitions compiled between two turns of the event loop, so that loading never delays calls. */
const compiledAtOnce = 16;

/** Shortest time between two loads of a server whose lists are too old or could not be read, milliseconds. */
const retryMs = 1000;

/** Makes an empty catalog. */
export function createCatalog(options: CatalogOptions): Catalog {
  const { clock, log } = options;
  const ttl = options.ttlMs ?? 60_000;
  const announcedMs = options.announcedMs ?? 1000;
  const timers = options.timers ?? realTimers;
  const order: string[] = [];
  const watched = new Map<string, Server>();
  const loaded = new Map<string, ServerCatalog>();
  const running = new Map<string, { readonly upstream: Server['upstream']; readonly done: Promise<void> }>();
  /** When a server's lists were last asked for, wall time, so that a failing one is not asked all the time. */
  const asked = new Map<string, number>();
  const listeners = new Set<(change: CatalogChange) => void>();
  /** Lists that a server announced as changed and that wait for its next load. */
  const announced = new Map<string, Set<CatalogChange['list']>>();
  /** When the last load that an announcement caused began, monotonic time. */
  const followed = new Map<string, number>();
  const failures = new Map<string, string>();
  const stops = new Map<string, () => void>();
  const logs = new Map<string, LogLimit>();
  let absences: ReadonlyMap<string, Absence> | undefined;
  let wire = { tools: new Map<string, CatalogTarget>(), prompts: new Map<string, CatalogTarget>() };
  let epoch = 0;

  /** A server can publish any number of definitions, so of the lines about it only so many are let through. */
  function logOf(name: string): LogLimit {
    const known = logs.get(name);
    if (known !== undefined) return known;
    const limit = new LogLimit(({ text }) => log(name, text), { timers });
    logs.set(name, limit);
    return limit;
  }

  function fail(name: string, why: string): void {
    failures.set(name, why);
    absences = undefined;
    log(name, `its lists could not be read: ${why}`);
  }

  function findAbsent(): ReadonlyMap<string, Absence> {
    const found = new Map<string, Absence>();
    for (const name of order) {
      const state = watched.get(name)?.upstream.status().state;
      if (state !== undefined && state !== 'ready') found.set(name, state);
      else if (failures.has(name)) found.set(name, 'unreadable');
      else if (!loaded.has(name)) found.set(name, 'starting');
    }
    return found;
  }

  function index(): void {
    epoch += 1;
    const next = { tools: new Map<string, CatalogTarget>(), prompts: new Map<string, CatalogTarget>() };
    for (const name of order) {
      const server = loaded.get(name);
      if (server === undefined) continue;
      for (const list of ['tools', 'prompts'] as const) {
        for (const entry of server[list].values()) {
          // Two names that are cut to the same one: the first in the configuration keeps it.
          if (!next[list].has(entry.wireName)) next[list].set(entry.wireName, entry.prefixedTarget);
          else {
            const text = `${list} ${entry.name} is not on /mcp: another one is called ${entry.wireName} there`;
            logOf(name).log('held-back', 'warning', text);
          }
        }
      }
    }
    wire = next;
  }

  function publish(server: ServerCatalog): void {
    const before = loaded.get(server.server);
    const changed = lists.filter((list) => !isSameList(before?.[list] ?? nothing, server[list]));
    absences = undefined;
    failures.delete(server.server);
    if (before !== undefined && changed.length === 0) {
      // A server that gives the same in another order each time must not turn its lists over.
      const { tools, prompts, resources, templates } = before;
      loaded.set(server.server, { ...server, tools, prompts, resources, templates });
      return;
    }
    loaded.set(server.server, server);
    index();
    for (const { name, list, reason } of server.quarantined) {
      logOf(server.server).log('held-back', 'warning', `${list} ${name} is quarantined: ${reason}`);
    }
    for (const list of changed) {
      // One notification speaks of resources and templates.
      if (list !== 'templates' || !changed.includes('resources')) tell({ server: server.server, list });
    }
  }

  function tell(change: CatalogChange): void {
    for (const listener of listeners) listener(change);
  }

  /** What was read over a caller's conversation stands until the next one is there. */
  function keepLocked({ name, credentials }: Server): void {
    const before = loaded.get(name);
    const since = { loaded: clock.now(), ttlMs: ttl };
    publish({ ...(before ?? lockedCatalog(name, credentials?.hasAccounts === true)), ...since });
  }

  async function load(source: Server): Promise<void> {
    const fetched = await fetchList(source);
    if (fetched.kind === 'failure' && fetched.failure.reason === 'consent') {
      if (watched.get(source.name)?.upstream === source.upstream) keepLocked(source);
      return;
    }
    if (fetched.kind === 'failure') {
      if (watched.get(source.name)?.upstream === source.upstream) fail(source.name, fetched.failure.text);
      return;
    }
    const maps = { tools: new Map(), prompts: new Map(), resources: new Map(), templates: new Map() } satisfies Record<
      ListKind,
      Map<string, Entry>
    >;
    const quarantined: Quarantined[] = [];
    let compiled = 0;
    for (const list of lists) {
      for (const definition of fetched.lists[list]) {
        const read = readEntry(source.name, list, definition, (name) => loaded.get(source.name)?.[list].get(name));
        if ('reason' in read) quarantined.push(read);
        else if (maps[list].has(read.name)) {
          quarantined.push({ server: source.name, list, name: read.name, reason: 'a second definition of this name' });
        } else maps[list].set(read.name, read);
        if (++compiled % compiledAtOnce === 0) await setImmediate();
      }
    }
    if (watched.get(source.name)?.upstream !== source.upstream) return;
    publish({
      server: source.name,
      ...maps,
      quarantined,
      capabilities: fetched.peer.capabilities,
      serverInfo: fetched.peer.serverInfo,
      instructions: fetched.peer.instructions,
      loaded: clock.now(),
      ttlMs: fetched.ttlMs ?? ttl,
    });
  }

  function refresh(name: string): Promise<void> {
    const server = watched.get(name);
    if (server === undefined) return Promise.resolve();
    const already = running.get(name);
    // A load of the server that was here before says nothing about this one.
    if (already !== undefined && already.upstream === server.upstream) return already.done;
    asked.set(name, clock.now());
    const done = load(server)
      .catch((cause: unknown) => fail(name, String(cause)))
      .finally(() => {
        if (running.get(name)?.done === done) running.delete(name);
      });
    running.set(name, { upstream: server.upstream, done });
    return done;
  }

  return {
    get epoch() {
      return epoch;
    },
    servers: () => order.flatMap((name) => loaded.get(name) ?? []),
    server: (name) => loaded.get(name),
    absent: () => (absences ??= findAbsent()),
    failure: (name) => failures.get(name),
    byWireName: (list, name) => wire[list].get(name),
    watch(server) {
      const { name, upstream } = server;
      if (!order.includes(name)) order.push(name);
      const isNew = watched.get(name)?.upstream !== upstream;
      watched.set(name, server);
      if (!isNew) return;
      absences = undefined;
      stops.get(name)?.();
      const forgetLists = upstream.onListChanged((list) => announce(name, list));
      const forgetState = upstream.onChange(() => {
        absences = undefined;
      });
      stops.set(name, () => {
        forgetLists();
        forgetState();
      });
    },
    arrange(names) {
      order.sort((one, other) => names.indexOf(one) - names.indexOf(other));
      absences = undefined;
      index();
    },
    forget(name) {
      watched.delete(name);
      asked.delete(name);
      announced.delete(name);
      followed.delete(name);
      failures.delete(name);
      logs.delete(name);
      stops.get(name)?.();
      stops.delete(name);
      absences = undefined;
      const at = order.indexOf(name);
      if (at >= 0) order.splice(at, 1);
      if (loaded.delete(name)) {
        index();
        for (const list of lists) if (list !== 'templates') tell({ server: name, list });
      }
    },
    refresh,
    refreshStale() {
      const now = clock.now();
      for (const name of watched.keys()) {
        const known = loaded.get(name);
        const isOld = known === undefined || now - known.loaded > known.ttlMs;
        if (isOld && now - (asked.get(name) ?? 0) > retryMs) void refresh(name);
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  /**
   * Takes an announcement. A change announced while a load runs may not be in it, so another load follows; however many
   * are announced, a server is read once in each interval.
   */
  function announce(name: string, list: CatalogChange['list']): void {
    const waiting = announced.get(name);
    if (waiting !== undefined) {
      waiting.add(list);
      return;
    }
    announced.set(name, new Set([list]));
    const wait = (followed.get(name) ?? Number.NEGATIVE_INFINITY) + announcedMs - clock.monotonic();
    if (wait > 0) timers.after(wait, () => void follow(name));
    else void follow(name);
  }

  /**
   * Loads what was announced. Callers are told even where the definitions turn out to be the same: the server may mean
   * what they do not show.
   */
  async function follow(name: string): Promise<void> {
    const already = running.get(name);
    if (already !== undefined) await already.done;
    const pending = announced.get(name);
    if (pending === undefined) return;
    announced.delete(name);
    followed.set(name, clock.monotonic());
    const told = new Set<CatalogChange['list']>();
    const note = (change: CatalogChange): void => {
      if (change.server === name) told.add(change.list === 'templates' ? 'resources' : change.list);
    };
    listeners.add(note);
    await refresh(name);
    listeners.delete(note);
    if (!watched.has(name)) return;
    for (const list of pending) if (!told.has(list)) tell({ server: name, list });
  }
}

const nothing: ReadonlyMap<string, Entry> = new Map();

function lockedCatalog(server: string, hasAccounts: boolean): ServerCatalog {
  return {
    server,
    tools: hasAccounts ? new Map([[connectToolName, connectEntry(server)]]) : nothing,
    prompts: nothing,
    resources: nothing,
    templates: nothing,
    quarantined: [],
    // What it really has is not known, and callers ask for nothing that was not announced.
    capabilities: { tools: {}, prompts: {}, resources: {} },
    serverInfo: undefined,
    instructions: undefined,
    loaded: 0,
    ttlMs: 0,
    isLocked: true,
  };
}

function isSameList(before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>): boolean {
  if (before.size !== after.size) return false;
  for (const [name, entry] of after) if (before.get(name)?.definition.digest !== entry.definition.digest) return false;
  return true;
}
