/** Where tools are found by search, and whether there are any for a caller. */
import type { Access, DoorPath, Rules } from '@sallyport/guard';
import type { World } from '../world.ts';

/** True at a view that shows tools for finding tools instead of all of them. */
export function isSearched(path: DoorPath, { views }: Pick<Rules, 'views'>): boolean {
  return path.kind === 'view' && views?.get(path.view)?.mode === 'search';
}

/** True when some tool of some server may be allowed, whether or not that server is there now. */
export function hasTools(access: Access, { servers }: Pick<World, 'servers'>): boolean {
  for (const server of servers.keys()) if (access.mayMatchPrefix('tools', `${server}.`)) return true;
  return false;
}

/** The servers of which some tool may be allowed. */
export function searchedServers(access: Access, servers: readonly string[]): readonly string[] {
  return servers.filter((server) => access.mayMatchPrefix('tools', `${server}.`));
}
