/** Judges what a token says, once its signature holds: RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §2.2 and §4. */
import type { TokenHolder } from '../ports.ts';
import { claimAt, type ClaimPath } from './claim-path.ts';
import type { ClaimRules } from './issuer.ts';

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** Why the claims do not name a caller. */
export interface ClaimFault {
  readonly fault: 'invalid' | 'expired';
  /** For operators: names claims, never their values. */
  readonly note: string;
}

/** How far ahead a token may end, milliseconds; beyond it somebody has mistaken the unit. */
const longestLifeMs = 10 * 366 * 24 * 3_600_000;

/** Longest name of a caller or an agent. */
const longestName = 256;

/** Characters that could make one line two, or hide in one. */
const UNSAFE_NAME = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** One scope (RFC 6749 §3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Says why a token of this issuer is not good now, or nothing. */
export function judgeClaims(claims: Claims, rules: ClaimRules, now: number): ClaimFault | undefined {
  return judgeTimes(claims, rules.clockSkewMs, now) ?? judgeSubject(claims) ?? judgeRequired(claims, rules);
}

/** A token is good from `nbf` until just before `exp`, give or take the skew. */
function judgeTimes(claims: Claims, skew: number, now: number): ClaimFault | undefined {
  const { exp, nbf, iat } = claims;
  if (typeof exp !== 'number') return invalid('exp is missing or not a number');
  for (const [name, value] of [
    ['nbf', nbf],
    ['iat', iat],
  ] as const) {
    if (value === undefined) continue;
    if (typeof value !== 'number' || value < 0) return invalid(`${name} is not a moment`);
    if (value * 1000 > now + skew) return invalid(`${name} lies in the future; check the clocks`);
  }
  if (now >= exp * 1000 + skew) return { fault: 'expired', note: 'exp has passed' };
  return exp * 1000 > now + longestLifeMs ? invalid('exp lies more than ten years ahead') : undefined;
}

function judgeSubject(claims: Claims): ClaimFault | undefined {
  // No issuer means anything by it, and readers that merge objects would.
  if (Object.hasOwn(claims, '__proto__')) return invalid('a claim is named __proto__');
  if (!Object.hasOwn(claims, 'sub')) return invalid('sub is missing');
  return isName(claims['sub']) ? undefined : invalid('sub is not a name: a text of 1 to 256 printable characters');
}

/** Says which claim that the rules ask for is missing or another, or nothing. */
export function judgeRequired(claims: Claims, { require }: ClaimRules): ClaimFault | undefined {
  for (const { path, value } of require) {
    const found = claimAt(claims, path);
    if (found === value || (Array.isArray(found) && found.includes(value))) continue;
    return invalid(`the claim ${path.source} is not what \`require\` wants`);
  }
  return undefined;
}

/** Makes the caller that good claims name, or says which of them cannot be used. */
export function readHolder(claims: Claims, rules: ClaimRules): TokenHolder | ClaimFault {
  const audience = readAudience(claims, rules);
  if ('fault' in audience) return audience;
  const id = claimAt(claims, rules.id);
  if (!isName(id)) return invalid(`the claim ${rules.id.source} names nobody: a text of 1 to 256 printable characters`);
  const agent = rules.agent === undefined ? undefined : claimAt(claims, rules.agent);
  if (agent !== undefined && !isName(agent)) return invalid(`the claim ${rules.agent?.source} is not a name`);
  const scopes = readScopes(claims, rules.scopes);
  if ('fault' in scopes) return scopes;
  const roles = readRoles(claims, rules);
  if ('fault' in roles) return roles;
  return {
    kind: 'jwt',
    id: `jwt:${rules.issuer}|${id}`,
    roles: roles.values,
    scopes: scopes.values,
    audiences: audience.values,
    ...(agent === undefined ? {} : { agent }),
    claims,
    expiresAt: Number(claims['exp']) * 1000 + rules.clockSkewMs,
  };
}

/**
 * Reads for whom a token is (RFC 8707): those of its audiences that are ours. Any other says nothing about what the token
 * may be used for here.
 */
export function readAudience({ aud }: Claims, { audience, publicUrl }: ClaimRules): Values | ClaimFault {
  const named: unknown = typeof aud === 'string' ? [aud] : aud;
  if (!isTexts(named)) return invalid('aud is neither a text nor a list of texts');
  const values = named.filter((one) => audience.includes(one) || isDoor(one, publicUrl));
  return values.length > 0 ? { values } : invalid('aud names none of the audiences here');
}

function isDoor(url: string, publicUrl: string | undefined): boolean {
  if (publicUrl === undefined || !url.startsWith(`${publicUrl}/mcp/`)) return false;
  return /^[a-z][a-z0-9-]*$/.test(url.slice(publicUrl.length + '/mcp/'.length));
}

interface Values {
  readonly values: readonly string[];
}

/** `scope` is one text by its standard (RFC 9068 §2.2.3); claims of other names are lists at some providers. */
function readScopes(claims: Claims, path: ClaimPath): Values | ClaimFault {
  const found = claimAt(claims, path);
  if (found === undefined) return { values: [] };
  if (typeof found !== 'string' && path.source === 'scope') return invalid('scope is not a text');
  const read = readTexts(found, path);
  return 'fault' in read ? read : { values: read.values.filter((scope) => SCOPE.test(scope)) };
}

function readRoles(claims: Claims, { roles }: ClaimRules): Values | ClaimFault {
  if (roles === undefined) return { values: [] };
  const { claim, map } = roles;
  const found = claimAt(claims, claim);
  if (found === undefined) return isOverage(claims, claim) ? overage(claim) : { values: [] };
  const read = readTexts(found, claim);
  return 'fault' in read ? read : { values: map.rolesOf(read.values) };
}

/** Entra leaves the groups out of a token when there are too many, and names an address to ask in their place. */
function isOverage(claims: Claims, { steps: [first] }: ClaimPath): boolean {
  const named = claims['_claim_names'];
  const isNamed = typeof named === 'object' && named !== null && Object.hasOwn(named, first);
  return isNamed || (first === 'groups' && (claims['hasgroups'] === true || claims['hasgroups'] === 'true'));
}

function overage({ source }: ClaimPath): ClaimFault {
  return invalid(
    `the caller has too many groups for its token, so ${source} was left out; let the provider send only groups that ` +
      'are assigned to the application, or app roles, and map those',
  );
}

/** A text is split at spaces; a list holds texts only. */
function readTexts(found: unknown, { source }: ClaimPath): Values | ClaimFault {
  if (typeof found === 'string') return { values: found.split(' ').filter((part) => part !== '') };
  return isTexts(found) ? { values: found } : invalid(`the claim ${source} is neither a text nor a list of texts`);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longestName && !UNSAFE_NAME.test(value);
}

function invalid(note: string): ClaimFault {
  return { fault: 'invalid', note };
}
