/**
 * Which servers a caller is shown something of, and for which of them nobody can vouch now. What a caller may not reach
 * is in neither: neither its trouble nor its age can be told from an answer.
 */
import { canReachServer, type Asker, type DoorPath } from '@sallyport/guard';
import type { World } from '../world.ts';

/** The part of the gateway that says which servers are there. */
type Presence = Pick<World, 'catalog' | 'servers' | 'blocks' | 'clock'>;

/** The member of a result's `_meta` that names the servers whose part may be old or missing. */
const absentKey = 'io.sallyport/unavailable';

/** Longest time that an answer about lists holds, milliseconds. */
const longestTtl = 60_000;

/** How long an answer holds from which a server is missing, milliseconds. */
const retryMs = 1000;

/** Servers of a door path that exist for a caller, in the order of the configuration. */
export function presentServers(asker: Asker, path: DoorPath, world: Presence): readonly string[] {
  const names = path.kind === 'server' ? [path.server] : [...world.servers.keys()];
  return names.filter((name) => canReachServer(asker, name) && !world.blocks.isBlocked('upstream', name));
}

/**
 * Names the absent ones among servers, as a member of `_meta`.
 *
 * @returns `undefined` when all are there, which is nearly always
 */
export function absenceMeta(
  servers: readonly string[],
  world: Presence,
): Readonly<Record<string, unknown>> | undefined {
  const absent = world.catalog.absent();
  if (absent.size === 0) return undefined;
  const named = servers.flatMap((server) => {
    const state = absent.get(server);
    return state === undefined ? [] : [{ server, state }];
  });
  return named.length === 0 ? undefined : { [absentKey]: named };
}

/**
 * How long what is said about servers holds: as long as the least of them allows, counted from when it was read, in
 * whole seconds, so that what is said stays the same for one.
 */
export function remainingTtl(servers: readonly string[], world: Presence): number {
  let least = longestTtl;
  const now = world.clock.now();
  for (const name of servers) {
    const known = world.catalog.server(name);
    const left = known === undefined ? retryMs : Math.max(0, known.loaded + known.ttlMs - now);
    if (left < least) least = left;
  }
  return Math.floor(least / 1000) * 1000;
}
