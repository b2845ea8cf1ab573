/** Results of plain requests from one era to the other. What is not about the era travels as it was written. */
import { RESERVED_META_PREFIX, SERVER_INFO_KEY } from '../envelope.ts';
import { memberOf, members } from '../members.ts';
import type { JsonObject } from '../message.ts';
import { lookupMethod, MODERN_REVISION } from '../methods.ts';
import type { Edit } from '../splice.ts';
import { splice } from '../splice.ts';
import { isEmptyObject, jsonBytes, rewriteObject } from './rewrite.ts';

/** What a modern result says beyond a legacy one. */
export interface ResultFacts {
  /** Milliseconds that the result may be kept; for cacheable methods only. */
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
  /** How the server names itself; absent to say nothing. */
  readonly serverInfo?: JsonObject;
}

/** How a tool's output is shown to legacy callers. */
export interface LegacyOutput {
  /**
   * True when the tool's output schema was wrapped by `toLegacyTool`, so that `structuredContent` has to be wrapped
   * whatever it is; default: it is wrapped when it is no object.
   */
  readonly isWrapped?: boolean;
}

const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);
const OPEN_BRACE = 0x7b;

/**
 * Makes a complete modern result one that legacy callers know: without `resultType`, `ttlMs`, `cacheScope` and reserved
 * `_meta`, and with `structuredContent` as an object.
 *
 * @param method the request's method
 * @param result the result object as JSON text that was read without a fault
 * @param output how the called tool's output is shown
 * @returns the legacy result; `result` itself when nothing was modern about it
 */
export function toLegacyResult(method: string, result: Uint8Array, output: LegacyOutput = {}): Uint8Array {
  const object = whole(result);
  const dropped = new Set<string>();
  const edits: Edit[] = [];
  for (const { key, value } of members(result, object)) {
    if (MODERN_MEMBERS.has(key)) dropped.add(key);
    else if (key === '_meta') {
      const meta = rewriteObject(result, value, isOwnMeta);
      if (isEmptyObject(meta)) dropped.add(key);
      else edits.push({ ...value, bytes: meta });
    } else if (key === 'structuredContent' && method === 'tools/call') {
      const isWrapped = output.isWrapped ?? result[value.start] !== OPEN_BRACE;
      if (isWrapped) edits.push({ start: value.start, end: value.start, bytes: Buffer.from('{"result":') });
      if (isWrapped) edits.push({ start: value.end, end: value.end, bytes: Buffer.from('}') });
    }
  }
  const edited = splice(result, edits);
  return dropped.size === 0 ? edited : rewriteObject(edited, whole(edited), (key) => !dropped.has(key));
}

/**
 * Makes a legacy result a complete modern one. Members that only modern results have are set, whatever a legacy server
 * wrote there, and reserved `_meta` is our own.
 *
 * @param method the request's method
 * @param result the result object as JSON text that was read without a fault
 * @param facts what to say; `ttlMs` and `cacheScope` only go onto results of methods that are cacheable
 * @returns the modern result
 */
export function toModernResult(method: string, result: Uint8Array, facts: ResultFacts): Uint8Array {
  const added: [string, Uint8Array][] = [['resultType', jsonBytes('complete')]];
  if (lookupMethod(MODERN_REVISION, method)?.isCacheable === true) {
    added.push(['ttlMs', jsonBytes(facts.ttlMs)], ['cacheScope', jsonBytes(facts.cacheScope)]);
  }
  const meta = memberOf(result, whole(result), '_meta');
  const ownMembers: [string, Uint8Array][] =
    facts.serverInfo === undefined ? [] : [[SERVER_INFO_KEY, jsonBytes(facts.serverInfo)]];
  const rewritten = rewriteObject(result, meta?.value, isOwnMeta, ownMembers);
  if (!isEmptyObject(rewritten)) added.push(['_meta', rewritten]);
  return rewriteObject(result, whole(result), (key) => !MODERN_MEMBERS.has(key) && key !== '_meta', added);
}

function isOwnMeta(key: string): boolean {
  return !key.startsWith(RESERVED_META_PREFIX);
}

function whole(bytes: Uint8Array): { start: number; end: number } {
  return { start: 0, end: bytes.length };
}
