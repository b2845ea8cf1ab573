/**
 * Secrets in the store: AES-256-GCM (NIST SP 800-38D) under a key derived from the master key. Each is bound to the place
 * where it lies, so that a row that was copied over another one does not open.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Random } from '../ports.ts';

/** Where a secret lies, e.g. table, principal, server, issuer. */
export type EnvelopePlace = readonly string[];

/** Closes and opens secrets. */
export interface Envelope {
  close(place: EnvelopePlace, secret: Uint8Array): Uint8Array;
  /** Opens what `close` made for the same place; `undefined` for another place or key, or changed bytes. Never throws. */
  open(place: EnvelopePlace, sealed: Uint8Array): Uint8Array | undefined;
}

const VERSION = 1;
/** Version and key id. */
const HEADER = 2;
const NONCE = 12;
const TAG = 16;

interface Generation {
  readonly id: number;
  readonly key: Uint8Array;
}

function createGeneration(key: Uint8Array): Generation {
  if (key.length !== 32) throw new TypeError('an envelope key has 32 bytes');
  return { id: createHash('sha256').update('sallyport envelope key id').update(key).digest().readUInt8(0), key };
}

// Lengths stand before the parts, so that no two places have the same bytes.
function associate(header: Uint8Array, place: EnvelopePlace): Buffer {
  const chunks: Uint8Array[] = [header];
  for (const part of place) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    chunks.push(length, bytes);
  }
  return Buffer.concat(chunks);
}

/**
 * Makes an envelope.
 *
 * @param keys - 32-byte keys: the first closes, all open, so that secrets outlive a change of the master key
 * @param random - gives nonces of 96 bits
 */
export function createEnvelope(keys: readonly [Uint8Array, ...Uint8Array[]], random: Random): Envelope {
  const generations = keys.map(createGeneration);
  const current = createGeneration(keys[0]);
  return {
    close: (place, secret) => {
      const header = Buffer.of(VERSION, current.id);
      const nonce = random.bytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce, { authTagLength: TAG });
      cipher.setAAD(associate(header, place));
      return Buffer.concat([header, nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    },
    open: (place, sealed) => {
      const bytes = Buffer.from(sealed);
      if (bytes.length < HEADER + NONCE + TAG || bytes[0] !== VERSION) return undefined;
      const associated = associate(bytes.subarray(0, HEADER), place);
      for (const { id, key } of generations) {
        if (id !== bytes[1]) continue;
        const opener = createDecipheriv('aes-256-gcm', key, bytes.subarray(HEADER, HEADER + NONCE), {
          authTagLength: TAG,
        });
        opener.setAAD(associated);
        opener.setAuthTag(bytes.subarray(bytes.length - TAG));
        const start = opener.update(bytes.subarray(HEADER + NONCE, bytes.length - TAG));
        try {
          return Buffer.concat([start, opener.final()]);
        } catch {
          // The tag does not hold; the other generation may have the same id.
        }
      }
      return undefined;
    },
  };
}
