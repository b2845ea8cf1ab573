/** Strict JSON over bytes: one UTF-8 document of RFC 8259, within bounds, meaning one thing only. */
import { isAscii } from 'node:buffer';
import { asBuffer } from './buffers.ts';
import type { JsonFault, ScanBounds } from './scan.ts';
import { scan } from './scan.ts';

export type { JsonFault, JsonFaultName } from './scan.ts';

/** Bounds on a text. A well-formed text beyond one of them is refused with -32600. */
export interface JsonBounds {
  /** Nested arrays and objects; default 64. */
  readonly maxDepth?: number;
  /** Members of one object or elements of one array; default 10,000. */
  readonly maxMembers?: number;
  /** Values in the whole text; default 100,000. */
  readonly maxNodes?: number;
  /** Bytes of one string or key as written, without its quotes; default unbounded. */
  readonly maxStringBytes?: number;
}

/** What a text was read as. */
export type JsonReading =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'fault'; readonly fault: JsonFault };

const DEFAULT_BOUNDS: ScanBounds = {
  maxDepth: 64,
  maxMembers: 10_000,
  maxNodes: 100_000,
  maxStringBytes: Number.MAX_SAFE_INTEGER,
};

/**
 * Fills in the default bounds.
 *
 * @param bounds what the caller wants otherwise
 * @returns bounds for `scan`
 */
export function completeBounds(bounds: JsonBounds | undefined): ScanBounds {
  return bounds === undefined ? DEFAULT_BOUNDS : { ...DEFAULT_BOUNDS, ...bounds };
}

/**
 * Reads one JSON text. The text is scanned to its end first: not UTF-8, not RFC 8259, a byte order mark or more than one
 * document is `malformed`; after that a bound exceeded, a key twice in one object (escapes resolved), a number beyond a
 * double, or an escaped surrogate without its partner (two parsers may disagree on it) is refused under its own name.
 *
 * @param bytes the text; JSON white space around it is allowed
 * @param bounds see `JsonBounds` for defaults
 * @returns the value, where `__proto__` is an ordinary own property; or the first fault, `malformed` before all others
 */
export function readJson(bytes: Uint8Array, bounds?: JsonBounds): JsonReading {
  const fault = scan(bytes, completeBounds(bounds), undefined);
  return fault === undefined ? { kind: 'value', value: parseScanned(bytes) } : { kind: 'fault', fault };
}

/**
 * Parses text that `scan` found no fault in.
 *
 * @param bytes the text
 * @returns its value
 */
export function parseScanned(bytes: Uint8Array): unknown {
  return JSON.parse(asBuffer(bytes).toString(isAscii(bytes) ? 'latin1' : 'utf8'));
}
