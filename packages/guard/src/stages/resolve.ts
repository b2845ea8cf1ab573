/** Finds what the request aims at in the catalog, and opens the sealed handles that came with it. */
import type { Filling, Parsed, Resolved, Target } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { canReachServer } from '../policy/decide.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';

/** Names the target, or answers as for a thing that does not exist. */
export function resolve(exchange: Parsed, ports: Ports): Resolved | Refusal | Promise<Resolved | Refusal> {
  // Before anything is looked up, so that a blocked caller learns nothing about what is there.
  if (ports.blocks.isBlocked('caller', exchange.principal.id)) return refuse('caller-blocked');
  const { path } = exchange;
  const { access } = exchange.principal;
  if (path.kind === 'server' && !(exchange.rules.servers.has(path.server) && canReachServer(access, path.server))) {
    return refuse('unknown-server');
  }
  const found = ports.resolve(exchange);
  return found instanceof Promise ? found.then((target) => take(exchange, target)) : take(exchange, found);
}

function take(exchange: Parsed, target: Target | Refusal): Resolved | Refusal {
  if (isRefusal(target)) return target;
  const resolved = exchange as Filling<Resolved>;
  resolved.target = target;
  return resolved;
}
