/** The rules of one set of roles, compiled, and the judgement over a target that does not depend on arguments. */
import type { Allowed, Denied, GrantedBy, RuleRef } from './decision.ts';
import type { Denial, Grant, GrantKind, Rate, Role } from './model.ts';
import { compilePattern, matchesPattern, patternCoversPrefix, patternMayMatchPrefix, type Pattern } from './pattern.ts';

/** A positive grant with its pattern. */
export interface CompiledGrant {
  readonly pattern: Pattern;
  readonly by: GrantedBy;
  /** The scopes of its role. */
  readonly scopes: readonly string[];
  readonly rule: RuleRef;
}

/** A subtraction or a denial with its pattern. */
export interface CompiledBar {
  readonly pattern: Pattern;
  readonly rule: RuleRef;
}

/** One of a role's lists. */
export interface CompiledList {
  readonly role: string;
  readonly grants: readonly CompiledGrant[];
  readonly subtractions: readonly CompiledBar[];
}

/** A role, compiled once and shared by every set of roles that holds it. */
export interface CompiledRole {
  readonly role: Role;
  readonly lists: Readonly<Record<GrantKind, CompiledList>>;
  readonly denials: readonly CompiledBar[];
}

/** Everything that judges the callers of one set of roles. */
export interface AccessRules {
  readonly topDenials: readonly CompiledBar[];
  /** The roles that count. */
  readonly roles: readonly CompiledRole[];
  /** Roles that the caller holds too, but whose scopes its token does not carry; only their denials count. */
  readonly withheld: readonly CompiledRole[];
}

/** What can be said about a target without its arguments. */
export interface Judgement {
  /** The decision when no condition holds. */
  readonly settled: Allowed | Denied;
  /** Grants that allow too if their condition holds; empty when a denial forbids the target. */
  readonly conditional: readonly CompiledGrant[];
  /** The grants that allow whatever the arguments are. */
  readonly unconditional: readonly CompiledGrant[];
  /** Grants of withheld roles, which may allow to a token with more scopes; empty when a denial forbids the target. */
  readonly withheld: readonly CompiledGrant[];
}

const NOTHING: readonly CompiledGrant[] = [];

/** Compiles a role; its patterns must have been checked, a faulty one throws. */
export function compileRole(role: Role): CompiledRole {
  return {
    role,
    lists: {
      tools: compileList(role, 'tools'),
      resources: compileList(role, 'resources'),
      prompts: compileList(role, 'prompts'),
    },
    denials: role.deny.map((denial) => compileBar(denial, role.name)),
  };
}

/** Compiles a denial; its pattern must have been checked, a faulty one throws. */
export function compileBar(denial: Denial | Grant, role?: string): CompiledBar {
  const { pattern, origin } = denial;
  return {
    pattern: checkedPattern(pattern),
    rule: role === undefined ? { pattern, origin } : { role, pattern, origin },
  };
}

function compileList(role: Role, kind: GrantKind): CompiledList {
  const grants: CompiledGrant[] = [];
  const subtractions: CompiledBar[] = [];
  const seen = new Map<string, number>();
  for (const grant of role[kind]) {
    const bar = compileBar(grant, role.name);
    if (grant.isSubtraction) {
      subtractions.push(bar);
      continue;
    }
    // The rate is no part of the name, so that a changed rate applies to the bucket that callers already have.
    const name = JSON.stringify([role.name, kind, grant.pattern, grant.condition?.source ?? '']);
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    const limitKey = times === 0 ? name : `${name}#${times}`;
    grants.push({
      pattern: bar.pattern,
      rule: bar.rule,
      scopes: role.scopes ?? [],
      by: { role: role.name, grant, limitKey },
    });
  }
  return { role: role.name, grants, subtractions };
}

function checkedPattern(source: string): Pattern {
  const compiled = compilePattern(source);
  if (compiled.kind === 'fault') throw new TypeError(`pattern ${JSON.stringify(source)}: ${compiled.message}`);
  return compiled;
}

/** Returns the first of `bars` that matches. */
export function findBar(bars: readonly CompiledBar[], key: string): CompiledBar | undefined {
  for (const bar of bars) if (matchesPattern(bar.pattern, key)) return bar;
  return undefined;
}

/**
 * Judges a target as far as that goes without its arguments. Denials of withheld roles count: a token with fewer scopes
 * must never reach more.
 */
export function judge(rules: AccessRules, kind: GrantKind, key: string): Judgement {
  const top = findBar(rules.topDenials, key);
  if (top !== undefined) return denied({ effect: 'deny', because: 'top-deny', rule: top.rule });
  for (const role of [...rules.roles, ...rules.withheld]) {
    const bar = findBar(role.denials, key);
    if (bar !== undefined) return denied({ effect: 'deny', because: 'role-deny', rule: bar.rule });
  }
  const { grants, subtracted } = findGrants(rules.roles, kind, key);
  const withheld = rules.withheld.length === 0 ? NOTHING : findGrants(rules.withheld, kind, key).grants;
  const unconditional = grants.filter((grant) => grant.by.grant.condition === undefined);
  const conditional = grants.filter((grant) => grant.by.grant.condition !== undefined);
  const rest = { conditional, unconditional, withheld };
  if (unconditional.length > 0) return { settled: allow(unconditional), ...rest };
  const first = conditional[0];
  if (first !== undefined) return { settled: { effect: 'deny', because: 'condition', rule: first.rule }, ...rest };
  if (subtracted !== undefined) {
    return { settled: { effect: 'deny', because: 'subtracted', rule: subtracted.rule }, ...rest };
  }
  return { settled: { effect: 'deny', because: 'no-grant' }, ...rest };
}

/** The grants of some roles that name a target and are not taken away again. */
function findGrants(
  roles: readonly CompiledRole[],
  kind: GrantKind,
  key: string,
): { readonly grants: readonly CompiledGrant[]; readonly subtracted: CompiledBar | undefined } {
  const grants: CompiledGrant[] = [];
  let subtracted: CompiledBar | undefined;
  for (const role of roles) {
    const list = role.lists[kind];
    const matching = list.grants.filter((grant) => matchesPattern(grant.pattern, key));
    if (matching.length === 0) continue;
    const bar = findBar(list.subtractions, key);
    if (bar === undefined) grants.push(...matching);
    else subtracted ??= bar;
  }
  return { grants, subtracted };
}

/**
 * Says whether any target whose key begins with `prefix` may be allowed: for URI templates, of which only the beginning
 * is known.
 *
 * @returns false only when no grant can match, or one subtraction or denial takes everything away.
 */
export function mayMatchPrefix(rules: AccessRules, kind: GrantKind, prefix: string): boolean {
  const covers = (bar: CompiledBar): boolean => patternCoversPrefix(bar.pattern, prefix);
  const held = [...rules.roles, ...rules.withheld];
  if (rules.topDenials.some(covers) || held.some((role) => role.denials.some(covers))) return false;
  return rules.roles.some(({ lists: { [kind]: list } }) => {
    if (list.subtractions.some(covers)) return false;
    return list.grants.some((grant) => patternMayMatchPrefix(grant.pattern, prefix));
  });
}

function denied(settled: Denied): Judgement {
  return { settled, conditional: NOTHING, unconditional: NOTHING, withheld: NOTHING };
}

/** Allows by one or more grants, of which the most generous limit counts. */
export function allow(grants: readonly CompiledGrant[]): Allowed {
  let best = grants[0];
  for (const grant of grants) if (best !== undefined && isMoreGenerous(grant, best)) best = grant;
  const limit = best?.by.grant.limit;
  return {
    effect: 'allow',
    grants: grants.map((grant) => grant.by),
    limit,
    limitKey: limit === undefined ? undefined : best?.by.limitKey,
    rule: best?.rule,
  };
}

function isMoreGenerous(one: CompiledGrant, other: CompiledGrant): boolean {
  return compareRates(one.by.grant.limit, other.by.grant.limit) > 0;
}

/**
 * Compares how much two rates let through: first in the long run, then at once.
 *
 * @returns more than 0 when `one` is the more generous; `undefined`, which is no limit, beats every rate.
 */
export function compareRates(one: Rate | undefined, other: Rate | undefined): number {
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
  const sustained = one.tokens * other.perMs - other.tokens * one.perMs;
  return sustained === 0 ? one.burst - other.burst : sustained;
}
