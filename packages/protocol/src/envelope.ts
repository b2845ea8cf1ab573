/** The `_meta` members that every modern request carries in place of a session (2026-07-28 basic/index). */
import type { JsonObject } from './message.ts';
import { isObject } from './object.ts';

/** The revision a request speaks. */
export const PROTOCOL_VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
/** What the client of this request can do. */
export const CLIENT_CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
/** How the client names itself; never proof of anything. */
export const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo';
/** Least severe log message that the request wants; absent for none. */
export const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';
/** How the server names itself, on results. */
export const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo';
/** Id of the subscriptions/listen request that a message belongs to. */
export const SUBSCRIPTION_ID_KEY = 'io.modelcontextprotocol/subscriptionId';
/** What the keys of the envelope and of its answers begin with. */
export const RESERVED_META_PREFIX = 'io.modelcontextprotocol/';

const LOG_LEVELS: ReadonlySet<unknown> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

/** What is wrong with an envelope. */
export interface EnvelopeFault {
  readonly key: string;
  readonly problem: 'missing' | 'invalid';
}

/**
 * Gives the `_meta` object of parameters.
 *
 * @param params parameters of a message that was read
 * @returns their `_meta`, or `undefined`
 */
export function metaOf(params: JsonObject | undefined): JsonObject | undefined {
  if (params === undefined || !Object.hasOwn(params, '_meta')) return undefined;
  const meta = params['_meta'];
  return isObject(meta) ? meta : undefined;
}

/**
 * Says whether a message claims to be modern.
 *
 * @param meta its `_meta`
 * @returns true when the protocol version is there, whatever its type
 */
export function hasClaim(meta: JsonObject | undefined): meta is JsonObject {
  return meta !== undefined && Object.hasOwn(meta, PROTOCOL_VERSION_KEY);
}

/**
 * Checks the envelope of a modern request. What capabilities hold is left to whoever uses them.
 *
 * @param meta the request's `_meta`, or `undefined` when it has none
 * @returns the first fault: what is missing before what is invalid; `undefined` when the envelope is fine
 */
export function checkEnvelope(meta: JsonObject | undefined): EnvelopeFault | undefined {
  for (const key of [PROTOCOL_VERSION_KEY, CLIENT_CAPABILITIES_KEY]) {
    if (meta === undefined || !Object.hasOwn(meta, key)) return { key, problem: 'missing' };
  }
  if (meta === undefined) return undefined;
  if (typeof meta[PROTOCOL_VERSION_KEY] !== 'string') return { key: PROTOCOL_VERSION_KEY, problem: 'invalid' };
  if (!isObject(meta[CLIENT_CAPABILITIES_KEY])) return { key: CLIENT_CAPABILITIES_KEY, problem: 'invalid' };
  if (Object.hasOwn(meta, CLIENT_INFO_KEY) && !isImplementation(meta[CLIENT_INFO_KEY])) {
    return { key: CLIENT_INFO_KEY, problem: 'invalid' };
  }
  if (Object.hasOwn(meta, LOG_LEVEL_KEY) && !LOG_LEVELS.has(meta[LOG_LEVEL_KEY])) {
    return { key: LOG_LEVEL_KEY, problem: 'invalid' };
  }
  return undefined;
}

function isImplementation(value: unknown): boolean {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['version'] === 'string';
}
