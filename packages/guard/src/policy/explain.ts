/** Says why a decision came out as it did, with the line that decided and the smallest change that would allow. */
import type { Access } from './compile.ts';
import { decide, decideCall } from './decide.ts';
import type { Decision, RuleRef } from './decision.ts';
import type { GrantKind, Origin } from './model.ts';
import { matchesPattern } from './pattern.ts';
import type { CompiledBar, CompiledGrant } from './rules.ts';

/** How a condition of a grant came out; `none` where the grant has none, `unknown` where no facts were given. */
export type ConditionOutcome = 'none' | 'holds' | 'fails' | 'error' | 'unknown';

/** A grant that names the target. */
export interface ExplainedGrant {
  readonly rule: RuleRef;
  readonly condition: ConditionOutcome;
  /** The condition's text, where there is one. */
  readonly source?: string;
}

/** What one role says about the target. */
export interface ExplainedRole {
  readonly role: string;
  readonly grants: readonly ExplainedGrant[];
  readonly subtractions: readonly RuleRef[];
  readonly denials: readonly RuleRef[];
  /** What the role alone comes to; `silent` when no line of it names the target. */
  readonly verdict: 'allows' | 'silent' | 'subtracts' | 'denies' | 'condition';
}

/** A change of the configuration. */
export interface SuggestedChange {
  readonly action: 'add' | 'remove' | 'meet';
  /** The role whose list changes; absent for the top-level deny list or when the caller has no role. */
  readonly role?: string;
  /** The list that changes, or the condition to be met. */
  readonly list: GrantKind | 'deny' | 'when';
  readonly pattern: string;
  /** Where to make the change; absent when the caller has no role. */
  readonly origin?: Origin;
  /** The change in words, with file and line. */
  readonly text: string;
}

/** Everything that bears on one decision. */
export interface Explanation {
  readonly kind: GrantKind;
  readonly key: string;
  readonly decision: Decision;
  /** Every matching line of the top-level deny list. */
  readonly topDenials: readonly RuleRef[];
  /** The caller's roles, sorted by name. */
  readonly roles: readonly ExplainedRole[];
  /** What would have to change, all of it, for the call to be allowed; empty when it is. */
  readonly changes: readonly SuggestedChange[];
}

/**
 * Explains a decision by going through every rule of the caller's roles.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 * @param facts what conditions look at; left out, conditions stay open and do not allow.
 */
export function explainDecision(
  access: Access,
  kind: GrantKind,
  key: string,
  facts?: { readonly value: unknown },
): Explanation {
  const decision = facts === undefined ? decide(access, kind, key) : decideCall(access, kind, key, facts.value);
  const topDenials = matchingBars(access.rules.topDenials, key);
  const roles = access.rules.roles.map((role): ExplainedRole => {
    const list = role.lists[kind];
    const grants = list.grants
      .filter((grant) => matchesPattern(grant.pattern, key))
      .map((grant) => explainGrant(grant, facts));
    const subtractions = matchingBars(list.subtractions, key);
    const denials = matchingBars(role.denials, key);
    return { role: role.role.name, grants, subtractions, denials, verdict: verdictOf(grants, subtractions, denials) };
  });
  const changes = decision.effect === 'allow' ? [] : suggestChanges(access, kind, key, topDenials, roles);
  return { kind, key, decision, topDenials, roles, changes };
}

function matchingBars(bars: readonly CompiledBar[], key: string): readonly RuleRef[] {
  return bars.filter((bar) => matchesPattern(bar.pattern, key)).map((bar) => bar.rule);
}

function explainGrant(grant: CompiledGrant, facts: { readonly value: unknown } | undefined): ExplainedGrant {
  const { condition } = grant.by.grant;
  if (condition === undefined) return { rule: grant.rule, condition: 'none' };
  const { source } = condition;
  if (facts === undefined) return { rule: grant.rule, condition: 'unknown', source };
  try {
    return { rule: grant.rule, condition: condition.evaluate(facts.value) === true ? 'holds' : 'fails', source };
  } catch {
    return { rule: grant.rule, condition: 'error', source };
  }
}

function allows(grant: ExplainedGrant): boolean {
  return grant.condition === 'none' || grant.condition === 'holds';
}

function verdictOf(
  grants: readonly ExplainedGrant[],
  subtractions: readonly RuleRef[],
  denials: readonly RuleRef[],
): ExplainedRole['verdict'] {
  if (denials.length > 0) return 'denies';
  if (grants.length === 0) return 'silent';
  if (subtractions.length > 0) return 'subtracts';
  return grants.some(allows) ? 'allows' : 'condition';
}

function suggestChanges(
  access: Access,
  kind: GrantKind,
  key: string,
  topDenials: readonly RuleRef[],
  roles: readonly ExplainedRole[],
): readonly SuggestedChange[] {
  const changes = [...topDenials, ...roles.flatMap((role) => role.denials)].map((rule) => removal(rule, 'deny'));
  const isGranted = roles.some((role) => role.subtractions.length === 0 && role.grants.some(allows));
  if (isGranted) return changes;
  return [...changes, ...cheapestGrant(access, kind, key, roles)];
}

/** The fewest edits that make one role allow: meet a condition, take out subtractions, or add a line. */
function cheapestGrant(
  access: Access,
  kind: GrantKind,
  key: string,
  roles: readonly ExplainedRole[],
): readonly SuggestedChange[] {
  const conditional = roles.find((role) => role.grants.length > 0 && role.subtractions.length === 0);
  const open = conditional?.grants[0];
  if (open !== undefined) return [meeting(open)];
  const byFewest = roles.toSorted((one, other) => one.subtractions.length - other.subtractions.length);
  const silent = byFewest.find((role) => role.subtractions.length === 0);
  if (silent !== undefined) return [addition(access, kind, key, silent.role)];
  const subtracting = byFewest[0];
  if (subtracting === undefined) return [additionWithoutRole(kind, key)];
  const removals = subtracting.subtractions.map((rule) => removal(rule, kind));
  if (subtracting.grants.length === 0) return [...removals, addition(access, kind, key, subtracting.role)];
  const grant = subtracting.grants.find(allows) ?? subtracting.grants[0];
  return grant === undefined || allows(grant) ? removals : [...removals, meeting(grant)];
}

function place(origin: Origin): string {
  return `${origin.file}:${origin.line}:${origin.column}`;
}

function removal(rule: RuleRef, list: GrantKind | 'deny'): SuggestedChange {
  const mark = list === 'deny' ? '' : '!';
  const owner = rule.role === undefined ? 'the top-level deny list' : `${list} of role ${rule.role}`;
  const text = `remove '${mark}${rule.pattern}' from ${owner} (${place(rule.origin)})`;
  const change = { action: 'remove', list, pattern: rule.pattern, origin: rule.origin, text } as const;
  return rule.role === undefined ? change : { ...change, role: rule.role };
}

function meeting(grant: ExplainedGrant): SuggestedChange {
  const { rule } = grant;
  const text = `send arguments for which ${grant.source ?? ''} is true, or remove that condition (${place(rule.origin)})`;
  const change = { action: 'meet', list: 'when', pattern: rule.pattern, origin: rule.origin, text } as const;
  return rule.role === undefined ? change : { ...change, role: rule.role };
}

/** Writes a key as the pattern that matches it and nothing else. */
export function exactPattern(key: string): string {
  return key.replaceAll('\\', '\\\\').replaceAll('*', '\\*');
}

function addition(access: Access, kind: GrantKind, key: string, name: string): SuggestedChange {
  const pattern = exactPattern(key);
  const role = access.rules.roles.find((compiled) => compiled.role.name === name)?.role;
  const origin = role === undefined ? undefined : (role[kind].at(-1)?.origin ?? role.origin);
  const where = origin === undefined ? '' : ` (${place(origin)})`;
  const text = `add '${pattern}' to ${kind} of role ${name}${where}`;
  const change = { action: 'add', role: name, list: kind, pattern, text } as const;
  return origin === undefined ? change : { ...change, origin };
}

function additionWithoutRole(kind: GrantKind, key: string): SuggestedChange {
  const pattern = exactPattern(key);
  return {
    action: 'add',
    list: kind,
    pattern,
    text: `give the caller a role whose ${kind} list '${pattern}'; it has none that this policy knows`,
  };
}
