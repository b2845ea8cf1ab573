/** Issuers, keys and tokens for tests, made at run time. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { PresentedCertificate, Received } from '../exchange.ts';
import { frozenClock, makeRules, received, type FrozenClock } from '../exchange.fixture.ts';
import type { TokenFault, TokenHolder } from '../ports.ts';
import type { Algorithm } from './algorithms.ts';
import type { ClaimPath } from './claim-path.ts';
import type { JwtRules } from './issuer.ts';
import { createJwtVerifier, type JwtVerifier } from './jwt.ts';
import { readKeyDocument, type KeyDocument, type KeySetFault } from './key-document.ts';
import { KeySet, type KeyNews } from './key-set.ts';
import type { KeySource } from './key-source.ts';
import { compileRoleMap } from './role-map.ts';

/** A key with which an issuer signs. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA';
  readonly privateKey: KeyObject;
  /** Its public half as a key set has it. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** Makes a signing key. */
export function makeSigningKey(kid: string, algorithm: SigningKey['algorithm'] = 'ES256'): SigningKey {
  const pair =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : algorithm === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey: pair.privateKey, jwk };
}

/** The first part of what a token signs, and the second. */
export function signingInput(header: unknown, claims: unknown): string {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}`;
}

/** Signs a token. Header and claims may be texts, to be taken as they are. */
export function signToken(key: SigningKey, claims: unknown, header: unknown = {}): string {
  const usual = { alg: key.algorithm, kid: key.kid, typ: 'at+jwt' };
  const input = signingInput(typeof header === 'string' ? header : { ...usual, ...(header as object) }, claims);
  const hash = key.algorithm === 'EdDSA' ? null : 'sha256';
  const signature = sign(hash, Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** Signs a token with a shared secret. */
export function macToken(secret: Uint8Array, claims: unknown, header: object = {}): string {
  const input = signingInput({ alg: 'HS256', typ: 'at+jwt', ...header }, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** Who issues the tokens of tests, and for whom. */
export const issuer = 'https://login.example.com';
export const audience = 'https://mcp.example.com/mcp';

/** Seconds since the epoch at which the frozen clock stands. */
export const nowSeconds = frozenClock().now() / 1000;

/** Claims of a sound token. */
export function makeClaims(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { iss: issuer, aud: audience, sub: 'ada', exp: nowSeconds + 300, iat: nowSeconds, ...more };
}

/** A path of one step. */
export function claimNamed(name: string): ClaimPath {
  return { source: name, steps: [name] };
}

/** Rules of the issuer of tests: `groups` named `Team.*` are readers. */
export function makeJwtRules(more: Partial<JwtRules> = {}): JwtRules {
  return {
    issuer,
    audience: [audience],
    publicUrl: undefined,
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    types: ['at+jwt'],
    require: [],
    id: claimNamed('sub'),
    agent: undefined,
    scopes: claimNamed('scope'),
    roles: { claim: claimNamed('groups'), map: compileRoleMap([{ pattern: 'Team.*', roles: ['reader'] }]) },
    clockSkewMs: 60_000,
    ...more,
  };
}

/** A source that gives what a test puts in. */
export interface FakeSource extends KeySource {
  /** Keys as a document would have them; a text fails with it. */
  content: readonly SigningKey[] | string;
  readonly loads: number;
  /** Set to hold readings back until it resolves. */
  gate: Promise<void> | undefined;
}

/** Makes a source with these keys. */
export function fakeSource(content: FakeSource['content'], everyMs = 300_000): FakeSource {
  let loads = 0;
  return {
    content,
    everyMs,
    gate: undefined,
    get loads() {
      return loads;
    },
    async load(): Promise<KeyDocument | KeySetFault> {
      loads += 1;
      const given = this.content;
      await this.gate;
      if (typeof given === 'string') return { kind: 'fault', message: given };
      return readDocument({ keys: given.map(({ jwk }) => jwk) });
    },
  };
}

/** Reads a key set for the algorithms of public keys. */
export function readDocument(
  document: unknown,
  algorithms: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'],
): Promise<KeyDocument | KeySetFault> {
  return readKeyDocument(Buffer.from(JSON.stringify(document)), algorithms);
}

/** A verifier with one issuer, and what it runs on. */
export interface VerifierBench {
  readonly clock: FrozenClock;
  readonly source: FakeSource;
  readonly keys: KeySet;
  readonly verifier: JwtVerifier;
  readonly news: KeyNews[];
  /** Judges a token as if it came now. */
  verify(token: string, more?: BroughtWith): TokenHolder | TokenFault | Promise<TokenHolder | TokenFault>;
}

/** What a token may come with. */
export type BroughtWith = Partial<Pick<Received, 'path'>> & { readonly certificate?: PresentedCertificate };

/** Sets a verifier up. */
export function makeBench(
  content: FakeSource['content'],
  { rules = {}, staleMs = 3_600_000 }: { readonly rules?: Partial<JwtRules>; readonly staleMs?: number } = {},
): VerifierBench {
  const clock = frozenClock();
  const source = fakeSource(content);
  const news: KeyNews[] = [];
  const keys = new KeySet({ clock, source, staleMs, onNews: (piece) => news.push(piece) });
  const verifier = createJwtVerifier([{ rules: makeJwtRules(rules), keys }], { clock });
  const own = makeRules();
  return {
    clock,
    source,
    keys,
    verifier,
    news,
    verify: (token, more = {}) => verifier.verify(token, { ...received({ rules: own }), time: clock.now(), ...more }),
  };
}
