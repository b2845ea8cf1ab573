/** Finds what the request aims at in the catalog, and opens the sealed handles that came with it. */
import type { Filling, Identified, Parsed, Resolved, Target } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { mayReachServer } from '../policy/decide.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';

/** Names the target, or answers as for a thing that does not exist. */
export function resolve(exchange: Parsed, ports: Ports): Resolved | Refusal | Promise<Resolved | Refusal> {
  // Before anything is looked up, so that a blocked caller learns nothing about what is there.
  const refused = judgeCaller(exchange, ports);
  if (refused !== undefined) return refused;
  const found = ports.resolve(exchange);
  return found instanceof Promise ? found.then((target) => take(exchange, target)) : take(exchange, found);
}

/** Says why a caller gets no further than the door, whatever it asks for. */
export function judgeCaller({ principal, path, rules }: Identified, ports: Pick<Ports, 'blocks'>): Refusal | undefined {
  if (ports.blocks.isBlocked('caller', principal.id)) return refuse('caller-blocked');
  if (path.kind === 'all') return undefined;
  const isThere = rules.servers.has(path.server) && mayReachServer(principal, path.server);
  return isThere ? undefined : refuse('unknown-server');
}

function take(exchange: Parsed, target: Target | Refusal): Resolved | Refusal {
  if (isRefusal(target)) return target;
  const resolved = exchange as Filling<Resolved>;
  resolved.target = target;
  return resolved;
}
