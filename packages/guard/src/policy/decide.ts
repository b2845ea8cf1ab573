/** The one decision function: lists, calls and explanations all come from it (design §2, §4.1). */
import type { Principal, Target } from '../exchange.ts';
import { canonicalJson } from '../inspect/canonical.ts';
import type { Access, Policy } from './compile.ts';
import type { Decision, Denied } from './decision.ts';
import { callerFacts, targetFacts, type CallFacts } from './facts.ts';
import type { GrantKind } from './model.ts';
import { allow, mayMatchPrefix, type CompiledGrant, type Judgement } from './rules.ts';

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
export function decideCall(access: Access, kind: GrantKind, key: string, facts: CallFacts): Decision {
  return settle(access, access.judge(kind, key), facts);
}

/** Who asks, as far as policy cares. */
export type Asker = Pick<Principal, 'id' | 'kind' | 'roles' | 'access' | 'agent' | 'scopes' | 'claims'>;

/**
 * Returns a caller under a policy, which may be newer than the one that it came in under.
 *
 * @param policy the rules in force.
 * @param caller who asks.
 */
export function askerUnder(policy: Policy, caller: Omit<Asker, 'access'>): Asker {
  return { ...caller, access: policy.access(caller.roles, caller.scopes) };
}

/** What is asked for, as far as policy cares. */
export type Asked = Pick<Target, 'kind' | 'name' | 'key' | 'upstream' | 'effect'>;

/**
 * Decides about one call of a caller; the facts are gathered only where a condition wants them.
 *
 * @param principal who asks.
 * @param kind the kind of target.
 * @param target what is asked for.
 * @param args the arguments of the call; for a resource `{ uri }`.
 */
export function decideFor(principal: Asker, kind: GrantKind, target: Asked, args: unknown): Decision {
  const { access } = principal;
  const judgement = access.judge(kind, target.key);
  if (isSettled(judgement)) return judgement.settled;
  return settle(access, judgement, { args, caller: callerFacts(principal), target: targetFacts(target) });
}

/** True where neither a condition nor a scope can change the answer. */
function isSettled({ settled, conditional, withheld }: Judgement): boolean {
  return conditional.length === 0 && (withheld.length === 0 || settled.effect === 'allow');
}

function settle(access: Access, judgement: Judgement, facts: CallFacts): Decision {
  if (isSettled(judgement)) return judgement.settled;
  const { settled, conditional, unconditional, withheld } = judgement;
  const holding: CompiledGrant[] = [...unconditional];
  let cause: unknown;
  for (const grant of conditional) {
    const outcome = outcomeOf(grant, facts);
    if (outcome === true) holding.push(grant);
    else if (outcome instanceof Error) cause ??= outcome;
  }
  if (holding.length > 0) return allow(holding);
  const step = findStepUp([...conditional, ...withheld], facts, access.scopes);
  if (step !== undefined) return step;
  return cause === undefined || settled.effect === 'allow' ? settled : { ...settled, cause };
}

function outcomeOf({ by: { grant } }: CompiledGrant, facts: CallFacts): unknown {
  if (grant.condition === undefined) return true;
  try {
    return grant.condition.evaluate(facts);
  } catch (cause) {
    return cause instanceof Error ? cause : new Error('the condition failed', { cause });
  }
}

/**
 * The grant that would allow the call to a token with the fewest further scopes; all that it needs are named. A grant
 * needs the scopes of its role, and those that its condition asks for in so many words.
 */
function findStepUp(
  grants: readonly CompiledGrant[],
  facts: CallFacts,
  carried: readonly string[] | undefined,
): Denied | undefined {
  const present = facts.caller.scopes ?? carried;
  // Keys and certificates know no scopes, so nobody could ask for more.
  if (present === undefined) return undefined;
  let best: { readonly grant: CompiledGrant; readonly scopes: readonly string[] } | undefined;
  let fewest = Infinity;
  for (const grant of grants) {
    const scopes = [...new Set([...grant.scopes, ...(grant.by.grant.condition?.scopes ?? [])])];
    const missing = scopes.filter((scope) => !present.includes(scope));
    if (missing.length === 0 || missing.length >= fewest) continue;
    const caller = { ...facts.caller, scopes: [...present, ...missing] };
    if (outcomeOf(grant, { ...facts, caller }) !== true) continue;
    best = { grant, scopes };
    fewest = missing.length;
  }
  return best && { effect: 'deny', because: 'scopes', rule: best.grant.rule, scopes: best.scopes };
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
      isWithheld:
        rules.withheld.length > 0 &&
        grantKinds.some((kind) => access.isWithin?.(kind, prefix) !== false && mayMatchPrefix(withheld, kind, prefix)),
    };
    known.set(server, reach);
  }
  return reach;
}

/**
 * Says whether a target is shown to holders of these roles when nothing is known of the caller: exactly when some call of
 * it can be allowed to one of them.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 */
export function canList(access: Access, kind: GrantKind, key: string): boolean {
  const { settled, conditional } = access.judge(kind, key);
  return settled.effect === 'allow' || conditional.length > 0;
}

/**
 * Says whether a target is shown to a caller: exactly when some call of it by this caller can be allowed, as far as that
 * can be decided before the arguments are known.
 *
 * @param principal who looks.
 * @param kind the kind of target.
 * @param target what is looked at. What a resource is read with is known: its URI.
 */
export function canSee(principal: Asker, kind: GrantKind, target: Asked): boolean {
  const { settled, conditional } = principal.access.judge(kind, target.key);
  if (settled.effect === 'allow') return true;
  if (conditional.length === 0) return false;
  const known = { caller: callerFacts(principal), target: targetFacts(target) };
  if (kind === 'resources') {
    const facts = { ...known, args: { uri: target.name } };
    return conditional.some((grant) => outcomeOf(grant, facts) === true);
  }
  return conditional.some(({ by: { grant } }) => grant.condition?.canHold?.(known) !== false);
}

/**
 * Says whether a template is shown to a caller: whether some target whose key begins with `prefix` may be allowed.
 *
 * @param principal who looks.
 * @param kind the kind of target.
 * @param prefix what the keys begin with.
 * @param target the template.
 */
export function canSeePrefix(principal: Asker, kind: GrantKind, prefix: string, target: Asked): boolean {
  const { access } = principal;
  if (!access.mayMatchPrefix(kind, prefix)) return false;
  if (!access.isConditional) return true;
  const known = { caller: callerFacts(principal), target: targetFacts(target) };
  // What the template's targets are called is not known yet.
  return mayMatchPrefix(access.rules, kind, prefix, (condition) => {
    return condition.usesTarget === true || condition.canHold?.(known) !== false;
  });
}

/**
 * The arguments that this caller can give a few values only, because every grant that could allow its call says so.
 *
 * @param principal who would call.
 * @param kind the kind of target.
 * @param target what would be called.
 * @returns `undefined` where nothing is fixed, which is nearly always.
 */
export function fixedArguments(
  principal: Asker,
  kind: GrantKind,
  target: Asked,
): ReadonlyMap<string, readonly unknown[]> | undefined {
  const { conditional, unconditional } = principal.access.judge(kind, target.key);
  if (conditional.length === 0 || unconditional.length > 0) return undefined;
  const known = { caller: callerFacts(principal), target: targetFacts(target) };
  let joined: Map<string, readonly unknown[]> | undefined;
  for (const { by } of conditional) {
    const { condition } = by.grant;
    if (condition?.canHold?.(known) === false) continue;
    const choices = condition?.choices?.(known);
    if (choices === undefined || choices.size === 0) return undefined;
    joined = joined === undefined ? new Map(choices) : joinChoices(joined, choices);
  }
  return joined === undefined || joined.size === 0 ? undefined : joined;
}

function joinChoices(
  one: ReadonlyMap<string, readonly unknown[]>,
  other: ReadonlyMap<string, readonly unknown[]>,
): Map<string, readonly unknown[]> {
  const joined = new Map<string, readonly unknown[]>();
  for (const [name, values] of one) {
    const more = other.get(name);
    if (more === undefined) continue;
    const byText = new Map([...values, ...more].map((value) => [canonicalJson(value), value]));
    joined.set(name, [...byText.values()]);
  }
  return joined;
}
