/** The servers in use: taken in, exchanged and let go as the configuration says, in its order. */
import type { Catalog } from './catalog/catalog.ts';
import { followServer } from './cache/follow.ts';
import type { ResultCache } from './cache/result-cache.ts';
import type { ConfigChanges } from './config/diff.ts';
import type { Config, UpstreamConfig } from './config/types.ts';
import type { CredentialSource } from './credentials/source.ts';
import type { Subscriptions } from './invoke/subscriptions.ts';
import { ownInfo } from './own-request.ts';
import { defineUpstream, makeServer, surroundingsOf, type Server } from './servers.ts';
import { pause, type UpstreamLogEntry, type UpstreamPorts } from './upstreams/ports.ts';
import { createUpstream } from './upstreams/upstream.ts';

/** Who has to know of a server that comes or goes. */
export interface FleetOptions {
  readonly catalog: Catalog;
  readonly results: ResultCache;
  readonly subscriptions: Pick<Subscriptions, 'watch'>;
  /** Where the credentials for a server come from; `undefined` where fixed headers are all. */
  readonly credentials: (upstream: UpstreamConfig) => CredentialSource | undefined;
  /** What servers need from the machine. */
  readonly ports: UpstreamPorts;
  readonly log: (level: UpstreamLogEntry['level'], text: string, server: string) => void;
}

/** The servers in use. */
export interface Fleet {
  /** Takes a server in and starts it. */
  add(upstream: UpstreamConfig, config: Config): void;
  /** Follows a changed configuration; resolves once what has left it is stopped. */
  change(config: Config, changes: ConfigChanges['upstreams']): Promise<void>;
  /** Each server, and a promise of its first lists. */
  loading(): readonly (readonly [name: string, loaded: Promise<unknown>])[];
  stop(reason: string): Promise<void>;
}

/** How long running calls may take to end on a server that is let go, milliseconds. */
const drainMs = 10_000;
/** How often a wait for running calls looks, milliseconds. */
const pollMs = 20;

/**
 * Makes a fleet without a server.
 *
 * @param servers - the table that requests look into; the fleet keeps it, in the order of the configuration
 */
export function createFleet(servers: Map<string, Server>, options: FleetOptions): Fleet {
  const { catalog, results, subscriptions, credentials, ports, log } = options;

  function add(upstreamConfig: UpstreamConfig, config: Config): void {
    const { name } = upstreamConfig;
    const message = { bytes: config.limits.message, depth: config.limits.depth };
    const source = credentials(upstreamConfig);
    const definition = defineUpstream(upstreamConfig, message, surroundingsOf(config), source);
    const upstream = createUpstream(definition, ports, ownInfo);
    const server = makeServer(upstreamConfig, upstream, source);
    servers.set(name, server);
    upstream.onLog(({ level, text }) => log(level, text, name));
    upstream.onChange(({ state }) => {
      if (state === 'ready') void catalog.refresh(name);
    });
    catalog.watch(server);
    followServer(server, results);
    subscriptions.watch(server);
    upstream.start();
  }

  /** Takes a server out of use at once and stops it when its running calls have ended. */
  async function remove(name: string): Promise<void> {
    const server = servers.get(name);
    servers.delete(name);
    catalog.forget(name);
    results.drop(name);
    if (server === undefined) return;
    const deadline = ports.clock.monotonic() + drainMs;
    while (server.upstream.status().pending > 0 && ports.clock.monotonic() < deadline) {
      await pause(ports.timers, pollMs);
    }
    await server.upstream.stop('removed from the configuration');
    server.credentials?.close();
  }

  /** Puts the table into the order of the configuration. */
  function arrange(names: readonly string[]): void {
    const arranged = names.flatMap((name) => servers.get(name) ?? []);
    servers.clear();
    for (const server of arranged) servers.set(server.name, server);
    catalog.arrange(names);
  }

  return {
    add,
    async change(config, { added, removed, changed, tuned }) {
      const byName = new Map(config.upstreams.map((upstream) => [upstream.name, upstream]));
      for (const name of tuned) {
        const server = servers.get(name);
        const upstream = byName.get(name);
        if (server !== undefined && upstream !== undefined)
          servers.set(name, makeServer(upstream, server.upstream, server.credentials));
      }
      const leaving = [...removed, ...changed].map(remove);
      for (const name of [...changed, ...added]) {
        const upstream = byName.get(name);
        if (upstream !== undefined) add(upstream, config);
      }
      arrange(config.upstreams.map(({ name }) => name));
      await Promise.all(leaving);
    },
    loading: () =>
      [...servers.values()].map(({ name, upstream }) => [
        name,
        upstream.settled().then(({ state }) => (state === 'ready' ? catalog.refresh(name) : undefined)),
      ]),
    async stop(reason) {
      await Promise.all([...servers.values()].map(({ upstream }) => upstream.stop(reason)));
    },
  };
}
