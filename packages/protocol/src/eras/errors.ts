/** JSON-RPC error objects from one era to the other. */
import { asBuffer } from '../buffers.ts';
import {
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  MISSING_CLIENT_CAPABILITY,
  RESOURCE_NOT_FOUND,
  UNSUPPORTED_VERSION,
  URL_ELICITATION_REQUIRED,
} from '../errors.ts';
import { memberOf } from '../members.ts';
import { splice, setMember, setMembers } from '../splice.ts';
import { jsonBytes } from './rewrite.ts';

/**
 * Says whether an error from an upstream is about the hop to it, so that no caller may be told of it as its own.
 *
 * @param code JSON-RPC code
 * @returns true for header mismatch, missing client capability and unsupported version
 */
export function isHopError(code: number): boolean {
  return code === HEADER_MISMATCH || code === MISSING_CLIENT_CAPABILITY || code === UNSUPPORTED_VERSION;
}

/**
 * Makes a modern error one that legacy callers know: a resource that is not there has a code of its own.
 *
 * @param method the request's method
 * @param error the error object as JSON text that was read without a fault
 * @returns the legacy error; `error` itself when both eras have it
 */
export function toLegacyError(method: string, error: Uint8Array): Uint8Array {
  if (method !== 'resources/read' || codeOf(error) !== INVALID_PARAMS || !hasUri(error)) return error;
  return splice(error, [setMember(error, whole(error), 'code', jsonBytes(RESOURCE_NOT_FOUND))]);
}

/**
 * Makes a legacy error one that modern callers know. -32002 becomes -32602 with `data.uri`; -32042, which modern has not,
 * becomes an internal error where nobody turned it into a question before.
 *
 * @param method the request's method
 * @param error the error object as JSON text that was read without a fault
 * @param uri what the request wanted to read; fills in `data.uri` where the server left it out
 * @returns the modern error; `error` itself when both eras have it
 */
export function toModernError(method: string, error: Uint8Array, uri?: string): Uint8Array {
  const code = codeOf(error);
  if (code === URL_ELICITATION_REQUIRED) {
    return splice(error, [setMember(error, whole(error), 'code', jsonBytes(INTERNAL_ERROR))]);
  }
  if (code !== RESOURCE_NOT_FOUND) return error;
  const entries: [string, Uint8Array][] = [['code', jsonBytes(INVALID_PARAMS)]];
  if (method === 'resources/read' && uri !== undefined && !hasUri(error)) entries.push(['data', jsonBytes({ uri })]);
  return splice(error, setMembers(error, whole(error), entries));
}

function codeOf(error: Uint8Array): number {
  const member = memberOf(error, whole(error), 'code');
  return member === undefined
    ? Number.NaN
    : Number(asBuffer(error).toString('latin1', member.value.start, member.value.end));
}

function hasUri(error: Uint8Array): boolean {
  const data = memberOf(error, whole(error), 'data');
  return data !== undefined && memberOf(error, data.value, 'uri') !== undefined;
}

function whole(bytes: Uint8Array): { start: number; end: number } {
  return { start: 0, end: bytes.length };
}
