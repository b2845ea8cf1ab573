/** Ends what callers hold open who would not be let in any more: revoked keys, blocked callers, roles taken away. */
import { askerUnder, mayReachServer, type Conversations, type Rules, type Session } from '@sallyport/guard';
import type { LiveStore } from './state.ts';
import type { World } from './world.ts';

/** Looks at every session, connection, subscription, waiting call and conversation with a server. */
export function endUnwelcome(
  world: World,
  conversations: Conversations,
  live: Pick<LiveStore, 'blocks' | 'hasKey'>,
): void {
  const rules = world.rules();
  const isWelcome = (principal: string): boolean => {
    if (live.blocks.isBlocked('caller', principal)) return false;
    const { callers } = rules;
    if (principal === 'anonymous') return callers.anonymous !== undefined;
    if (principal.startsWith('local:')) return callers.local !== undefined;
    return !principal.startsWith('key:') || (callers.keys && live.hasKey(principal.slice(4)));
  };
  const reason = 'the caller may not call any more';
  const { sessions, subscriptions, parking, servers } = world;
  for (const session of [...sessions.list()]) {
    if (!isWelcome(session.owner) || !mayStay(session, rules)) void sessions.end(session, reason);
  }
  conversations.reauthorize();
  subscriptions.endFor(isWelcome, reason);
  parking.endFor(isWelcome, reason);
  for (const { upstream } of servers.values()) upstream.releaseOwners(isWelcome, reason);
}

/** A session on the path of one server ends with the last grant on that server. */
function mayStay({ path, roles, owner, principal }: Session, { policy, servers, callers }: Rules): boolean {
  if (path.kind === 'all') return true;
  const held = owner === 'anonymous' && callers.anonymous !== undefined ? [callers.anonymous] : roles;
  const caller = { ...(principal ?? { id: owner, kind: 'anonymous' as const }), roles: held };
  return servers.has(path.server) && mayReachServer(askerUnder(policy, caller), path.server);
}
