/**
 * Verifies tokens that identity providers sign (RFC 7519, RFC 8725, RFC 9068). A token chooses among the issuers of the
 * configuration and nothing else: neither keys nor addresses come from it.
 */
import { hash } from 'node:crypto';
import { isObject, readJson } from '@sallyport/protocol';
import type { Received } from '../exchange.ts';
import type { Clock, TokenFault, TokenHolder, Tokens } from '../ports.ts';
import { findAlgorithm, type Algorithm } from './algorithms.ts';
import { isForDoor } from './audience.ts';
import { judgeClaims, readHolder, type Claims } from './claims.ts';
import { readCompact, type CompactToken } from './compact-form.ts';
import type { JwtRules } from './issuer.ts';
import type { VerificationKey } from './key-document.ts';
import { isKeyMiss, type KeySet } from './key-set.ts';
import { verifySignature } from './signature.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

/** One issuer with its keys. */
export interface JwtIssuer {
  readonly rules: JwtRules;
  readonly keys: KeySet;
}

/** How often tokens were judged, by what came out. */
export interface JwtCounts {
  /** Found good earlier. */
  readonly kept: number;
  readonly verified: number;
  readonly invalid: number;
  readonly expired: number;
  readonly unavailable: number;
}

/** A verifier of signed tokens. */
export interface JwtVerifier extends Tokens {
  /** True when the id is one that tokens of a configured issuer give. */
  knows(principal: string): boolean;
  counts(): JwtCounts;
}

/** A good token, and where it is one. */
interface Entry {
  readonly holder: TokenHolder;
  readonly expiresAt: number;
  readonly key: VerificationKey;
  readonly keys: KeySet;
  readonly publicUrl: string | undefined;
  /** SHA-256 of the only certificate that may bring it, hex. */
  readonly certificate: string | undefined;
}

/** Bounds on the claims: a token is small, and nobody needs it deep. */
const claimBounds = { maxDepth: 16, maxMembers: 1000, maxNodes: 4000 };

/** What a verifier runs on. */
export interface JwtVerifierOptions {
  readonly clock: Clock;
  /** Tokens whose result is kept; default 20,000. */
  readonly capacity?: number;
}

/** Makes a verifier for issuers; of two with the same name the first counts. */
export function createJwtVerifier(issuers: readonly JwtIssuer[], options: JwtVerifierOptions): JwtVerifier {
  const byName = new Map<string, JwtIssuer>();
  for (const issuer of issuers) if (!byName.has(issuer.rules.issuer)) byName.set(issuer.rules.issuer, issuer);
  const prefixes = [...byName.keys()].map((issuer) => `jwt:${issuer}|`);
  const kept = createVerifiedTokens<Entry>(options.capacity);
  const counts = { kept: 0, verified: 0, invalid: 0, expired: 0, unavailable: 0 };

  const give = (outcome: TokenHolder | TokenFault): TokenHolder | TokenFault => {
    if (!('fault' in outcome)) counts.verified += 1;
    else if (outcome.fault !== 'unknown-kind') counts[outcome.fault] += 1;
    return outcome;
  };

  const judge = async (token: Read, digest: string, exchange: Received): Promise<TokenHolder | TokenFault> => {
    const { rules, keys } = token.issuer;
    const { header } = token.compact;
    const key = keys.find(token.algorithm, header) ?? (await keys.seek(token.algorithm, header));
    if (isKeyMiss(key)) {
      if (key.miss === 'unknown') return invalid(key.note);
      return { fault: 'unavailable', note: key.note, retryAfterMs: key.retryAfterMs };
    }
    if (!(await verifySignature(token.compact, key))) return invalid('the signature does not hold');
    const fault = judgeClaims(token.claims, rules, exchange.time);
    if (fault !== undefined) return fault;
    // Another call with the same token may have been faster, and one token has one holder.
    const earlier = kept.get(digest);
    const entry = earlier?.key === key ? earlier : makeEntry(token, key);
    if ('fault' in entry) return entry;
    if (entry !== earlier && key.isTrusted) kept.set(digest, entry);
    return findMisplacement(entry, exchange) ?? entry.holder;
  };

  return {
    verify(text, exchange) {
      const digest = hash('sha256', text, 'base64url');
      const entry = kept.get(digest);
      if (entry !== undefined) {
        if (isFresh(entry, exchange.time)) {
          const misplaced = findMisplacement(entry, exchange);
          if (misplaced !== undefined) return give(misplaced);
          counts.kept += 1;
          return entry.holder;
        }
        kept.delete(digest);
      }
      const token = readToken(text, byName);
      if ('fault' in token) return give(token);
      return judge(token, digest, exchange).then(give);
    },
    knows: (principal) => prefixes.some((prefix) => principal.startsWith(prefix)),
    counts: () => ({ ...counts }),
  };
}

function isFresh({ expiresAt, key, keys }: Entry, now: number): boolean {
  return now < expiresAt && key.isTrusted && keys.isUsable();
}

/** Says why a good token is not good here: at this door, over this connection. */
function findMisplacement({ holder, publicUrl, certificate }: Entry, exchange: Received): TokenFault | undefined {
  if (!isForDoor(holder.audiences, publicUrl, exchange.path)) {
    return invalid('aud names another door than the one that the token was brought to');
  }
  if (certificate !== undefined && exchange.certificate?.fingerprint.toLowerCase() !== certificate) {
    return invalid('the token is bound to a certificate that was not shown');
  }
  return undefined;
}

function makeEntry({ claims, issuer }: Read, key: VerificationKey): Entry | TokenFault {
  const { rules, keys } = issuer;
  const certificate = readBinding(claims);
  if (typeof certificate === 'object') return certificate;
  const holder = readHolder(claims, rules);
  if ('fault' in holder) return holder;
  return { holder, expiresAt: holder.expiresAt ?? 0, key, keys, publicUrl: rules.publicUrl, certificate };
}

/** A token that is worth a signature check. */
interface Read {
  readonly compact: CompactToken;
  readonly algorithm: Algorithm;
  readonly claims: Claims;
  readonly issuer: JwtIssuer;
}

/** Reads a token as far as no key is needed. */
function readToken(text: string, issuers: ReadonlyMap<string, JwtIssuer>): Read | TokenFault {
  const compact = readCompact(text);
  if (compact.kind === 'fault') {
    return compact.fault === 'shape' ? { fault: 'unknown-kind', note: compact.note } : invalid(compact.note);
  }
  const reading = readJson(compact.payload, claimBounds);
  if (reading.kind === 'fault') return invalid(`the claims are not one clear JSON object: ${reading.fault.name}`);
  if (!isObject(reading.value)) return invalid('the claims are not a JSON object');
  const claims = reading.value;
  const { iss } = claims;
  const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
  if (issuer === undefined) return { fault: 'unknown-kind', note: 'iss is none of the issuers of the configuration' };
  const algorithm = findAlgorithm(compact.header.alg);
  if (algorithm === undefined || !issuer.rules.algorithms.includes(algorithm)) {
    return invalid('the algorithm is not allowed for this issuer');
  }
  if (!isAllowedType(compact.header.typ, issuer.rules.types)) {
    return invalid('the type (typ) is not allowed for this issuer; `types` says which are');
  }
  return { compact, algorithm, claims, issuer };
}

/** Types are media types: any case, and `application/` may be left out (RFC 7515 §4.1.9). */
function isAllowedType(typ: string | undefined, types: readonly string[]): boolean {
  if (typ === undefined) return types.includes('absent');
  const lower = typ.toLowerCase();
  const bare = lower.startsWith('application/') ? lower.slice('application/'.length) : lower;
  return bare !== 'absent' && types.includes(bare);
}

/** Reads what the token is bound to (RFC 7800). A binding that we cannot check must not pass for none. */
function readBinding(claims: Claims): string | undefined | TokenFault {
  if (!Object.hasOwn(claims, 'cnf')) return undefined;
  const { cnf } = claims;
  const thumbprint = isObject(cnf) && Object.keys(cnf).length === 1 ? cnf['x5t#S256'] : undefined;
  if (typeof thumbprint !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(thumbprint)) {
    return invalid('the token is bound to a key whose possession cannot be proven here (cnf)');
  }
  return Buffer.from(thumbprint, 'base64url').toString('hex');
}

function invalid(note: string): TokenFault {
  return { fault: 'invalid', note };
}
