/** The one decision function: lists, calls and explanations all come from it (design §2, §4.1). */
import type { Access } from './compile.ts';
import type { Decision } from './decision.ts';
import type { GrantKind } from './model.ts';
import { allow, type CompiledGrant } from './rules.ts';

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
  const { settled, conditional, unconditional } = access.judge(kind, key);
  if (conditional.length === 0) return settled;
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
  return thrown === undefined || settled.effect === 'allow' ? settled : { ...settled, cause: thrown.cause };
}

const grantKinds = ['tools', 'resources', 'prompts'] as const;

/**
 * Says whether anything of a server may be allowed; where nothing may, the server does not exist for the caller.
 *
 * @param access what the caller's roles add up to.
 * @param server the server's name.
 */
export function canReachServer(access: Access, server: string): boolean {
  let known = reached.get(access);
  if (known === undefined) {
    known = new Map();
    reached.set(access, known);
  }
  let isReached = known.get(server);
  if (isReached === undefined) {
    isReached = grantKinds.some((kind) => access.mayMatchPrefix(kind, `${server}.`));
    known.set(server, isReached);
  }
  return isReached;
}

/** Answers kept for as long as the access lives; only names of configured servers are asked about. */
const reached = new WeakMap<Access, Map<string, boolean>>();

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
