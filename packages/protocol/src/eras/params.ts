/** Parameters of plain requests from one era to the other. What is not about the era travels as it was written. */
import {
  CLIENT_CAPABILITIES_KEY,
  CLIENT_INFO_KEY,
  LOG_LEVEL_KEY,
  PROTOCOL_VERSION_KEY,
  RESERVED_META_PREFIX,
} from '../envelope.ts';
import { memberOf, members } from '../members.ts';
import type { JsonObject } from '../message.ts';
import { setMember, splice } from '../splice.ts';
import { isEmptyObject, jsonBytes, newObject, rewriteObject } from './rewrite.ts';

/** What a modern request says of its sender. */
export interface Envelope {
  readonly revision: string;
  readonly clientCapabilities: JsonObject;
  readonly clientInfo?: JsonObject;
  /** Least severe log message wanted; absent for none. */
  readonly logLevel?: string;
}

/**
 * Puts the modern envelope into parameters. Every other reserved member of `_meta` is taken out, and what answers a
 * question of a modern server: a legacy caller cannot have meant it.
 *
 * @param params the parameters object as JSON text that was read without a fault, or `undefined`
 * @param envelope what to say
 * @returns parameters for a modern server
 */
export function toModernParams(params: Uint8Array | undefined, envelope: Envelope): Uint8Array {
  const added = envelopeMembers(envelope);
  if (params === undefined) return newObject([['_meta', newObject(added)]]);
  return addEnvelope(withoutEraMembers(params), added);
}

/**
 * Members that mean something in one era only: those by which a modern caller goes on with a call that asked something
 * (2026-07-28, "Multi Round-Trip Requests"), and the one by which a legacy caller wants a task (2025-11-25, tasks).
 */
const ERA_MEMBERS: ReadonlySet<string> = new Set(['requestState', 'inputResponses', 'task']);

function withoutEraMembers(params: Uint8Array): Uint8Array {
  for (const { key } of members(params, whole(params))) {
    if (ERA_MEMBERS.has(key)) return rewriteObject(params, whole(params), (kept) => !ERA_MEMBERS.has(kept));
  }
  return params;
}

function addEnvelope(params: Uint8Array, added: [string, Uint8Array][]): Uint8Array {
  const meta = memberOf(params, whole(params), '_meta');
  const rewritten = rewriteObject(params, meta?.value, (key) => !key.startsWith(RESERVED_META_PREFIX), added);
  return splice(params, [setMember(params, whole(params), '_meta', rewritten)]);
}

/**
 * Asks a legacy server to run a call as a task (2025-11-25, tasks).
 *
 * @param params the parameters object as JSON text, or `undefined`
 * @param ttlMs how long the task is to be kept, milliseconds
 * @returns parameters with `task`
 */
export function withTask(params: Uint8Array | undefined, ttlMs: number): Uint8Array {
  const task = jsonBytes({ ttl: ttlMs });
  if (params === undefined) return newObject([['task', task]]);
  return splice(params, [setMember(params, whole(params), 'task', task)]);
}

/**
 * Takes the modern envelope out of parameters, `_meta` with it when nothing else is in there, and what goes on with a
 * call that asked something, because legacy calls are not sent twice.
 *
 * @param given the parameters object as JSON text that was read without a fault
 * @returns parameters for a legacy server; `given` itself when there is nothing to take out
 */
export function toLegacyParams(given: Uint8Array): Uint8Array {
  const params = withoutEraMembers(given);
  const meta = memberOf(params, whole(params), '_meta');
  if (meta === undefined) return params;
  const rewritten = rewriteObject(params, meta.value, (key) => !key.startsWith(RESERVED_META_PREFIX));
  if (isEmptyObject(rewritten)) return rewriteObject(params, whole(params), (key) => key !== '_meta');
  return splice(params, [{ start: meta.value.start, end: meta.value.end, bytes: rewritten }]);
}

function envelopeMembers(envelope: Envelope): [string, Uint8Array][] {
  const added: [string, Uint8Array][] = [
    [PROTOCOL_VERSION_KEY, jsonBytes(envelope.revision)],
    [CLIENT_CAPABILITIES_KEY, jsonBytes(envelope.clientCapabilities)],
  ];
  if (envelope.clientInfo !== undefined) added.push([CLIENT_INFO_KEY, jsonBytes(envelope.clientInfo)]);
  if (envelope.logLevel !== undefined) added.push([LOG_LEVEL_KEY, jsonBytes(envelope.logLevel)]);
  return added;
}

function whole(bytes: Uint8Array): { start: number; end: number } {
  return { start: 0, end: bytes.length };
}
