// Signed tokens as an identity provider would make them, from a key that is made for the run.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** Who signs. */
export const issuer = 'https://login.bench.example';
/** For whom the tokens are. */
export const audience = 'https://gateway.bench.example/mcp';

/** A signer, and its public keys as a JWKS. */
export interface Signer {
  readonly jwks: object;
  /**
   * Makes tokens that differ in their `jti` and have the same length.
   *
   * @param count - how many
   * @param roles - the claim `roles`
   */
  tokens(count: number, roles: readonly string[]): readonly string[];
}

/** Makes a signer with a key of its own (ES256). */
export function createSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = 'bench';
  return {
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
    tokens(count, roles) {
      const head = encode({ alg: 'ES256', typ: 'at+jwt', kid });
      const now = Math.floor(Date.now() / 1000);
      return Array.from({ length: count }, (_, index) => {
        const claims = { iss: issuer, aud: audience, sub: 'caller-0', iat: now, exp: now + 24 * 3600, roles };
        const body = encode({ ...claims, jti: String(index).padStart(9, '0') });
        return `${head}.${body}.${signatureOf(`${head}.${body}`, privateKey)}`;
      });
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signatureOf(text: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}
