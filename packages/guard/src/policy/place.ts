/** What is left of a caller's access at the door path through which it came: a view takes away, nothing else does. */
import type { DoorPath, Principal } from '../exchange.ts';
import type { Rules } from '../rules.ts';
import type { Access } from './compile.ts';
import { askerUnder, mayReachServer, type Asker } from './decide.ts';

/** The part of the rules that door paths are about. */
type PlaceRules = Pick<Rules, 'servers' | 'views'>;

/**
 * What an access comes to at a door path; the same value for the same access and path.
 *
 * @param access what the caller's roles add up to.
 * @param path where it came in. At a view that is not there (any more) the access is returned as it is: the path is
 *   refused as a whole.
 */
export function accessAt(access: Access, path: DoorPath, { views }: PlaceRules): Access {
  return path.kind === 'view' ? (views?.get(path.view)?.narrow(access) ?? access) : access;
}

/**
 * A caller under the rules in force, which may be newer than those that it came in under, at a door path.
 *
 * @param rules the rules in force.
 * @param path where it came in.
 * @param caller who asks.
 */
export function askerAt(rules: Rules, path: DoorPath, caller: Omit<Asker, 'access'>): Asker {
  const asker = askerUnder(rules.policy, caller);
  const access = accessAt(asker.access, path, rules);
  return access === asker.access ? asker : { ...asker, access };
}

/** Principals by the accesses that they are seen with, so that what is kept by principal is found again. */
const seen = new WeakMap<Principal, Map<Access, Principal>>();

/** The same caller with another access; the same value for the same two. */
function withAccess(principal: Principal, access: Access): Principal {
  if (access === principal.access) return principal;
  let known = seen.get(principal);
  if (known === undefined) {
    known = new Map();
    seen.set(principal, known);
  }
  let made = known.get(access);
  if (made === undefined) {
    made = { ...principal, access };
    known.set(access, made);
  }
  return made;
}

/** The same caller as the rules see it where policy is only observed. */
export function strictly(principal: Principal): Principal {
  return withAccess(principal, principal.access.strict ?? principal.access);
}

/** The same caller with the access that it has at a door path; the same value for the same caller and path. */
export function principalAt(principal: Principal, path: DoorPath, rules: PlaceRules): Principal {
  return withAccess(principal, accessAt(principal.access, path, rules));
}

/**
 * Says whether a view is there for a caller: it is among its roles', and something in it may be allowed.
 *
 * @param caller roles, and the access that they add up to, narrowed or not.
 */
export function isOpenView(
  name: string,
  { roles, access }: Pick<Principal, 'roles' | 'access'>,
  { servers, views }: PlaceRules,
): boolean {
  const view = views?.get(name);
  // Who a view is for is policy, which may only be observed.
  if (view === undefined || (access.strict === undefined && !view.isFor(roles))) return false;
  const here = view.narrow(access);
  for (const server of servers) if (mayReachServer(here, server)) return true;
  return false;
}
