/** Reads one JSON-RPC 2.0 message as MCP allows it: bytes in, a message with spans or a named fault out. */
import { asBuffer } from './buffers.ts';
import { OPEN_BRACE, skipSpace, SPACE, ZERO } from './grammar.ts';
import type { JsonBounds } from './json.ts';
import { completeBounds, parseScanned } from './json.ts';
import { locate, members } from './members.ts';
import type { JsonObject, Message, MessageSpans, Span } from './message.ts';
import { isObject } from './object.ts';
import type { JsonFaultName } from './scan.ts';
import { scan } from './scan.ts';
import { Slot } from './slots.ts';

/** Why bytes are not a message. The first seven names are those of the JSON reader. */
export type MessageFaultName =
  | JsonFaultName
  /** An array: no supported revision but 2025-03-26 has batches, and we take none. */
  | 'batch'
  /** A string, number, boolean or null. */
  | 'not-object'
  /** `jsonrpc` is not "2.0". */
  | 'bad-version'
  /** `id` is not a string of at most 1,024 bytes or an integer of at most 2⁵³−1. */
  | 'bad-id'
  | 'bad-method'
  | 'bad-params'
  | 'bad-meta'
  | 'bad-progress-token'
  /** `method` beside `result` or `error`, or both of these. */
  | 'mixed-shape'
  /** Neither `method` nor `result` nor `error`. */
  | 'no-shape'
  | 'bad-result'
  | 'bad-error';

/** The first thing wrong with a message. */
export interface MessageFault {
  readonly name: MessageFaultName;
  /** JSON-RPC code. */
  readonly code: -32700 | -32600 | -32602;
  /** Byte offset in what was given, where a place is known. */
  readonly offset?: number;
  /** The request's id, where it could be read without doubt, so that an error can echo it. */
  readonly id?: string | number;
}

/** What bytes were read as. */
export type MessageReading =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'fault'; readonly fault: MessageFault };

const MAX_ID_BYTES = 1024;
/** Scratch of the scanner; each scan of a message begins by clearing it. */
const slots = new Int32Array(2 * Slot.count);

/**
 * Reads one message.
 *
 * @param bytes the message, JSON white space around it allowed; kept by the result, so they must not change
 * @param bounds bounds of the JSON reader; see `JsonBounds` for defaults
 * @returns the message, or the first fault: JSON before shape, shape before `params`
 */
export function readMessage(bytes: Uint8Array, bounds?: JsonBounds): MessageReading {
  slots.fill(0);
  const jsonFault = scan(bytes, completeBounds(bounds), slots);
  if (jsonFault !== undefined) {
    const id = jsonFault.name === 'malformed' ? undefined : idOfRefused(bytes);
    return { kind: 'fault', fault: id === undefined ? jsonFault : { ...jsonFault, id } };
  }
  const answer = readPlainAnswer(bytes);
  if (answer !== undefined) return { kind: 'message', message: answer };
  const value = parseScanned(bytes);
  if (!isObject(value)) return faultOf(Array.isArray(value) ? 'batch' : 'not-object', -32600);
  return readShape(trimmed(bytes), value);
}

const PLAIN_VERSION = Buffer.from('"2.0"');
/** Digits of an id that no double can round. */
const MOST_DIGITS = 15;

/**
 * Reads an answer as servers usually write it from the places of its members alone, because parsing it costs more than
 * all else that is done with it. `undefined` is for everything else, which is then read in full.
 */
function readPlainAnswer(bytes: Uint8Array): Message | undefined {
  const result = slots[2 * Slot.result] ?? 0;
  if (result === 0 || bytes[result] !== OPEN_BRACE) return undefined;
  if (slots[2 * Slot.error] !== 0 || slots[2 * Slot.method] !== 0) return undefined;
  const id = plainId(bytes, slots[2 * Slot.id] ?? 0, slots[2 * Slot.id + 1] ?? 0);
  if (id === undefined || !isPlainVersion(bytes, slots[2 * Slot.jsonrpc] ?? 0)) return undefined;
  return new PlainAnswer(trimmed(bytes), id, readSpans());
}

/** The digits of an id as a number; `undefined` for any other id. */
function plainId(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (start === 0 || end - start > MOST_DIGITS) return undefined;
  let id = 0;
  for (let pos = start; pos < end; pos += 1) {
    const digit = (bytes[pos] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    id = id * 10 + digit;
  }
  return id;
}

function isPlainVersion(bytes: Uint8Array, start: number): boolean {
  if (start === 0) return false;
  for (let index = 0; index < PLAIN_VERSION.length; index += 1) {
    if (bytes[start + index] !== PLAIN_VERSION[index]) return false;
  }
  return true;
}

/** An answer with a result. */
class PlainAnswer implements Message {
  readonly kind = 'response';
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly method = undefined;
  readonly params = undefined;
  readonly spans: MessageSpans;
  #value: JsonObject | undefined = undefined;

  constructor(bytes: Uint8Array, id: number, spans: MessageSpans) {
    this.bytes = bytes;
    this.id = id;
    this.spans = spans;
  }

  get value(): JsonObject {
    return (this.#value ??= parseScanned(this.bytes) as JsonObject);
  }
}

function readShape(bytes: Uint8Array, value: JsonObject): MessageReading {
  const { id, method, params, result, error } = value;
  const hasId = Object.hasOwn(value, 'id');
  const knownId = isId(id) ? id : undefined;
  if (value['jsonrpc'] !== '2.0') return faultOf('bad-version', -32600, knownId);

  if (Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error')) {
    const hasResult = Object.hasOwn(value, 'result');
    const hasError = Object.hasOwn(value, 'error');
    if (Object.hasOwn(value, 'method') || (hasResult && hasError)) return faultOf('mixed-shape', -32600, knownId);
    if (hasId && knownId === undefined && !(id === null && hasError)) return faultOf('bad-id', -32600);
    if (!hasId && hasResult) return faultOf('bad-id', -32600);
    if (hasResult && !isObject(result)) return faultOf('bad-result', -32600, knownId);
    if (hasError && !isErrorObject(error)) return faultOf('bad-error', -32600, knownId);
    const responseId = id === null ? null : knownId;
    return messageOf('response', bytes, value, responseId, undefined, undefined);
  }

  if (hasId && knownId === undefined) return faultOf('bad-id', -32600);
  if (!Object.hasOwn(value, 'method')) return faultOf('no-shape', -32600, knownId);
  if (typeof method !== 'string') return faultOf('bad-method', -32600, knownId);
  if (!Object.hasOwn(value, 'params')) {
    return messageOf(hasId ? 'request' : 'notification', bytes, value, knownId, method, undefined);
  }
  if (!isObject(params)) return faultOf('bad-params', -32602, knownId);
  if (Object.hasOwn(params, '_meta')) {
    const meta = params['_meta'];
    if (!isObject(meta)) return faultOf('bad-meta', -32602, knownId);
    if (Object.hasOwn(meta, 'progressToken') && !isProgressToken(meta['progressToken'])) {
      return faultOf('bad-progress-token', -32602, knownId);
    }
  }
  return messageOf(hasId ? 'request' : 'notification', bytes, value, knownId, method, params);
}

function messageOf(
  kind: Message['kind'],
  bytes: Uint8Array,
  value: JsonObject,
  id: string | number | null | undefined,
  method: string | undefined,
  params: JsonObject | undefined,
): MessageReading {
  return { kind: 'message', message: { kind, bytes, value, id, method, params, spans: readSpans() } };
}

function faultOf(name: MessageFaultName, code: -32600 | -32602, id?: string | number): MessageReading {
  return { kind: 'fault', fault: id === undefined ? { name, code } : { name, code, id } };
}

/**
 * Says whether a value may be a request's id.
 *
 * @param id the value
 * @returns true for a string of at most 1,024 bytes and for an integer that a double holds exactly
 */
export function isId(id: unknown): id is string | number {
  if (typeof id === 'number') return Number.isSafeInteger(id);
  if (typeof id !== 'string' || id.length > MAX_ID_BYTES) return false;
  return id.length * 3 <= MAX_ID_BYTES || Buffer.byteLength(id, 'utf8') <= MAX_ID_BYTES;
}

function isProgressToken(token: unknown): boolean {
  return typeof token === 'string' || Number.isSafeInteger(token);
}

function isErrorObject(error: unknown): boolean {
  return isObject(error) && Number.isSafeInteger(error['code']) && typeof error['message'] === 'string';
}

/** The id of well-formed text that a bound or an ambiguity refused, unless the id is itself in doubt. */
function idOfRefused(bytes: Uint8Array): string | number | undefined {
  const document = locate(bytes, []);
  if (document === undefined) return undefined;
  let found: Span | undefined;
  for (const { key, value } of members(bytes, document)) {
    if (key !== 'id') continue;
    if (found !== undefined) return undefined;
    found = value;
  }
  // Six bytes an escape: nothing longer can be an id that we take.
  if (found === undefined || found.end - found.start > 6 * MAX_ID_BYTES + 2) return undefined;
  const first = bytes[found.start];
  if (first === 0x5b || first === 0x7b) return undefined;
  const id: unknown = JSON.parse(asBuffer(bytes).toString('utf8', found.start, found.end));
  return isId(id) && (typeof id === 'number' || id.isWellFormed()) ? id : undefined;
}

/** Takes white space off both ends, and moves the spans with it. */
function trimmed(bytes: Uint8Array): Uint8Array {
  const start = skipSpace(bytes, 0);
  let end = bytes.length;
  while ((bytes[end - 1] ?? 0) <= SPACE) end -= 1;
  if (start > 0) for (let index = 0; index < slots.length; index += 1) slots[index] = (slots[index] ?? 0) - start;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function readSpans(): MessageSpans {
  return {
    id: spanOf(Slot.id),
    params: spanOf(Slot.params),
    result: spanOf(Slot.result),
    error: spanOf(Slot.error),
    name: spanOf(Slot.name),
    uri: spanOf(Slot.uri),
    arguments: spanOf(Slot.arguments),
    meta: spanOf(Slot.meta),
    progressToken: spanOf(Slot.progressToken),
    protocolVersion: spanOf(Slot.protocolVersion),
    clientCapabilities: spanOf(Slot.clientCapabilities),
    cursor: spanOf(Slot.cursor),
    requestState: spanOf(Slot.requestState),
    taskId: spanOf(Slot.taskId),
    resultType: spanOf(Slot.resultType),
    isError: spanOf(Slot.isError),
  };
}

function spanOf(slot: number): Span | undefined {
  const start = slots[2 * slot] ?? 0;
  return start > 0 ? { start, end: slots[2 * slot + 1] ?? 0 } : undefined;
}
