/**
 * Tasks of servers under ids that only their caller can use: the tasks extension between modern sides, core tasks of
 * 2025-11-25 between legacy ones. An id is sealed with its server and tool, so every request about a task is judged anew.
 */
import { refuse, type Answer, type Intended, type Parsed, type Refusal, type SealBinding } from '@sallyport/guard';
import { pathKey } from '@sallyport/guard';
import {
  isObject,
  locate,
  readQuestions,
  removeMember,
  splice,
  type Edit,
  type Era,
  type JsonObject,
} from '@sallyport/protocol';
import { isPrefixed } from '../names.ts';
import type { GatewayTarget } from '../resolve.ts';
import type { Server } from '../servers.ts';
import type { Link } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { declaredBy, findBar } from './declared.ts';
import { rewriteResult } from './rewrite.ts';

/** The extension of 2026-07-28 (SEP-2663). */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** Where 2025-11-25 says to which task a message belongs. */
export const RELATED_TASK_KEY = 'io.modelcontextprotocol/related-task';

/** How long the id of a task without a shorter life of its own works, milliseconds. */
const longestLifeMs = 24 * 3_600_000;

/** How much longer than its task an id works, so that the server says what became of it. */
const slackMs = 60_000;

/** What a task's id leads to. */
export interface TaskState {
  /** The server's own id. */
  readonly task: string;
  readonly server: string;
  /** The tool that the task runs, as patterns match it. */
  readonly key: string;
  readonly era: Era;
}

/** True where both sides of a modern call have the extension. */
export function canCarryTasks(declared: JsonObject, offered: JsonObject): boolean {
  return hasExtension(declared) && hasExtension(offered);
}

/** True when modern capabilities name the extension. */
export function hasExtension({ extensions }: JsonObject): boolean {
  return isObject(extensions) && isObject(extensions[TASKS_EXTENSION]);
}

/** True when a legacy server runs tool calls as tasks. */
export function hasCoreTasks({ tasks }: JsonObject): boolean {
  const requests = isObject(tasks) ? tasks['requests'] : undefined;
  const tools = isObject(requests) ? requests['tools'] : undefined;
  return isObject(tools) && isObject(tools['call']);
}

/** Opens a task's id; `undefined` for one that is not this caller's, at this door. */
export function openTask(id: string, exchange: Parsed, world: Pick<World, 'seal'>): TaskState | undefined {
  const opened = world.seal.open('task', bindingOf(exchange), id);
  if (!isObject(opened)) return undefined;
  const { task, server, key, era } = opened;
  if (typeof task !== 'string' || typeof server !== 'string' || typeof key !== 'string') return undefined;
  return era === exchange.era ? { task, server, key, era: exchange.era } : undefined;
}

function bindingOf({ principal, path, era }: Parsed): SealBinding {
  return { principal: principal.id, path: pathKey(path), revision: era };
}

/** Says whether a result begins a task, in the era of its link. */
export function isTaskBegun(value: JsonObject, exchange: Intended, link: Link): boolean {
  if (exchange.message.method !== 'tools/call' || exchange.era !== link.era) return false;
  if (link.era === 'modern') return value['resultType'] === 'task';
  return isObject(exchange.message.params?.['task']) && isObject(value['task']);
}

/** The result that begins a task, under an id for this caller. */
export function sealTask(
  body: Uint8Array,
  value: JsonObject,
  exchange: Intended,
  target: GatewayTarget,
  link: Link,
  world: World,
): Uint8Array | Refusal {
  const isModern = link.era === 'modern';
  if (isModern && !canCarryTasks(declaredBy(exchange), link.peer.capabilities)) {
    return refuse('bad-answer', { note: 'a task for a caller that declared none' });
  }
  const task = isModern ? value : value['task'];
  const place = locate(body, isModern ? ['taskId'] : ['task', 'taskId']);
  if (!isObject(task) || typeof task['taskId'] !== 'string' || place === undefined) {
    return refuse('bad-answer', { note: 'a task without an id' });
  }
  const state: TaskState = { task: task['taskId'], server: target.upstream ?? '', key: target.key, era: exchange.era };
  const id = world.seal.close('task', bindingOf(exchange), state, lifeOf(task));
  const edits = [{ ...place, bytes: jsonBytes(id) }, ...relatedEdits(body, state.task, id)];
  return isModern ? withoutMembers(splice(body, edits), notOfABegunTask) : splice(body, edits);
}

/** What a modern server may not say when a task begins (SEP-2663), and a state that nobody sends back. */
const notOfABegunTask = ['requestState', 'result', 'error', 'inputRequests'];

function lifeOf(task: JsonObject): number {
  const ttl = task['ttlMs'] ?? task['ttl'];
  return typeof ttl === 'number' && ttl >= 0 ? Math.min(longestLifeMs, ttl + slackMs) : longestLifeMs;
}

/** The answer about a task, under the id that the caller gave. */
export function readTask(
  body: Uint8Array,
  value: JsonObject,
  exchange: Intended,
  state: TaskState,
  server: Pick<Server, 'ask'>,
  interim: number,
): Answer | Refusal {
  const id = exchange.message.params?.['taskId'];
  if (typeof id !== 'string') return refuse('bad-handle', { fill: { handle: 'taskId' } });
  const questions = readQuestions(body, value);
  if (questions === undefined) return refuse('bad-answer', { note: 'inputRequests that cannot be read' });
  const declared = declaredBy(exchange);
  for (const { method, value: params } of questions) {
    const detail = findBar(method, params, server.ask, declared);
    if (detail !== undefined) return refuse('cannot-ask', { fill: { detail } });
  }
  const edits: Edit[] = relatedEdits(body, state.task, id);
  const place = locate(body, ['taskId']);
  if (place !== undefined) edits.push({ ...place, bytes: jsonBytes(id) });
  const result = locate(body, ['result']);
  if (result !== undefined && isPrefixed(exchange.path)) {
    const renamed = rewriteResult(state.server, body.subarray(result.start, result.end), value['result']);
    edits.push({ ...result, bytes: renamed });
  }
  const edited = withoutMembers(splice(body, edits), ['requestState']);
  const renamed = isPrefixed(exchange.path) ? rewriteResult(state.server, edited, value) : edited;
  return { kind: 'result', body: renamed, isToolError: value['isError'] === true, interim };
}

/** The edits that make a message name the task as its caller does. */
export function relatedEdits(body: Uint8Array, task: string, id: string): Edit[] {
  const place = locate(body, ['_meta', RELATED_TASK_KEY, 'taskId']);
  if (place === undefined) return [];
  const written: unknown = JSON.parse(Buffer.from(body.subarray(place.start, place.end)).toString());
  return written === task ? [{ ...place, bytes: jsonBytes(id) }] : [];
}

/** The task that a message says it belongs to. */
export function relatedTask(params: JsonObject | undefined): string | undefined {
  const meta = params?.['_meta'];
  const related = isObject(meta) ? meta[RELATED_TASK_KEY] : undefined;
  const task = isObject(related) ? related['taskId'] : undefined;
  return typeof task === 'string' ? task : undefined;
}

function withoutMembers(object: Uint8Array, names: readonly string[]): Uint8Array {
  let left = object;
  for (const name of names) {
    const edit = removeMember(left, { start: 0, end: left.length }, name);
    if (edit !== undefined) left = splice(left, [edit]);
  }
  return left;
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
