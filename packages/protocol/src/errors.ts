/**
 * The JSON-RPC error codes that MCP uses, one row each, with the HTTP status they travel under in either era.
 * 2026-07-28 basic/index and transports/streamable-http; JSON-RPC 2.0 §5.1.
 */
import type { Era } from './message.ts';

/** One error code of the protocol. */
export interface ErrorRow {
  readonly name: string;
  /** JSON-RPC code. */
  readonly code: number;
  /** HTTP status when a modern request is answered with it before any stream is open. */
  readonly modernStatus: number;
  /** HTTP status when a legacy request is answered with it. */
  readonly legacyStatus: number;
}

/** The text is not JSON, or not UTF-8. */
export const PARSE_ERROR = -32700;
/** JSON, but not a message that we take. */
export const INVALID_REQUEST = -32600;
/** No such method in this era and direction. */
export const METHOD_NOT_FOUND = -32601;
/** Parameters or the modern envelope are wrong; on modern also: no such tool, prompt or resource. */
export const INVALID_PARAMS = -32602;
/** A fault of ours. */
export const INTERNAL_ERROR = -32603;
/** No such resource, on legacy revisions only; modern says `INVALID_PARAMS` with `data.uri`. */
export const RESOURCE_NOT_FOUND = -32002;
/** A URL has to be visited first, 2025-11-25 only. */
export const URL_ELICITATION_REQUIRED = -32042;
/** HTTP headers and body disagree, modern only. */
export const HEADER_MISMATCH = -32020;
/** The request lacks a client capability that the answer would need, modern only. */
export const MISSING_CLIENT_CAPABILITY = -32021;
/** A protocol revision that is not served, modern only. */
export const UNSUPPORTED_VERSION = -32022;

/** Every code of the protocol with the status it travels under. */
export const ERROR_TABLE: readonly ErrorRow[] = [
  { name: 'parse-error', code: PARSE_ERROR, modernStatus: 400, legacyStatus: 400 },
  { name: 'invalid-request', code: INVALID_REQUEST, modernStatus: 400, legacyStatus: 400 },
  { name: 'method-not-found', code: METHOD_NOT_FOUND, modernStatus: 404, legacyStatus: 200 },
  { name: 'invalid-params', code: INVALID_PARAMS, modernStatus: 200, legacyStatus: 200 },
  { name: 'internal-error', code: INTERNAL_ERROR, modernStatus: 200, legacyStatus: 200 },
  { name: 'resource-not-found', code: RESOURCE_NOT_FOUND, modernStatus: 200, legacyStatus: 200 },
  { name: 'url-elicitation-required', code: URL_ELICITATION_REQUIRED, modernStatus: 200, legacyStatus: 200 },
  { name: 'header-mismatch', code: HEADER_MISMATCH, modernStatus: 400, legacyStatus: 400 },
  { name: 'missing-client-capability', code: MISSING_CLIENT_CAPABILITY, modernStatus: 400, legacyStatus: 400 },
  { name: 'unsupported-version', code: UNSUPPORTED_VERSION, modernStatus: 400, legacyStatus: 400 },
];

const byCode: ReadonlyMap<number, ErrorRow> = new Map(ERROR_TABLE.map((row) => [row.code, row]));

/**
 * Says which HTTP status an in-band JSON-RPC error travels under. A broken modern envelope is not in-band: the
 * classifier answers it with 400 itself.
 *
 * @param code JSON-RPC code; one that the protocol does not define travels under 200
 * @param era era of the caller
 * @returns the HTTP status
 */
export function httpStatusOf(code: number, era: Era): number {
  const row = byCode.get(code);
  if (row === undefined) return 200;
  return era === 'modern' ? row.modernStatus : row.legacyStatus;
}
