/**
 * A session that an earlier process began may go on with whatever keeps nothing for it. A legacy server of
 * `share: session` keeps a conversation for each session, and that one ended with the process: a new one would look the
 * same and know nothing, so the caller is told to begin anew.
 */
import { refuse, type Intended, type Refusal } from '@sallyport/guard';
import type { GatewayTarget } from '../resolve.ts';
import { acquireFor, sessionOf } from '../servers.ts';
import type { World } from '../world.ts';

/** Refuses a request whose session has lost its conversation with the target's server, and ends the session. */
export function findLost(exchange: Intended, world: World): Promise<Refusal | undefined> | undefined {
  const session = exchange.era === 'legacy' ? sessionOf(exchange) : undefined;
  if (session?.isTakenUp !== true) return undefined;
  const { upstream: name }: GatewayTarget = exchange.target;
  const server = name === undefined ? undefined : world.servers.get(name);
  if (server?.share !== 'session') return undefined;
  const judge = async (): Promise<Refusal | undefined> => {
    if (server.upstream.status().era !== 'legacy') {
      // A server that speaks both eras is met in the caller's.
      const acquired = await acquireFor(exchange, server);
      // Why there is none is for the request itself to say.
      if (acquired.kind === 'failure' || acquired.link.era === 'modern') return undefined;
    }
    await world.sessions.end(session, 'its conversation with a server is gone');
    return refuse('unknown-session', { note: `the conversation with ${server.name} ended with the last process` });
  };
  return judge();
}
