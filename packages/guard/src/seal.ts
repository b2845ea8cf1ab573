/**
 * Sealing of every handle that is given out (session ids, cursors, request state, task ids): AES-256-GCM (NIST SP
 * 800-38D), bound to purpose, principal and path, so that it opens for nobody else and nowhere else (design §5).
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Clock, Random } from './ports.ts';

export type SealPurpose = 'session' | 'cursor' | 'state' | 'task';

/** Whose handle it is and where it holds. */
export interface SealBinding {
  /** Principal id. */
  readonly principal: string;
  /** Door path, e.g. `/mcp/files`. */
  readonly path: string;
  /** Protocol revision, where the handle must not cross revisions. */
  readonly revision?: string | undefined;
  /** What it was given out for, where it must not serve anything else: a list, or a call with its arguments. */
  readonly subject?: string | undefined;
}

/** `malformed`: not something that was ever sealed; `expired`: was fine; `foreign`: sealed for another binding or key. */
export interface SealFault {
  readonly fault: 'malformed' | 'expired' | 'foreign';
}

export interface Seal {
  /**
   * Seals a payload.
   *
   * @param expiresInMs how long it opens, milliseconds
   * @returns base64url
   */
  close(purpose: SealPurpose, binding: SealBinding, payload: object | Uint8Array, expiresInMs: number): string;
  /** Opens what `close` made for the same purpose and binding. Never throws on what comes from outside. */
  open(purpose: SealPurpose, binding: SealBinding, sealed: string): unknown;
}

/** Longest sealed text that is looked at, characters. */
const LONGEST = 64 * 1024;
const VERSION = 1;
const NONCE = 12;
const TAG = 16;
/** Version and key id. */
const HEADER = 2;
/** Expiry (6 bytes) and form of the payload (1 byte). */
const INNER = 7;
const JSON_FORM = 0;
const BYTES_FORM = 1;
const LAST_EXPIRY = 2 ** 48 - 1;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

interface Generation {
  readonly id: number;
  readonly key: Uint8Array;
}

function createGeneration(key: Uint8Array): Generation {
  if (key.length !== 32) throw new TypeError('a sealing key has 32 bytes');
  return { id: createHash('sha256').update('sallyport seal key id').update(key).digest().readUInt8(0), key };
}

// Lengths stand before the parts, so that no two bindings have the same bytes.
function associate(header: Uint8Array, purpose: SealPurpose, binding: SealBinding): Buffer {
  const { principal, path, revision, subject } = binding;
  const parts = [purpose, principal, path, revision ?? '', subject ?? ''].map((part) => Buffer.from(part));
  const present = (revision === undefined ? 0 : 1) + (subject === undefined ? 0 : 2);
  const chunks: Uint8Array[] = [header, Buffer.of(present)];
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    chunks.push(length, part);
  }
  return Buffer.concat(chunks);
}

function decipher(key: Uint8Array, bytes: Buffer, associated: Buffer): Buffer | undefined {
  const nonce = bytes.subarray(HEADER, HEADER + NONCE);
  const opener = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  opener.setAAD(associated);
  opener.setAuthTag(bytes.subarray(bytes.length - TAG));
  const start = opener.update(bytes.subarray(HEADER + NONCE, bytes.length - TAG));
  try {
    return Buffer.concat([start, opener.final()]);
  } catch {
    // The tag does not hold: another binding, another key, or a changed byte.
    return undefined;
  }
}

/** True when `open` refused. Payloads never have this shape: they are what `close` was given. */
export function isSealFault(value: unknown): value is SealFault {
  return value instanceof SealRefusal;
}

class SealRefusal implements SealFault {
  readonly fault: SealFault['fault'];

  constructor(fault: SealFault['fault']) {
    this.fault = fault;
  }
}

const MALFORMED = Object.freeze(new SealRefusal('malformed'));
const EXPIRED = Object.freeze(new SealRefusal('expired'));
const FOREIGN = Object.freeze(new SealRefusal('foreign'));

function readPayload(inner: Buffer, now: number): unknown {
  if (inner.length < INNER) return MALFORMED;
  if (now >= inner.readUIntBE(0, 6)) return EXPIRED;
  const payload = inner.subarray(INNER);
  if (inner[INNER - 1] === BYTES_FORM) return new Uint8Array(payload);
  if (inner[INNER - 1] !== JSON_FORM) return MALFORMED;
  try {
    return JSON.parse(payload.toString()) as unknown;
  } catch {
    return MALFORMED;
  }
}

/**
 * Makes a seal.
 *
 * @param keys 32-byte keys: the first closes, all open, so that handles outlive a change of keys
 * @param clock judges expiry by wall time
 * @param random gives nonces of 96 bits
 */
export function createSeal(keys: readonly [Uint8Array, ...Uint8Array[]], clock: Clock, random: Random): Seal {
  const generations = keys.map(createGeneration);
  const current = createGeneration(keys[0]);
  return {
    close: (purpose, binding, payload, expiresInMs) => {
      const header = Buffer.of(VERSION, current.id);
      const nonce = random.bytes(NONCE);
      const isBytes = payload instanceof Uint8Array;
      const inner = Buffer.alloc(INNER);
      const expiry = Math.min(LAST_EXPIRY, Math.max(0, Math.floor(clock.now() + expiresInMs)));
      inner.writeUIntBE(expiry, 0, 6);
      inner[INNER - 1] = isBytes ? BYTES_FORM : JSON_FORM;
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce, { authTagLength: TAG });
      cipher.setAAD(associate(header, purpose, binding));
      const sealed = [
        header,
        nonce,
        cipher.update(inner),
        cipher.update(isBytes ? payload : Buffer.from(JSON.stringify(payload))),
        cipher.final(),
        cipher.getAuthTag(),
      ];
      const text = Buffer.concat(sealed).toString('base64url');
      if (text.length > LONGEST) throw new RangeError('a payload to be sealed is too long to be opened again');
      return text;
    },
    open: (purpose, binding, sealed) => {
      if (typeof sealed !== 'string' || sealed.length > LONGEST || !BASE64URL.test(sealed)) return MALFORMED;
      const bytes = Buffer.from(sealed, 'base64url');
      // One handle has one spelling: stray bits in the last character are refused.
      if (bytes.toString('base64url') !== sealed) return MALFORMED;
      if (bytes.length < HEADER + NONCE + INNER + TAG || bytes[0] !== VERSION) return MALFORMED;
      const associated = associate(bytes.subarray(0, HEADER), purpose, binding);
      for (const { id, key } of generations) {
        if (id !== bytes[1]) continue;
        const inner = decipher(key, bytes, associated);
        if (inner !== undefined) return readPayload(inner, clock.now());
      }
      return FOREIGN;
    },
  };
}
