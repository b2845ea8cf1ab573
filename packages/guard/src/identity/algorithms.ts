/** The signature algorithms that are known (RFC 7518 §3, RFC 8037, RFC 9864), and the keys that fit each. */

/** Names of algorithms, as tokens write them. `none` is no algorithm. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'HS256',
  'HS384',
  'HS512',
] as const;

/** The name of an algorithm. */
export type Algorithm = (typeof ALGORITHMS)[number];

/** What a key must be for an algorithm. */
export interface KeyShape {
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct';
  /** The curve, for EC and OKP. */
  readonly crv?: string;
  /** Fewest bytes of a secret (RFC 7518 §3.2). */
  readonly minBytes?: number;
}

const rsa: KeyShape = { kty: 'RSA' };
const ed25519: KeyShape = { kty: 'OKP', crv: 'Ed25519' };

const shapes: Readonly<Record<Algorithm, KeyShape>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: ed25519,
  Ed25519: ed25519,
  HS256: { kty: 'oct', minBytes: 32 },
  HS384: { kty: 'oct', minBytes: 48 },
  HS512: { kty: 'oct', minBytes: 64 },
};

/** Says what a key must be for an algorithm. */
export function shapeOf(algorithm: Algorithm): KeyShape {
  return shapes[algorithm];
}

/** True for algorithms whose key both sides hold. */
export function isSymmetric(algorithm: Algorithm): boolean {
  return shapes[algorithm].kty === 'oct';
}

/** Finds an algorithm by its name, letter by letter. */
export function findAlgorithm(name: string): Algorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm === name);
}
