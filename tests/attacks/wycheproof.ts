// Project Wycheproof's vectors for JSON Web Signatures and Keys, put through the code that judges callers' tokens: its
// form, the key that is chosen for it, its signature. (Their payloads are no claims, so at a door all would be refused.)
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ALGORITHMS,
  isKeyMiss,
  KeySet,
  readCompact,
  readKeyDocument,
  verifySignature,
  type Algorithm,
  type CompactToken,
} from '@sallyport/guard';
import { createFrozenClock } from '@sallyport/testkit';

/** One vector. */
export interface Vector {
  readonly tcId: number;
  readonly comment: string;
  /** A token; an object in the JSON serialization. */
  readonly jws?: unknown;
  readonly jwe?: unknown;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface Group {
  readonly comment: string;
  readonly public?: Readonly<Record<string, unknown>>;
  readonly private: Readonly<Record<string, unknown>>;
  readonly tests: readonly Vector[];
}

/** What came of one vector. */
export interface Outcome {
  readonly tcId: number;
  readonly comment: string;
  readonly group: string;
  /** The token and the keys, to find vectors that are the same. */
  readonly input: string;
  readonly expected: Vector['result'];
  readonly isAccepted: boolean;
  /** Why it was refused. */
  readonly note: string;
}

/** The files, with the number of their vectors: all of them, and those that must not be accepted. */
export const vectorFiles = [
  { file: 'json_web_signature_test.json', count: 401, invalid: 355 },
  { file: 'json_web_key_test.json', count: 26, invalid: 21 },
  { file: 'json_web_crypto_test.json', count: 83, invalid: 77 },
  { file: 'json_web_encryption_test.json', count: 139, invalid: 74 },
] as const;

/** Vectors that come out otherwise than they are marked, each with its reason: file and number. */
export const exceptions: Readonly<Record<string, string>> = {
  'json_web_signature_test.json 346': 'the key is for PS256 and the token says PS384',
  'json_web_signature_test.json 347': 'the key names the algorithm ES521, which does not exist',
  'json_web_signature_test.json 350': 'the key is for PS256 and the token says PS384',
  'json_web_signature_test.json 351': 'the key names the algorithm ES521, which does not exist',
  'json_web_signature_test.json 367': 'marked invalid, and byte for byte the same as 357, which is marked valid',
  'json_web_signature_test.json 370': 'marked invalid, and byte for byte the same as 357, which is marked valid',
  'json_web_signature_test.json 372': 'marked valid, and holds a character that base64url does not have',
  'json_web_signature_test.json 373': 'marked valid, and holds a character that base64url does not have',
  'json_web_crypto_test.json 50': 'an encrypted token',
  'json_web_crypto_test.json 67': 'an encrypted token',
};

/** Runs every vector of one file. */
export async function runVectors(folder: string, file: string): Promise<readonly Outcome[]> {
  const { testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { testGroups: readonly Group[] };
  const outcomes: Outcome[] = [];
  for (const group of testGroups) {
    const keys = Buffer.from(JSON.stringify(group.public ?? group.private));
    for (const vector of group.tests) {
      const note = await judge(vector.jws ?? vector.jwe, keys);
      outcomes.push({
        tcId: vector.tcId,
        comment: vector.comment,
        group: group.comment,
        input: JSON.stringify([vector.jws ?? vector.jwe, keys.toString()]),
        expected: vector.result,
        isAccepted: note === undefined,
        note: note ?? '',
      });
    }
  }
  return outcomes;
}

/** Says why a token is refused that these keys should verify, in the steps of every token: form, key, signature. */
async function judge(token: unknown, keys: Uint8Array): Promise<string | undefined> {
  if (typeof token !== 'string') return 'not the compact form';
  const compact = readCompact(token);
  if (compact.kind === 'fault') return compact.note;
  const algorithm = ALGORITHMS.find((name) => name === compact.header.alg);
  if (algorithm === undefined) return 'unknown algorithm';
  return check(compact, algorithm, keys);
}

async function check(compact: CompactToken, algorithm: Algorithm, keys: Uint8Array): Promise<string | undefined> {
  const source = { everyMs: Number.POSITIVE_INFINITY, load: () => readKeyDocument(keys, [algorithm]) };
  const set = new KeySet({ clock: createFrozenClock(), source, staleMs: 0 });
  const key = await set.seek(algorithm, compact.header);
  if (isKeyMiss(key)) return key.note;
  return (await verifySignature(compact, key)) ? undefined : 'the signature does not hold';
}
