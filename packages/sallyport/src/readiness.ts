/** Waits for a server that somebody can try something at. Servers of package runners take their time at first start. */
import type { ServerStatus } from '@sallyport/gateway';

/** What readiness depends on. */
export type AwaitedServer = Pick<ServerStatus, 'name' | 'state' | 'tools'>;

/** Milliseconds between two looks. */
const pauseMs = 100;
/** Looks that a server that has just become ready has for its list of tools. */
const listingLooks = 20;

/** True when a server is there to call. */
export function isUsable(servers: readonly AwaitedServer[]): boolean {
  return servers.some(({ state, tools }) => state === 'ready' && tools > 0);
}

/** The names of the servers that are being started. */
export function namesOfStarting(servers: readonly AwaitedServer[]): string[] {
  return servers.filter(({ state }) => state === 'starting').map(({ name }) => name);
}

/**
 * Waits for the first usable server, for as long as one is still starting.
 *
 * @param look says how the servers stand
 * @param pause waits that many milliseconds
 * @param ceilingMs milliseconds after which it gives up; `Infinity` waits also for servers that failed before
 * @returns whether one is usable
 */
export async function firstUsable(
  look: () => readonly AwaitedServer[],
  pause: (ms: number) => Promise<unknown>,
  ceilingMs: number,
): Promise<boolean> {
  let idleLooks = 0;
  for (let waited = 0; ; waited += pauseMs) {
    const servers = look();
    if (isUsable(servers)) return true;
    if (waited >= ceilingMs) return false;
    if (ceilingMs !== Infinity) {
      const isListing = servers.some(({ state }) => state === 'ready') && waited > 0;
      idleLooks = namesOfStarting(servers).length > 0 ? 0 : idleLooks + 1;
      if (idleLooks > (isListing ? listingLooks : 0)) return false;
    }
    await pause(pauseMs);
  }
}
