/** What policy answers about one target, and where the rule that decided stands (design §4.1). */
import type { Grant, Origin, Rate } from './model.ts';

/** The rule that decided. */
export interface RuleRef {
  /** Absent for a top-level denial. */
  readonly role?: string;
  /** The view that does not hold the target, where that decided. */
  readonly view?: string;
  readonly pattern: string;
  readonly origin: Origin;
}

/** A grant that allows, with the role that lists it. */
export interface GrantedBy {
  readonly role: string;
  readonly grant: Grant;
  /** Names the grant's bucket, the same for every principal and across reloads as long as the grant reads the same. */
  readonly limitKey: string;
}

/** The target is allowed. */
export interface Allowed {
  readonly effect: 'allow';
  /** Every grant that allows; none for what needs no grant, such as lists and protocol methods. */
  readonly grants: readonly GrantedBy[];
  /** The most generous rate among the allowing grants; `undefined` when one of them has none. */
  readonly limit: Rate | undefined;
  /** The bucket that `limit` draws from; present when `limit` is. */
  readonly limitKey: string | undefined;
  /** The grant that counts; `undefined` for what needs no grant. */
  readonly rule: RuleRef | undefined;
}

/**
 * Why a target is denied: `top-deny` and `role-deny` forbid, `subtracted` was taken out of the list that grants it,
 * `condition` is granted for other arguments, `scopes` would be allowed to a token that carries more, `no-grant` is in
 * no list, `not-in-view` is not in the view asked for.
 */
export type DenialReason =
  | 'no-grant'
  | 'not-in-view'
  | 'subtracted'
  | 'role-deny'
  | 'top-deny'
  | 'condition'
  | 'scopes';

/** The target is denied. */
export interface Denied {
  readonly effect: 'deny';
  readonly because: DenialReason;
  /** Absent for `no-grant`. */
  readonly rule?: RuleRef;
  /** For `scopes`: all that the call needs, those that the token carries already among them. */
  readonly scopes?: readonly string[];
  /** What a condition threw, when that is why it did not hold. */
  readonly cause?: unknown;
}

/** What policy answers about one target. */
export type Decision = Allowed | Denied;

/** The decision for what every caller may do: lists, discovery, and other protocol methods. */
export const NO_GRANT_NEEDED: Allowed = {
  effect: 'allow',
  grants: [],
  limit: undefined,
  limitKey: undefined,
  rule: undefined,
};
