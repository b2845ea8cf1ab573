/** Ends what callers hold open who would not be let in any more: revoked keys, blocked callers, roles taken away. */
import { isOpenView, mayReachServer, type Conversations, type Rules, type Session } from '@sallyport/guard';
import type { LiveStore } from './state.ts';
import type { Issuers } from './tokens/issuers.ts';
import type { World } from './world.ts';

/** Looks at every session, connection, subscription, waiting call and conversation with a server. */
export function endUnwelcome(
  world: World,
  conversations: Conversations,
  live: Pick<LiveStore, 'blocks' | 'hasKey' | 'ended'>,
  issuers: Pick<Issuers, 'knows'>,
): void {
  const rules = world.rules();
  const now = world.clock.now();
  const isWelcome = (principal: string): boolean => {
    if (live.blocks.isBlocked('caller', principal)) return false;
    const { callers } = rules;
    if (principal === 'anonymous') return callers.anonymous !== undefined;
    if (principal.startsWith('local:')) return callers.local !== undefined;
    if (principal.startsWith('jwt:')) return issuers.knows(principal);
    return !principal.startsWith('key:') || (callers.keys && live.hasKey(principal.slice(4)));
  };
  const reason = 'the caller may not call any more';
  const { sessions, subscriptions, parking, servers } = world;
  for (const session of [...sessions.list()]) {
    // One of several keys of a name may be gone: whoever holds another begins anew.
    const isOver = live.ended.has(session);
    if (isOver || !isWelcome(session.owner) || !mayStay(session, rules)) void sessions.end(session, reason);
  }
  conversations.reauthorize();
  // A session goes on with the caller's next token; what was opened with one ends with it.
  subscriptions.endFor((id, expiresAt) => (expiresAt === undefined || now < expiresAt) && isWelcome(id), reason);
  parking.endFor(isWelcome, reason);
  for (const { upstream } of servers.values()) upstream.releaseOwners(isWelcome, reason);
}

/** A session on the path of one server ends with the last grant on that server; one at a view with the view. */
function mayStay({ path, roles, owner, principal }: Session, rules: Rules): boolean {
  const { policy, servers, callers } = rules;
  if (path.kind === 'all') return true;
  const held = owner === 'anonymous' && callers.anonymous !== undefined ? [callers.anonymous] : roles;
  const access = policy.access(held, principal?.scopes);
  if (path.kind === 'view') return isOpenView(path.view, { roles: held, access }, rules);
  return servers.has(path.server) && mayReachServer(access, path.server);
}
