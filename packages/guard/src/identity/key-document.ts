/** Reads a JSON Web Key Set (RFC 7517) into keys that can verify, and says of every other key why it cannot. */
import { isObject, readJson, type JsonObject } from '@sallyport/protocol';
import { importJWK, type CryptoKey } from 'jose';
import { findAlgorithm, isSymmetric, shapeOf, type Algorithm } from './algorithms.ts';
import { findRsaWeakness } from './weak-rsa.ts';

/** One key for one algorithm. */
export interface VerificationKey {
  readonly algorithm: Algorithm;
  readonly kid: string | undefined;
  /** The same for the same key with the same name and algorithm, so that a key is recognised at the next reading. */
  readonly fingerprint: string;
  readonly material: CryptoKey | Uint8Array;
  /** False once its issuer has taken it away: what it has signed counts no more. */
  isTrusted: boolean;
}

/** What a document held. */
export interface KeyDocument {
  readonly kind: 'keys';
  readonly keys: readonly VerificationKey[];
  /** Why the others are not used, one line each. */
  readonly skipped: readonly string[];
}

/** Why a document is no key set. The message is for operators. */
export interface KeySetFault {
  readonly kind: 'fault';
  readonly message: string;
}

/** Most keys of a set. */
const mostKeys = 200;

const bounds = { maxDepth: 8, maxMembers: 1000, maxNodes: 20_000 };

/**
 * Reads a key set. Keys in it that are of no use here (for encryption, of other algorithms, weak) are left out.
 *
 * @param bytes a JSON Web Key Set, or one key
 * @param algorithms those that the keys are wanted for. A document of secrets serves the symmetric ones and nothing else;
 *   any other document never serves them, so that no public text can become a secret.
 */
export async function readKeyDocument(
  bytes: Uint8Array,
  algorithms: readonly Algorithm[],
): Promise<KeyDocument | KeySetFault> {
  const reading = readJson(bytes, bounds);
  if (reading.kind === 'fault') return fault(`the key set is not one clear JSON document: ${reading.fault.name}`);
  const list = listOf(reading.value);
  if (list === undefined) return fault('the document is not a JSON Web Key Set: it has no list `keys`');
  if (list.length > mostKeys) return fault(`the key set has more than ${mostKeys} keys`);
  const isSecret = list.length > 0 && list.every((item) => isObject(item) && item['kty'] === 'oct');
  const wanted = algorithms.filter((algorithm) => isSymmetric(algorithm) === isSecret);
  const keys = new Map<string, VerificationKey>();
  const skipped: string[] = [];
  for (const [index, item] of list.entries()) {
    const found = isObject(item) ? await readKey(item, wanted) : 'it is not an object';
    if (typeof found === 'string') skipped.push(`key ${nameOf(item, index)} is not used: ${found}`);
    else for (const key of found) keys.set(key.fingerprint, key);
  }
  return { kind: 'keys', keys: [...keys.values()], skipped };
}

/** Makes the one key of a shared secret; it has no name, so tokens of any `kid` may be signed with it. */
export function secretKey(secret: Uint8Array, algorithm: Algorithm): VerificationKey {
  const fingerprint = JSON.stringify([algorithm, null, Buffer.from(secret).toString('base64url')]);
  return { algorithm, kid: undefined, fingerprint, material: secret, isTrusted: true };
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value)) return undefined;
  if (Array.isArray(value['keys'])) return value['keys'];
  return typeof value['kty'] === 'string' ? [value] : undefined;
}

/** A name from a document, fit for one line of a log. */
function nameOf(item: unknown, index: number): string {
  const kid = isObject(item) ? item['kid'] : undefined;
  return typeof kid === 'string' && /^[\x21-\x7e]{1,64}$/.test(kid) ? kid : `number ${index + 1}`;
}

async function readKey(jwk: JsonObject, wanted: readonly Algorithm[]): Promise<readonly VerificationKey[] | string> {
  const { kid, alg, use, key_ops: operations } = jwk;
  if (kid !== undefined && typeof kid !== 'string') return 'its kid is not a text';
  if (use !== undefined && use !== 'sig') return 'it is not for signatures';
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops do not include verify';
  }
  if (alg !== undefined && (typeof alg !== 'string' || findAlgorithm(alg) === undefined)) return 'its alg is not known';
  const fitting = wanted.filter((algorithm) => (alg === undefined || alg === algorithm) && hasShape(jwk, algorithm));
  if (fitting.length === 0) return 'it fits none of the algorithms that are allowed';
  const material = materialOf(jwk);
  if (material === undefined) return 'it lacks a part';
  if (material.kty === 'RSA') {
    const weakness = findRsaWeakness(material.n, material.e);
    if (weakness !== undefined) return weakness;
  }
  const keys: VerificationKey[] = [];
  for (const algorithm of fitting) {
    const made = await makeKey(material, algorithm, kid);
    if (typeof made === 'string') return made;
    keys.push(made);
  }
  return keys;
}

function hasShape(jwk: JsonObject, algorithm: Algorithm): boolean {
  const { kty, crv } = shapeOf(algorithm);
  return jwk['kty'] === kty && (crv === undefined || jwk['crv'] === crv);
}

type Material =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }
  | { readonly kty: 'oct'; readonly k: string };

/** Only what verifying needs: private parts that were published by mistake go no further. */
function materialOf({ kty, n, e, crv, x, y, k }: JsonObject): Material | undefined {
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') return { kty, n, e };
  if (kty === 'oct' && typeof k === 'string') return { kty, k };
  if (typeof crv !== 'string' || typeof x !== 'string') return undefined;
  if (kty === 'OKP') return { kty, crv, x };
  return kty === 'EC' && typeof y === 'string' ? { kty, crv, x, y } : undefined;
}

async function makeKey(
  material: Material,
  algorithm: Algorithm,
  kid: string | undefined,
): Promise<VerificationKey | string> {
  const fingerprint = JSON.stringify([algorithm, kid ?? null, material]);
  if (material.kty === 'oct') {
    const secret = Buffer.from(material.k, 'base64url');
    const fewest = shapeOf(algorithm).minBytes ?? 0;
    if (secret.length < fewest) return `it has ${secret.length} bytes; ${algorithm} needs at least ${fewest}`;
    return { algorithm, kid, fingerprint, material: secret, isTrusted: true };
  }
  try {
    const imported = await importJWK({ ...material }, algorithm);
    return { algorithm, kid, fingerprint, material: imported, isTrusted: true };
  } catch {
    return 'its numbers make no key';
  }
}

function fault(message: string): KeySetFault {
  return { kind: 'fault', message };
}
