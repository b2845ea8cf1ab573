/** Says why a decision came out as it did, with the line that decided and the smallest change that would allow. */
import type { Access } from './compile.ts';
import { decide, decideCall } from './decide.ts';
import type { PartOutcome } from './cel/trace.ts';
import type { Decision, Denied, RuleRef } from './decision.ts';
import type { CallFacts, KnownFacts } from './facts.ts';
import type { GrantKind, Origin } from './model.ts';
import { matchesPattern } from './pattern.ts';
import type { CompiledBar, CompiledGrant, CompiledRole } from './rules.ts';

/** How a condition of a grant came out; `none` where the grant has none, `unknown` where no facts were given. */
export type ConditionOutcome = 'none' | 'holds' | 'fails' | 'error' | 'unknown';

/** A grant that names the target. */
export interface ExplainedGrant {
  readonly rule: RuleRef;
  readonly condition: ConditionOutcome;
  /** The condition's text, where there is one. */
  readonly source?: string;
  /** How its parts come out, where the call is known. */
  readonly parts?: readonly PartOutcome[];
}

/** What one role says about the target. */
export interface ExplainedRole {
  readonly role: string;
  readonly grants: readonly ExplainedGrant[];
  readonly subtractions: readonly RuleRef[];
  readonly denials: readonly RuleRef[];
  /** Scopes that the caller's token lacks for the role; its denials count all the same. */
  readonly missing: readonly string[];
  /** What the role alone comes to; `silent` when no line of it names the target. */
  readonly verdict: 'allows' | 'silent' | 'subtracts' | 'denies' | 'condition' | 'scopes';
}

/** A change of the configuration, or of the call. */
export interface SuggestedChange {
  readonly action: 'add' | 'remove' | 'meet' | 'carry';
  /** The role whose list changes; absent for the top-level deny list or when the caller has no role. */
  readonly role?: string;
  /** The list that changes, the condition to be met, or the scopes to be carried. */
  readonly list: GrantKind | 'deny' | 'when' | 'scopes';
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

/** What is known of a call; without `args` conditions on arguments stay open. */
export type AskedFacts = KnownFacts & { readonly args?: unknown };

/**
 * Explains a decision by going through every rule of the caller's roles.
 *
 * @param access what the caller's roles add up to.
 * @param kind the kind of target.
 * @param key `server.<name>`.
 * @param facts what conditions look at; left out, conditions stay open and do not allow.
 */
export function explainDecision(access: Access, kind: GrantKind, key: string, facts?: AskedFacts): Explanation {
  const { conditional, withheld } = access.judge(kind, key);
  // Without a condition any arguments will do.
  const needsArgs = [...conditional, ...withheld].some(({ by }) => by.grant.condition !== undefined);
  const call = facts === undefined || (needsArgs && !('args' in facts)) ? undefined : { args: {}, ...facts };
  const decision = call === undefined ? decide(access, kind, key) : decideCall(access, kind, key, call);
  const topDenials = matchingBars(access.rules.topDenials, key);
  const explainRole = (role: CompiledRole, isWithheld: boolean): ExplainedRole => {
    const list = role.lists[kind];
    const grants = list.grants
      .filter((grant) => matchesPattern(grant.pattern, key))
      .map((grant) => explainGrant(grant, facts, call));
    const subtractions = matchingBars(list.subtractions, key);
    const denials = matchingBars(role.denials, key);
    const carried = facts?.caller.scopes ?? access.scopes;
    const missing = isWithheld ? (role.role.scopes ?? []).filter((scope) => carried?.includes(scope) !== true) : [];
    const verdict = verdictOf(grants, subtractions, denials, missing);
    return { role: role.role.name, grants, subtractions, denials, missing, verdict };
  };
  const roles = [
    ...access.rules.roles.map((role) => explainRole(role, false)),
    ...access.rules.withheld.map((role) => explainRole(role, true)),
  ].sort((one, other) => (one.role < other.role ? -1 : 1));
  const changes = decision.effect === 'allow' ? [] : suggestChanges(access, kind, key, decision, topDenials, roles);
  return { kind, key, decision, topDenials, roles, changes };
}

function matchingBars(bars: readonly CompiledBar[], key: string): readonly RuleRef[] {
  return bars.filter((bar) => matchesPattern(bar.pattern, key)).map((bar) => bar.rule);
}

function explainGrant(
  grant: CompiledGrant,
  facts: AskedFacts | undefined,
  call: CallFacts | undefined,
): ExplainedGrant {
  const { condition } = grant.by.grant;
  const { rule } = grant;
  if (condition === undefined) return { rule, condition: 'none' };
  const { source } = condition;
  if (call === undefined) {
    const isOpen = facts === undefined || condition.canHold?.(facts) !== false;
    return { rule, condition: isOpen ? 'unknown' : 'fails', source };
  }
  const parts = condition.explain?.(call);
  const more = parts === undefined ? { source } : { source, parts };
  try {
    const outcome = condition.evaluate(call);
    return { rule, condition: outcome === true ? 'holds' : outcome === false ? 'fails' : 'error', ...more };
  } catch {
    return { rule, condition: 'error', ...more };
  }
}

function allows(grant: ExplainedGrant): boolean {
  return grant.condition === 'none' || grant.condition === 'holds';
}

function verdictOf(
  grants: readonly ExplainedGrant[],
  subtractions: readonly RuleRef[],
  denials: readonly RuleRef[],
  missing: readonly string[],
): ExplainedRole['verdict'] {
  if (denials.length > 0) return 'denies';
  if (grants.length === 0) return 'silent';
  if (subtractions.length > 0) return 'subtracts';
  if (missing.length > 0) return 'scopes';
  return grants.some(allows) ? 'allows' : 'condition';
}

function suggestChanges(
  access: Access,
  kind: GrantKind,
  key: string,
  decision: Denied,
  topDenials: readonly RuleRef[],
  roles: readonly ExplainedRole[],
): readonly SuggestedChange[] {
  if (decision.scopes !== undefined) return [carrying(decision.scopes, access, decision.rule)];
  const changes = [...topDenials, ...roles.flatMap((role) => role.denials)].map((rule) => removal(rule, 'deny'));
  const isGranted = roles.some(
    (role) => role.missing.length === 0 && role.subtractions.length === 0 && role.grants.some(allows),
  );
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
  const open = roles
    .filter((role) => role.subtractions.length === 0)
    .flatMap((role) => role.grants.map((grant) => ({ grant, missing: role.missing })))
    .toSorted(
      (one, other) => distanceOf(one.grant) - distanceOf(other.grant) || one.missing.length - other.missing.length,
    )[0];
  if (open !== undefined) {
    const { grant, missing } = open;
    const carry = missing.length === 0 ? [] : [carrying(scopesOf(access, grant.rule), access, grant.rule)];
    return [...carry, ...(allows(grant) ? [] : meetings(grant))];
  }
  const byFewest = roles.toSorted((one, other) => one.subtractions.length - other.subtractions.length);
  const silent = byFewest.find((role) => role.subtractions.length === 0);
  if (silent !== undefined) return [addition(access, kind, key, silent.role)];
  const subtracting = byFewest[0];
  if (subtracting === undefined) return [additionWithoutRole(kind, key)];
  const removals = subtracting.subtractions.map((rule) => removal(rule, kind));
  if (subtracting.grants.length === 0) return [...removals, addition(access, kind, key, subtracting.role)];
  const grant = subtracting.grants.find(allows) ?? subtracting.grants[0];
  return grant === undefined || allows(grant) ? removals : [...removals, ...meetings(grant)];
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

function scopesOf({ rules }: Access, { role: name }: RuleRef): readonly string[] {
  return [...rules.roles, ...rules.withheld].find(({ role }) => role.name === name)?.role.scopes ?? [];
}

/** How many parts of a grant's condition would have to come out otherwise. */
function distanceOf({ condition, parts }: ExplainedGrant): number {
  if (condition === 'none' || condition === 'holds') return 0;
  return Math.max(1, (parts ?? []).filter(({ outcome }) => outcome !== 'holds').length);
}

/** Longest value that an explanation repeats, characters of JSON. */
const LONGEST_VALUE = 120;

/** What of a condition would have to come out otherwise, part by part where the call is known. */
function meetings(grant: ExplainedGrant): readonly SuggestedChange[] {
  const open = (grant.parts ?? []).filter(({ outcome }) => outcome !== 'holds');
  if (open.length === 0) return [meeting(grant, `send arguments for which ${oneLine(grant.source ?? '')} is true`)];
  return open.map((part) => {
    const looks = part.values
      .filter(({ name }) => part.text.includes(name))
      .map(({ name, value }) => `${name} is ${shorten(JSON.stringify(value) ?? 'nothing')}`);
    const why = part.outcome === 'error' ? [...looks, part.fault ?? ''] : looks;
    const now = why.length === 0 ? '' : ` (now ${why.join(', ')})`;
    const isAboutCaller = !part.text.includes('args');
    const wish = isAboutCaller ? 'call as somebody for whom' : 'send arguments for which';
    return meeting(grant, `${wish} ${oneLine(part.text)} is true${now}`);
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function shorten(text: string): string {
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}

function meeting({ rule }: ExplainedGrant, wish: string): SuggestedChange {
  const text = `${wish}, or change that condition (${place(rule.origin)})`;
  const change = { action: 'meet', list: 'when', pattern: rule.pattern, origin: rule.origin, text } as const;
  return rule.role === undefined ? change : { ...change, role: rule.role };
}

function carrying(scopes: readonly string[], access: Access, rule: RuleRef | undefined): SuggestedChange {
  const missing = scopes.filter((scope) => access.scopes?.includes(scope) !== true);
  const where =
    rule === undefined ? '' : ` (${rule.role === undefined ? '' : `role ${rule.role}, `}${place(rule.origin)})`;
  const more = missing.length === 0 || missing.length === scopes.length ? '' : `; it lacks ${missing.join(' ')}`;
  const text = `ask for a token with the scopes ${scopes.join(' ')}${more}${where}`;
  const change = { action: 'carry', list: 'scopes', pattern: scopes.join(' '), text } as const;
  if (rule === undefined) return change;
  return { ...change, origin: rule.origin, ...(rule.role === undefined ? {} : { role: rule.role }) };
}

/** Writes a key as the pattern that matches it and nothing else. */
export function exactPattern(key: string): string {
  return key.replaceAll('\\', '\\\\').replaceAll('*', '\\*');
}

function addition(access: Access, kind: GrantKind, key: string, name: string): SuggestedChange {
  const pattern = exactPattern(key);
  const role = [...access.rules.roles, ...access.rules.withheld].find((compiled) => compiled.role.name === name)?.role;
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
