/** What a request's `params` become on their way upstream: the caller's bytes, with the few members that are ours. */
import type { Intended } from '@sallyport/guard';
import {
  CLIENT_CAPABILITIES_KEY,
  isObject,
  locate,
  metaOf,
  removeMember,
  setMember,
  splice,
  toLegacyParams,
  toModernParams,
  type Edit,
  type JsonObject,
  type Message,
} from '@sallyport/protocol';
import { ownInfo } from '../own-request.ts';
import type { GatewayTarget } from '../resolve.ts';
import { sessionOf } from '../servers.ts';
import { askable } from '../upstreams/capabilities.ts';
import type { AskKind, Link } from '../upstreams/link.ts';
import { declaredBy } from './declared.ts';
import { defaultLevel } from './levels.ts';
import { canCarryTasks, TASKS_EXTENSION, type TaskState } from './tasks.ts';

const noParams = Buffer.from('{}');

/**
 * Encodes the params for a link.
 *
 * @param exchange - the caller's request
 * @param target - what it aims at
 * @param link - where it goes
 * @param id - the id minted for it, which is also its progress token
 * @param ask - what the server may ask of callers
 */
export function encodeParams(
  exchange: Intended,
  target: GatewayTarget,
  link: Link,
  id: number,
  ask: readonly AskKind[],
): Uint8Array {
  const { message } = exchange;
  const span = message.spans.params;
  const edits = span === undefined ? [] : editParams(exchange, target, id, ask, link);
  const bytes = span === undefined ? noParams : message.bytes.subarray(span.start, span.end);
  const edited =
    edits.length === 0 || span === undefined
      ? bytes
      : splice(
          bytes,
          edits.map((edit) => shift(edit, span.start)),
        );
  if (exchange.era === link.era) return edited;
  if (link.era === 'legacy') return toLegacyParams(edited);
  // Before the caller has set a level its revision leaves it to the server; a modern one says nothing unasked.
  const unset = isObject(link.peer.capabilities['logging']) ? defaultLevel : undefined;
  const logLevel = sessionOf(exchange)?.logLevel ?? unset;
  return toModernParams(edited, {
    revision: link.revision,
    clientCapabilities: askable(declaredBy(exchange), ask),
    clientInfo: ownInfo,
    ...(logLevel === undefined ? {} : { logLevel }),
  });
}

function editParams(
  exchange: Intended,
  target: GatewayTarget,
  id: number,
  ask: readonly AskKind[],
  link: Link,
): Edit[] {
  const { message } = exchange;
  const { spans } = message;
  const edits: Edit[] = [];
  if (target.asked !== undefined) {
    const written = target.kind === 'resource' ? spans.uri : spans.name;
    const place = message.method === 'completion/complete' ? referenceSpan(exchange, target) : written;
    if (place !== undefined) edits.push({ ...place, bytes: jsonBytes(target.name) });
  }
  if (spans.progressToken !== undefined) edits.push({ ...spans.progressToken, bytes: Buffer.from(String(id)) });
  if (target.requestState !== undefined) {
    const place = locate(message.bytes, ['params', 'requestState']);
    if (place !== undefined) edits.push({ ...place, bytes: jsonBytes(target.requestState) });
  }
  if (target.task !== undefined) edits.push(...taskEdits(message, target.task));
  const meta = metaOf(message.params);
  if (meta !== undefined && spans.meta !== undefined && Object.hasOwn(meta, 'baggage')) {
    // W3C baggage is the caller's own context and may hold what a server must not learn; trace ids may pass.
    const edit = removeMember(message.bytes, spans.meta, 'baggage');
    if (edit !== undefined) edits.push(edit);
  }
  if (exchange.era === 'modern' && link.era === 'modern') {
    const edit = editCapabilities(exchange, ask, link);
    if (edit !== undefined) edits.push(edit);
  }
  return edits;
}

function referenceSpan(exchange: Intended, target: GatewayTarget): { start: number; end: number } | undefined {
  return locate(exchange.message.bytes, ['params', 'ref', target.kind === 'prompt' ? 'name' : 'uri']);
}

/** A task under its server's own id, and without a state, which no server has handed out. */
function taskEdits({ bytes, spans }: Message, { task }: TaskState): Edit[] {
  const place = locate(bytes, ['params', 'taskId']);
  const edits: Edit[] = place === undefined ? [] : [{ ...place, bytes: jsonBytes(task) }];
  const state = spans.params === undefined ? undefined : removeMember(bytes, spans.params, 'requestState');
  return state === undefined ? edits : [...edits, state];
}

/** Takes from the caller's capabilities what this server may not ask for, so that it does not. */
function editCapabilities(exchange: Intended, ask: readonly AskKind[], link: Link): Edit | undefined {
  const declared = metaOf(exchange.message.params)?.[CLIENT_CAPABILITIES_KEY];
  if (!isObject(declared)) return undefined;
  const carried = carriedCapabilities(declared, ask, link.peer.capabilities);
  if (carried === declared) return undefined;
  const { meta: span } = exchange.message.spans;
  return span === undefined
    ? undefined
    : setMember(exchange.message.bytes, span, CLIENT_CAPABILITIES_KEY, jsonBytes(carried));
}

/**
 * The part of a caller's capabilities that reaches a server: what `ask` allows, and the extensions that we carry.
 *
 * @param offered - what the server has
 */
export function carriedCapabilities(declared: JsonObject, ask: readonly AskKind[], offered: JsonObject): JsonObject {
  const kept = Object.entries(declared).filter(([name]) => (ask as readonly string[]).includes(name));
  if (canCarryTasks(declared, offered)) kept.push(['extensions', { [TASKS_EXTENSION]: {} }]);
  else if (kept.length === Object.keys(declared).length) return declared;
  return Object.fromEntries(kept);
}

function shift(edit: Edit, by: number): Edit {
  return { start: edit.start - by, end: edit.end - by, bytes: edit.bytes };
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
