/** What is left of a caller's access at the door path through which it came: a view takes away, nothing else does. */
import type { DoorPath, Principal } from '../exchange.ts';
import type { Rules } from '../rules.ts';
import type { Access } from './compile.ts';
import { canReachServer } from './decide.ts';

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

/** Principals as views see them, so that what is kept by principal is found again. */
const placed = new WeakMap<Principal, Map<Access, Principal>>();

/** The same caller with the access that it has at a door path; the same value for the same caller and path. */
export function principalAt(principal: Principal, path: DoorPath, rules: PlaceRules): Principal {
  const access = accessAt(principal.access, path, rules);
  if (access === principal.access) return principal;
  let known = placed.get(principal);
  if (known === undefined) {
    known = new Map();
    placed.set(principal, known);
  }
  let here = known.get(access);
  if (here === undefined) {
    here = { ...principal, access };
    known.set(access, here);
  }
  return here;
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
  for (const server of servers) if (canReachServer(here, server)) return true;
  return false;
}
