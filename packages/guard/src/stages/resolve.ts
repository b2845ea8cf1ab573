/** Finds what the request aims at in the catalog, and opens the sealed handles that came with it. */
import type { Filling, Identified, Parsed, Resolved, Target } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { noteObserved } from '../observed.ts';
import type { Access } from '../policy/compile.ts';
import { mayReachServer } from '../policy/decide.ts';
import { isOpenView } from '../policy/place.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';

/** Names the target, or answers as for a thing that does not exist. */
export function resolve(exchange: Parsed, ports: Ports): Resolved | Refusal | Promise<Resolved | Refusal> {
  // Before anything is looked up, so that a blocked caller learns nothing about what is there.
  const refused = judgeCaller(exchange, ports);
  if (refused !== undefined) return refused;
  if (exchange.rules.observes === true) observeDoor(exchange);
  const found = ports.resolve(exchange);
  return found instanceof Promise ? found.then((target) => take(exchange, target)) : take(exchange, found);
}

/** Says why a caller gets no further than the door, whatever it asks for. */
export function judgeCaller(exchange: Identified, ports: Pick<Ports, 'blocks'>): Refusal | undefined {
  if (ports.blocks.isBlocked('caller', exchange.principal.id)) return refuse('caller-blocked');
  return isThere(exchange, exchange.principal.access) ? undefined : refuse('unknown-server');
}

/** Says whether a door path leads anywhere for whoever has this access. */
function isThere({ principal, path, rules }: Identified, access: Access): boolean {
  if (path.kind === 'all') return true;
  if (path.kind === 'server') return rules.servers.has(path.server) && mayReachServer(access, path.server);
  return isOpenView(path.view, { roles: principal.roles, access }, rules);
}

/** Notes that the rules would not let the caller in here. */
function observeDoor(exchange: Identified): void {
  const { strict } = exchange.principal.access;
  if (strict !== undefined && !isThere(exchange, strict)) noteObserved(exchange, 'resolve', refuse('unknown-server'));
}

function take(exchange: Parsed, target: Target | Refusal): Resolved | Refusal {
  if (isRefusal(target)) return target;
  const resolved = exchange as Filling<Resolved>;
  const { effects } = exchange.rules;
  resolved.target = effects === undefined ? target : effects.assign(target);
  return resolved;
}
