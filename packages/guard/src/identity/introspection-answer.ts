/** Judges what an authorization server says about an opaque token (RFC 7662 §2.2, RFC 6750 §3.1). */
import { isObject, readJson } from '@sallyport/protocol';
import type { TokenFault, TokenHolder } from '../ports.ts';
import { judgeRequired, readHolder, type Claims } from './claims.ts';
import type { ClaimRules } from './issuer.ts';

/** Rules for the opaque tokens of one issuer. */
export interface IntrospectionRules extends ClaimRules {
  /** Whether `iss` of an answer has to be the issuer; otherwise its name is only what callers are named by. */
  readonly namesIssuer: boolean;
  /** Whether an answer without `token_type` is taken to be about an access token. */
  readonly allowsUntyped: boolean;
}

/** What came out of an answer: a caller, why there is none, or that the answer itself is of no use. */
export type Judged = TokenHolder | TokenFault;

/** Bounds on an answer, which holds a few dozen members at most. */
const bounds = { maxDepth: 16, maxMembers: 1000, maxNodes: 4000 };

/**
 * Judges the body of an answer with status 200.
 *
 * @param body as received
 * @param rules of the issuer
 * @param now wall time, milliseconds since the epoch
 * @returns the caller; `invalid` or `expired` for a token that is not good; `unavailable` where the answer says nothing
 *   that could be relied on
 */
export function judgeAnswer(body: Uint8Array, rules: IntrospectionRules, now: number): Judged {
  const reading = readJson(body, bounds);
  if (reading.kind === 'fault') return useless(`the answer is not one clear JSON object: ${reading.fault.name}`);
  if (!isObject(reading.value)) return useless('the answer is not a JSON object');
  const claims = reading.value;
  if (claims['active'] === false) return invalid('the token is not active');
  if (claims['active'] !== true) return useless('the answer does not say whether the token is active');
  return (
    judgeTimes(claims, rules.clockSkewMs, now) ??
    judgeKind(claims, rules) ??
    judgeRequired(claims, rules) ??
    holderOf(claims, rules)
  );
}

function holderOf(claims: Claims, rules: IntrospectionRules): Judged {
  const { exp } = claims;
  const holder = readHolder(claims, rules);
  if ('fault' in holder) return holder;
  const { expiresAt: _, ...rest } = holder;
  return exp === undefined ? rest : holder;
}

/** Times are optional here (RFC 7662 §2.2): the server has looked at its own clock. What it names has to hold. */
function judgeTimes(claims: Claims, skew: number, now: number): TokenFault | undefined {
  for (const name of ['exp', 'nbf', 'iat'] as const) {
    const value = claims[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || value < 0) return useless(`${name} is not a moment`);
    if (name === 'exp' && now >= value * 1000 + skew) return { fault: 'expired', note: 'exp has passed' };
    if (name !== 'exp' && value * 1000 > now + skew) return invalid(`${name} lies in the future; check the clocks`);
  }
  return undefined;
}

/** Refresh tokens are active too, and of bound tokens the proof of possession is missing. */
function judgeKind(claims: Claims, rules: IntrospectionRules): TokenFault | undefined {
  const { iss, token_type: type } = claims;
  const { issuer, namesIssuer, allowsUntyped } = rules;
  if (namesIssuer && iss !== undefined && iss !== issuer)
    return invalid('iss is another than the issuer of the configuration');
  if (type === undefined && !allowsUntyped) {
    return invalid('the answer does not say that this is an access token (token_type); `untyped: on` takes it for one');
  }
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) {
    return invalid('token_type is not Bearer');
  }
  if (Object.hasOwn(claims, 'cnf')) return invalid('the token is bound to a key (cnf), which bearer tokens are not');
  return undefined;
}

function invalid(note: string): TokenFault {
  return { fault: 'invalid', note };
}

function useless(note: string): TokenFault {
  return { fault: 'unavailable', note };
}
