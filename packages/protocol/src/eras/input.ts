/**
 * What a server asks while it works on a call: requests of their own in the legacy era, `inputRequests` of a result in the
 * modern one (2026-07-28 patterns, Multi Round-Trip Requests). What is not about the era travels as it was written.
 */
import { RESERVED_META_PREFIX } from '../envelope.ts';
import { locate, memberOf, members } from '../members.ts';
import type { JsonObject } from '../message.ts';
import { isObject } from '../object.ts';
import { setMember, splice } from '../splice.ts';
import { isEmptyObject, jsonBytes, newObject, rewriteObject } from './rewrite.ts';

/** One question of a server. */
export interface Question {
  /** What the answer is given under, where the era has that. */
  readonly key: string;
  /** E.g. `elicitation/create`. */
  readonly method: string;
  /** The bytes of `params`; absent where the server gave none. */
  readonly params: Uint8Array | undefined;
  /** The same, parsed. */
  readonly value: JsonObject | undefined;
}

/**
 * Reads the `inputRequests` of a modern result.
 *
 * @param bytes the result object as JSON text that was read without a fault
 * @param result the same, parsed
 * @returns the questions in their order, none where the member is absent; `undefined` when they are malformed
 */
export function readQuestions(bytes: Uint8Array, result: JsonObject): readonly Question[] | undefined {
  const requests = result['inputRequests'];
  if (requests === undefined) return [];
  const span = locate(bytes, ['inputRequests']);
  if (!isObject(requests) || span === undefined) return undefined;
  const questions: Question[] = [];
  for (const { key, value: place } of members(bytes, span)) {
    const request = requests[key];
    if (!isObject(request) || typeof request['method'] !== 'string') return undefined;
    const { method, params: value } = request;
    if (value !== undefined && !isObject(value)) return undefined;
    const params = memberOf(bytes, place, 'params')?.value;
    questions.push({
      key,
      method,
      value,
      params: params === undefined ? undefined : bytes.subarray(params.start, params.end),
    });
  }
  return questions;
}

/**
 * Makes the params of a modern question those of a legacy request.
 *
 * @param params the params object as JSON text, or `undefined`
 * @param elicitationId set where a page is to be visited, which legacy callers know by an id; default: none
 * @returns the legacy params; `params` itself when there is nothing to change
 */
export function toLegacyQuestion(params: Uint8Array | undefined, elicitationId?: string): Uint8Array | undefined {
  if (params === undefined || elicitationId === undefined) return params;
  return splice(params, [setMember(params, whole(params), 'elicitationId', jsonBytes(elicitationId))]);
}

/** Members of a legacy question that belong to its conversation and not to what is asked. */
const LEGACY_MEMBERS: ReadonlySet<string> = new Set(['elicitationId', 'task']);

/**
 * Makes the params of a legacy server's request those of a modern question: without progress token, task and
 * elicitation id, which nobody could use.
 *
 * @param params the params object as JSON text, or `undefined`
 * @returns the modern params; `params` itself when there is nothing to change
 */
export function toModernQuestion(params: Uint8Array | undefined): Uint8Array | undefined {
  if (params === undefined) return undefined;
  const meta = memberOf(params, whole(params), '_meta');
  const kept =
    meta === undefined
      ? undefined
      : rewriteObject(params, meta.value, (key) => key !== 'progressToken' && !key.startsWith(RESERVED_META_PREFIX));
  const added: [string, Uint8Array][] = kept === undefined || isEmptyObject(kept) ? [] : [['_meta', kept]];
  return rewriteObject(params, whole(params), (key) => key !== '_meta' && !LEGACY_MEMBERS.has(key), added);
}

/**
 * Writes a modern result that asks.
 *
 * @param questions what is asked, under keys that no other question of the call has
 * @param requestState what the caller sends back with its answers
 * @returns the result object
 */
export function writeInputRequired(questions: readonly Question[], requestState: string): Uint8Array {
  const requests = questions.map(({ key, method, params }): [string, Uint8Array] => [
    key,
    newObject([['method', jsonBytes(method)], ...(params === undefined ? [] : [['params', params] as const])]),
  ]);
  return newObject([
    ['resultType', jsonBytes('input_required')],
    ['inputRequests', newObject(requests)],
    ['requestState', jsonBytes(requestState)],
  ]);
}

/**
 * Reads the pages that a legacy server wants visited first (-32042).
 *
 * @param error the error, parsed
 * @returns a question for each page; `undefined` when the error names none or one that is malformed
 */
export function readUrlQuestions(error: JsonObject): readonly Question[] | undefined {
  const data = error['data'];
  const listed = isObject(data) ? data['elicitations'] : undefined;
  if (!Array.isArray(listed) || listed.length === 0) return undefined;
  const questions: Question[] = [];
  for (const [index, page] of (listed as readonly unknown[]).entries()) {
    if (!isObject(page) || typeof page['url'] !== 'string' || typeof page['message'] !== 'string') return undefined;
    const value = { mode: 'url', message: page['message'], url: page['url'] };
    questions.push({ key: `page${index + 1}`, method: 'elicitation/create', params: jsonBytes(value), value });
  }
  return questions;
}

/**
 * Puts the answers to a round of questions into the params of the call's next try.
 *
 * @param params the params object as JSON text
 * @param responses answers by the question's key, as JSON text
 * @param requestState the server's state, sent back as it came; absent where it gave none
 * @returns the params
 */
export function withAnswers(
  params: Uint8Array,
  responses: readonly (readonly [key: string, body: Uint8Array])[],
  requestState: string | undefined,
): Uint8Array {
  const added: [string, Uint8Array][] = [];
  if (responses.length > 0) added.push(['inputResponses', newObject(responses)]);
  if (requestState !== undefined) added.push(['requestState', jsonBytes(requestState)]);
  return rewriteObject(params, whole(params), (key) => key !== 'inputResponses' && key !== 'requestState', added);
}

function whole(bytes: Uint8Array): { start: number; end: number } {
  return { start: 0, end: bytes.length };
}
