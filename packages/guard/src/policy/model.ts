/** What a policy says, before it is compiled: plain data that configuration files and tests write. */

/** Where a rule stands, so that an explanation can point at it. Lines and columns count from 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A token bucket: `tokens` refill every `perMs`, up to `burst` saved. */
export interface Rate {
  readonly tokens: number;
  readonly perMs: number;
  readonly burst: number;
}

/** The kinds of thing a grant can name. */
export type GrantKind = 'tools' | 'resources' | 'prompts';

/** Decides about the arguments of a call; `undefined` on a grant means that any arguments will do. */
export interface Condition {
  readonly source: string;
  /** Only the value `true` allows. */
  evaluate(facts: unknown): unknown;
}

/** One line of a role's list. A pattern matches `server.<tool name | prompt name | URI>`. */
export interface Grant {
  readonly pattern: string;
  /** True for `!pattern`: takes away from the other grants of the same list only. */
  readonly isSubtraction: boolean;
  readonly condition?: Condition | undefined;
  readonly limit?: Rate | undefined;
  readonly origin: Origin;
}

/** A pattern that forbids, wherever it stands. */
export interface Denial {
  readonly pattern: string;
  readonly origin: Origin;
}

/** What holders of a role may reach. */
export interface Role {
  readonly name: string;
  readonly tools: readonly Grant[];
  readonly resources: readonly Grant[];
  readonly prompts: readonly Grant[];
  /** Wins over every role of the caller. */
  readonly deny: readonly Denial[];
  readonly limit?: Rate | undefined;
  /** What a token must carry too for its bearer to use the role; other credentials know no scopes and need none. */
  readonly scopes?: readonly string[];
  readonly origin: Origin;
}

/** All rules in force at one moment. */
export interface PolicyModel {
  /** Wins over every role. */
  readonly deny: readonly Denial[];
  readonly roles: readonly Role[];
}
