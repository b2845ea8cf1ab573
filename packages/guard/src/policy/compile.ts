/** Turns a policy model into a policy that answers in the time of one map look-up (design §4.1, §7). */
import { definitionDigest } from '../inspect/canonical.ts';
import { createJudgementStore, type JudgementStore } from './judgements.ts';
import { createMemo } from './memo.ts';
import type { GrantKind, Origin, PolicyModel, Rate, Role } from './model.ts';
import { compilePattern } from './pattern.ts';
import {
  compareRates,
  compileBar,
  compileRole,
  judge,
  mayMatchPrefix,
  type AccessRules,
  type CompiledRole,
  type Judgement,
} from './rules.ts';

export type { Decision } from './decision.ts';

/** All rules in force at one moment, ready to judge. */
export interface Policy {
  /** Changes when the rules do. */
  readonly epoch: string | number;
  /** The roles by name. */
  readonly roles: ReadonlyMap<string, Role>;
  /**
   * Returns what a set of roles adds up to; the same value for the same set.
   *
   * @param roles names in any order; one that the policy does not know grants nothing and forbids nothing.
   * @param scopes what the caller's token carries: a role that asks for more grants nothing. Left out for credentials
   *   that know no scopes, of which none are asked.
   */
  access(roles: readonly string[], scopes?: readonly string[]): Access;
}

/** What one set of roles may reach. */
export interface Access {
  /** Names the set of roles, and which of them count. */
  readonly key: string;
  /** The names that the policy knows and that count, sorted. */
  readonly roles: readonly string[];
  /** Those of the token's scopes that a role asks for, sorted; absent for credentials that know no scopes. */
  readonly scopes: readonly string[] | undefined;
  /**
   * The caller's own limit: the most generous of the roles' that count, or of all where none does; `undefined` when one
   * of them has none.
   */
  readonly limit: Rate | undefined;
  /** The rules behind it, for explanations. */
  readonly rules: AccessRules;
  /** What the rules come to where policy is only observed; absent where it is enforced. */
  readonly strict?: Access;
  /** What a view lists, where the access is that of a view; in all else it says what the roles say. */
  readonly isWithin?: (kind: GrantKind, prefix: string) => boolean;
  /** True when a grant has a condition. */
  readonly isConditional: boolean;
  /** True when a condition looks at the caller, so that callers of these roles may see different lists. */
  readonly isPersonal: boolean;
  /** Judges a target without its arguments; the answer is kept. */
  judge(kind: GrantKind, key: string): Judgement;
  /** Says whether any target whose key begins with `prefix` may be allowed. */
  mayMatchPrefix(kind: GrantKind, prefix: string): boolean;
}

/** Why a model cannot be compiled. */
export interface PolicyFault {
  readonly origin: Origin;
  /** The pattern at fault; absent when a role is defined twice. */
  readonly pattern?: string;
  /** Offset in the pattern, from 0. */
  readonly offset: number;
  readonly message: string;
}

/** How a policy is compiled. */
export interface PolicyOptions {
  /** Default: a digest of the model, without its conditions' code. */
  readonly epoch?: string | number;
  /** Judgements kept at once, over all sets of roles; default 100,000. */
  readonly judgements?: number;
}

/** Sets of roles kept at once, so that tokens with ever new mixtures of roles cannot fill the memory. */
const KEPT_ACCESSES = 1024;

/** Lists everything that keeps a model from being compiled: patterns with faults and roles defined twice. */
export function findPolicyFaults(model: PolicyModel): readonly PolicyFault[] {
  const faults: PolicyFault[] = [];
  const names = new Set<string>();
  const check = (rule: { readonly pattern: string; readonly origin: Origin }): void => {
    const compiled = compilePattern(rule.pattern);
    if (compiled.kind === 'pattern') return;
    faults.push({ origin: rule.origin, pattern: rule.pattern, offset: compiled.offset, message: compiled.message });
  };
  for (const denial of model.deny) check(denial);
  for (const role of model.roles) {
    if (names.has(role.name)) {
      faults.push({ origin: role.origin, offset: 0, message: `role "${role.name}" is defined twice` });
    }
    names.add(role.name);
    for (const rule of [...role.tools, ...role.resources, ...role.prompts, ...role.deny]) check(rule);
  }
  return faults;
}

/**
 * Compiles a policy.
 *
 * @param model rules without faults (see `findPolicyFaults`); a fault throws, because a rule left out could allow.
 * @param options the epoch and how many judgements are kept.
 */
export function compilePolicy(model: PolicyModel, options: PolicyOptions = {}): Policy {
  const fault = findPolicyFaults(model)[0];
  if (fault !== undefined) throw new TypeError(`the policy cannot be compiled: ${fault.message}`);
  const topDenials = model.deny.map((denial) => compileBar(denial));
  const compiled = new Map(model.roles.map((role) => [role.name, compileRole(role)]));
  const judgements = createJudgementStore(options.judgements ?? 100_000);
  // One role and several are kept apart, so that no role's name can pass for a list of names.
  const byName = createMemo<string, Access>(KEPT_ACCESSES);
  const byNames = createMemo<string, Access>(KEPT_ACCESSES);
  const bySet = createMemo<string, Access>(KEPT_ACCESSES);

  function accessOfSet(roles: readonly string[], scopes: readonly string[] | undefined): Access {
    const known = [...new Set(roles)].filter((name) => compiled.has(name)).sort();
    const held = known.flatMap((name) => compiled.get(name) ?? []);
    const carried = scopes === undefined ? undefined : [...new Set(scopes)].sort();
    // Scopes that no role of the caller asks for make no difference, so they make no access of their own.
    const asked = carried?.filter((scope) => held.some(({ role }) => role.scopes?.includes(scope)));
    const key = JSON.stringify(asked === undefined ? known : [known, asked]);
    const kept = bySet.get(key);
    if (kept !== undefined) return kept;
    const isCounting = ({ role }: CompiledRole): boolean => asked === undefined || lacks(role, asked).length === 0;
    const rules = {
      topDenials,
      roles: held.filter(isCounting),
      withheld: held.filter((role) => !isCounting(role)),
    };
    const access = createAccess(key, asked, rules, judgements);
    bySet.set(key, access);
    return access;
  }

  return {
    epoch: options.epoch ?? definitionDigest(model),
    roles: new Map(model.roles.map((role) => [role.name, role])),
    access(roles, scopes) {
      const only = roles.length === 1 && scopes === undefined ? roles[0] : undefined;
      const memo = only === undefined ? byNames : byName;
      const request = only ?? JSON.stringify(scopes === undefined ? roles : [roles, scopes]);
      const kept = memo.get(request);
      if (kept !== undefined) return kept;
      const access = accessOfSet(roles, scopes);
      memo.set(request, access);
      return access;
    },
  };
}

/** The scopes that a role asks for and that are not among those given. */
function lacks(role: Role, scopes: readonly string[]): readonly string[] {
  return role.scopes?.filter((scope) => !scopes.includes(scope)) ?? [];
}

function createAccess(
  key: string,
  scopes: readonly string[] | undefined,
  rules: AccessRules,
  judgements: JudgementStore,
): Access {
  const conditions = rules.roles.flatMap(({ lists }) =>
    [lists.tools, lists.resources, lists.prompts].flatMap(({ grants }) =>
      grants.flatMap(({ by }) => by.grant.condition ?? []),
    ),
  );
  const counting = rules.roles.length > 0 ? rules.roles : rules.withheld;
  return {
    key,
    roles: rules.roles.map(({ role }) => role.name),
    scopes,
    limit: mostGenerous(counting.map(({ role }) => role.limit)),
    isConditional: conditions.length > 0,
    isPersonal: conditions.some((condition) => condition.usesCaller === true),
    rules,
    mayMatchPrefix: (kind, prefix) => mayMatchPrefix(rules, kind, prefix),
    judge: judgements.keep((kind, target) => judge(rules, kind, target)),
  };
}

function mostGenerous(limits: readonly (Rate | undefined)[]): Rate | undefined {
  let best = limits[0];
  for (const limit of limits) if (compareRates(limit, best) > 0) best = limit;
  return best;
}
