/** Which methods each revision has, who may send them, and what the gateway has to know of each. */
import type { Era } from './message.ts';

/** The stateless revision. */
export const MODERN_REVISION = '2026-07-28';
/** The newest revision with initialize. */
export const LATEST_LEGACY_REVISION = '2025-11-25';
/** What a legacy HTTP request without `MCP-Protocol-Version` speaks (2025-06-18 transports, backwards compatibility). */
export const ASSUMED_LEGACY_REVISION = '2025-03-26';

/** Modern revisions served, newest first. */
export const MODERN_REVISIONS: readonly string[] = [MODERN_REVISION];
/** Legacy revisions served, newest first. */
export const LEGACY_REVISIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
/** All revisions served, newest first. */
export const SUPPORTED_REVISIONS: readonly string[] = [...MODERN_REVISIONS, ...LEGACY_REVISIONS];

/** Who may send a method. */
export type Direction = 'client-to-server' | 'server-to-client' | 'both';

/** One method as a range of revisions has it. */
export interface MethodEntry {
  readonly name: string;
  readonly kind: 'request' | 'notification';
  readonly direction: Direction;
  /** Revisions that this row holds for. */
  readonly revisions: readonly string[];
  readonly eras: readonly Era[];
  /** The member of `params` that says what the request aims at. */
  readonly target: 'name' | 'uri' | 'taskId' | 'ref' | undefined;
  /** True when an intent has to be on record before anything happens. */
  readonly needsIntent: boolean;
  /** True when a complete result carries `ttlMs` and `cacheScope` (modern only). */
  readonly isCacheable: boolean;
}

interface Facts {
  readonly target?: MethodEntry['target'];
  readonly needsIntent?: true;
  readonly isCacheable?: true;
}

const LEGACY = LEGACY_REVISIONS;
const MODERN = MODERN_REVISIONS;
const EVERY = SUPPORTED_REVISIONS;
const SINCE_2025_06 = ['2025-11-25', '2025-06-18'];
const ONLY_2025_11 = ['2025-11-25'];

function row(
  name: string,
  kind: MethodEntry['kind'],
  direction: Direction,
  revisions: readonly string[],
  facts: Facts = {},
): MethodEntry {
  const eras = [...new Set(revisions.map(eraOf))];
  const { target, needsIntent = false, isCacheable = false } = facts;
  return { name, kind, direction, revisions, eras, target, needsIntent, isCacheable };
}

/** Every method of every supported revision. A name has several rows where revisions differ about it. */
export const METHOD_TABLE: readonly MethodEntry[] = [
  row('tools/list', 'request', 'client-to-server', EVERY, { isCacheable: true }),
  row('tools/call', 'request', 'client-to-server', EVERY, { target: 'name', needsIntent: true }),
  row('resources/list', 'request', 'client-to-server', EVERY, { isCacheable: true }),
  row('resources/templates/list', 'request', 'client-to-server', EVERY, { isCacheable: true }),
  row('resources/read', 'request', 'client-to-server', EVERY, { target: 'uri', needsIntent: true, isCacheable: true }),
  row('prompts/list', 'request', 'client-to-server', EVERY, { isCacheable: true }),
  row('prompts/get', 'request', 'client-to-server', EVERY, { target: 'name', needsIntent: true }),
  row('completion/complete', 'request', 'client-to-server', EVERY, { target: 'ref', needsIntent: true }),

  row('server/discover', 'request', 'client-to-server', MODERN, { isCacheable: true }),
  row('subscriptions/listen', 'request', 'client-to-server', MODERN, { needsIntent: true }),
  row('tasks/get', 'request', 'client-to-server', MODERN, { target: 'taskId', needsIntent: true }),
  row('tasks/update', 'request', 'client-to-server', MODERN, { target: 'taskId', needsIntent: true }),
  row('tasks/cancel', 'request', 'client-to-server', MODERN, { target: 'taskId', needsIntent: true }),

  row('initialize', 'request', 'client-to-server', LEGACY),
  row('ping', 'request', 'both', LEGACY),
  row('logging/setLevel', 'request', 'client-to-server', LEGACY),
  row('resources/subscribe', 'request', 'client-to-server', LEGACY, { target: 'uri', needsIntent: true }),
  row('resources/unsubscribe', 'request', 'client-to-server', LEGACY, { target: 'uri', needsIntent: true }),
  row('tasks/get', 'request', 'both', ONLY_2025_11, { target: 'taskId', needsIntent: true }),
  row('tasks/result', 'request', 'both', ONLY_2025_11, { target: 'taskId', needsIntent: true }),
  row('tasks/cancel', 'request', 'both', ONLY_2025_11, { target: 'taskId', needsIntent: true }),
  row('tasks/list', 'request', 'both', ONLY_2025_11, { needsIntent: true }),
  row('sampling/createMessage', 'request', 'server-to-client', LEGACY),
  row('roots/list', 'request', 'server-to-client', LEGACY),
  row('elicitation/create', 'request', 'server-to-client', SINCE_2025_06),

  row('notifications/cancelled', 'notification', 'both', EVERY),
  row('notifications/progress', 'notification', 'server-to-client', MODERN),
  row('notifications/progress', 'notification', 'both', LEGACY),
  row('notifications/message', 'notification', 'server-to-client', EVERY),
  row('notifications/resources/updated', 'notification', 'server-to-client', EVERY),
  row('notifications/resources/list_changed', 'notification', 'server-to-client', EVERY),
  row('notifications/tools/list_changed', 'notification', 'server-to-client', EVERY),
  row('notifications/prompts/list_changed', 'notification', 'server-to-client', EVERY),
  row('notifications/subscriptions/acknowledged', 'notification', 'server-to-client', MODERN),
  row('notifications/tasks', 'notification', 'server-to-client', MODERN),
  row('notifications/initialized', 'notification', 'client-to-server', LEGACY),
  row('notifications/roots/list_changed', 'notification', 'client-to-server', LEGACY),
  row('notifications/tasks/status', 'notification', 'both', ONLY_2025_11),
  row('notifications/elicitation/complete', 'notification', 'server-to-client', ONLY_2025_11),
];

const byRevision: ReadonlyMap<string, ReadonlyMap<string, MethodEntry>> = new Map(
  EVERY.map((revision) => [
    revision,
    new Map(METHOD_TABLE.filter((entry) => entry.revisions.includes(revision)).map((entry) => [entry.name, entry])),
  ]),
);

/**
 * Finds a method.
 *
 * @param revision one of `SUPPORTED_REVISIONS`
 * @param method the name as sent
 * @returns its row; `undefined` when the revision has no such method or is not supported
 */
export function lookupMethod(revision: string, method: string): MethodEntry | undefined {
  return byRevision.get(revision)?.get(method);
}

/**
 * Says to which era a revision belongs, served or not: revisions are dates, and what is newer than the last with
 * initialize is modern.
 *
 * @param revision the revision as named by a peer
 * @returns the era
 */
export function eraOf(revision: string): Era {
  return revision > LATEST_LEGACY_REVISION ? 'modern' : 'legacy';
}
