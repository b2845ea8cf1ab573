/** Signed checkpoints: what is signed, how, and how a signature is checked (Ed25519, RFC 8032). */
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { AuditRecord, RecordCheckpoint } from './record.ts';

/** A private key with the id and the public half that go with it. */
export interface SigningKey {
  /** First 16 hex digits of the SHA-256 of the public key's SPKI encoding. */
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Facts that a checkpoint's signature covers. */
export interface CheckpointFacts extends Omit<RecordCheckpoint, 'signature'> {
  readonly seq: number;
  readonly time: string;
  readonly prev: string;
}

/** Id of a public key: first 16 hex digits of the SHA-256 of its SPKI encoding. */
export function keyId(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

/** Wraps an Ed25519 private key for signing checkpoints. */
export function createSigningKey(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey);
  return { id: keyId(publicKey), privateKey, publicKey };
}

// A JSON array of strings and numbers is unambiguous, and its first element keeps the key from signing anything else.
function signedBytes(facts: CheckpointFacts): Buffer {
  const { seq, prev, time, file, first, reason, key } = facts;
  return Buffer.from(JSON.stringify(['sallyport audit checkpoint', 1, seq, prev, time, file, first, reason, key]));
}

/** Signs a checkpoint; returns the signature in base64url. */
export function signCheckpoint(facts: CheckpointFacts, key: SigningKey): string {
  return sign(null, signedBytes(facts), key.privateKey).toString('base64url');
}

/** True when the record is a checkpoint that `publicKey` has signed as it stands. */
export function isCheckpointSigned(record: AuditRecord, publicKey: KeyObject): boolean {
  const { checkpoint, seq, time, prev } = record;
  if (checkpoint === undefined || typeof checkpoint.signature !== 'string') return false;
  const { file, first, reason, key, signature } = checkpoint;
  const bytes = signedBytes({ seq, time, prev, file, first, reason, key });
  return verify(null, bytes, publicKey, Buffer.from(signature, 'base64url'));
}
