/** What the configuration says of one issuer of tokens, ready to judge by. */
import type { Algorithm } from './algorithms.ts';
import type { ClaimPath } from './claim-path.ts';
import type { RoleMap } from './role-map.ts';

/** A value that a claim must have. */
export interface RequiredClaim {
  readonly path: ClaimPath;
  readonly value: string | number | boolean;
}

/** How the claims of one issuer's tokens are judged and read, however they were come by. */
export interface ClaimRules {
  /** Exactly as tokens write it. */
  readonly issuer: string;
  /** A token has to name one of them, or the door that it is brought to. */
  readonly audience: readonly string[];
  /** Where callers reach the doors, without a slash at the end; a token for `<publicUrl>/mcp/<name>` is good there only. */
  readonly publicUrl: string | undefined;
  readonly require: readonly RequiredClaim[];
  /** What names the caller. */
  readonly id: ClaimPath;
  readonly agent: ClaimPath | undefined;
  readonly scopes: ClaimPath;
  readonly roles: { readonly claim: ClaimPath; readonly map: RoleMap } | undefined;
  /** Milliseconds by which clocks may differ. */
  readonly clockSkewMs: number;
}

/** Rules for the signed tokens of one issuer. */
export interface JwtRules extends ClaimRules {
  readonly algorithms: readonly Algorithm[];
  /** Media types without `application/`, lower case; `absent` allows tokens without one. */
  readonly types: readonly string[];
}
