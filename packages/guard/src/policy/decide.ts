/** The one decision function: lists, calls and explanations all come from it (design §2, §4.1). */
import type { Access } from './compile.ts';
import type { Decision, Denied } from './decision.ts';
import type { GrantKind } from './model.ts';
import { allow, mayMatchPrefix, type CompiledGrant } from './rules.ts';

/**
 * Decides about a target without knowing arguments: a grant with a condition does not allow.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 */
export function decide(access: Access, kind: GrantKind, key: string): Decision {
  return access.judge(kind, key).settled;
}

/**
 * Decides about one call.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 * @param facts what conditions may look at. A condition allows by returning `true` and by nothing else; one that
 *   throws does not allow.
 */
export function decideCall(access: Access, kind: GrantKind, key: string, facts: unknown): Decision {
  const { settled, conditional, unconditional, withheld } = access.judge(kind, key);
  if (conditional.length === 0 && (withheld.length === 0 || settled.effect === 'allow')) return settled;
  const holding: CompiledGrant[] = [...unconditional];
  let thrown: { readonly cause: unknown } | undefined;
  for (const grant of conditional) {
    try {
      if (grant.by.grant.condition?.evaluate(facts) === true) holding.push(grant);
    } catch (cause) {
      thrown ??= { cause };
    }
  }
  if (holding.length > 0) return allow(holding);
  const step = stepUp(access, withheld, facts);
  if (step !== undefined) return step;
  return thrown === undefined || settled.effect === 'allow' ? settled : { ...settled, cause: thrown.cause };
}

/** The role that would allow the call to a token with the fewest further scopes; all that it needs are named. */
function stepUp(access: Access, withheld: readonly CompiledGrant[], facts: unknown): Denied | undefined {
  let best: CompiledGrant | undefined;
  let fewest = Infinity;
  for (const grant of withheld) {
    const missing = grant.scopes.filter((scope) => access.scopes?.includes(scope) !== true).length;
    if (missing >= fewest || !holds(grant, facts)) continue;
    best = grant;
    fewest = missing;
  }
  return best && { effect: 'deny', because: 'scopes', rule: best.rule, scopes: best.scopes };
}

function holds({ by: { grant } }: CompiledGrant, facts: unknown): boolean {
  if (grant.condition === undefined) return true;
  try {
    return grant.condition.evaluate(facts) === true;
  } catch {
    return false;
  }
}

const grantKinds = ['tools', 'resources', 'prompts'] as const;

/**
 * Says whether anything of a server may be allowed; where nothing may, the server does not exist for the caller.
 *
 * @param access what the caller's roles add up to.
 * @param server the server's name.
 */
export function canReachServer(access: Access, server: string): boolean {
  return reachOf(access, server).isReached;
}

/**
 * Says whether anything of a server may be allowed to this caller, be it with more scopes: there has to be somebody who
 * can ask for them.
 *
 * @param access what the caller's roles add up to.
 * @param server the server's name.
 */
export function mayReachServer(access: Access, server: string): boolean {
  const { isReached, isWithheld } = reachOf(access, server);
  return isReached || isWithheld;
}

interface Reach {
  readonly isReached: boolean;
  /** True where a role reaches it whose scopes the token does not carry. */
  readonly isWithheld: boolean;
}

/** Answers kept for as long as the access lives; only names of configured servers are asked about. */
const reached = new WeakMap<Access, Map<string, Reach>>();

function reachOf(access: Access, server: string): Reach {
  let known = reached.get(access);
  if (known === undefined) {
    known = new Map();
    reached.set(access, known);
  }
  let reach = known.get(server);
  if (reach === undefined) {
    const prefix = `${server}.`;
    const { rules } = access;
    const withheld = { ...rules, roles: rules.withheld, withheld: rules.roles };
    reach = {
      isReached: grantKinds.some((kind) => access.mayMatchPrefix(kind, prefix)),
      isWithheld: rules.withheld.length > 0 && grantKinds.some((kind) => mayMatchPrefix(withheld, kind, prefix)),
    };
    known.set(server, reach);
  }
  return reach;
}

/**
 * Says whether a target is shown in lists: exactly when some call of it can be allowed.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 */
export function canList(access: Access, kind: GrantKind, key: string): boolean {
  const { settled, conditional } = access.judge(kind, key);
  return settled.effect === 'allow' || conditional.length > 0;
}
