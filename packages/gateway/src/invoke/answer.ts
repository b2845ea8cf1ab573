/** What an upstream's answer becomes for the caller: its names, its era, its handles sealed. */
import { refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import {
  isObject,
  locate,
  splice,
  toLegacyError,
  toLegacyResult,
  toModernError,
  toModernResult,
  type JsonObject,
  type Message,
  type Span,
} from '@sallyport/protocol';
import { handleBinding, stateSubject, type GatewayTarget } from '../resolve.ts';
import { askKindOf, type AskKind, type Link, type LinkFailure } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { mayHoldUri, rewriteResult } from './rewrite.ts';

/** How long a caller may take to answer what a server asked, milliseconds. */
const stateLifetimeMs = 15 * 60_000;

/** Longest state of a server that is carried, in characters. */
const longestState = 32 * 1024;

export interface AnswerContext {
  readonly exchange: Intended;
  readonly target: GatewayTarget;
  readonly link: Link;
  readonly ask: readonly AskKind[];
  readonly interim: number;
  readonly world: World;
}

/** Turns an upstream's response into the answer for the caller. */
export function readAnswer(message: Message, context: AnswerContext): Answer | Refusal {
  const { result, error } = message.spans;
  if (result !== undefined) {
    const plain = readPlainResult(message, result, context);
    if (plain !== undefined) return plain;
    return readResult(message.bytes.subarray(result.start, result.end), message.value['result'], context);
  }
  if (error !== undefined) {
    return readError(message.bytes.subarray(error.start, error.end), message.value['error'], context);
  }
  return refuse('bad-answer', { note: 'a response without result and error' });
}

const completeText = Buffer.from('"complete"');
const trueText = Buffer.from('true');

/** A result that reaches the caller as it is; `undefined` where something in it has to be understood or changed. */
function readPlainResult(message: Message, span: Span, context: AnswerContext): Answer | undefined {
  const { exchange, link, interim } = context;
  const { resultType, isError } = message.spans;
  if (exchange.era !== link.era || (resultType !== undefined && !isWritten(message, resultType, completeText))) {
    return undefined;
  }
  const body = message.bytes.subarray(span.start, span.end);
  if (body[0] !== openBrace || (exchange.path.kind === 'all' && mayHoldUri(body))) return undefined;
  const isToolError = isError !== undefined && isWritten(message, isError, trueText);
  return { kind: 'result', body, isToolError, interim };
}

const openBrace = 0x7b;

function isWritten({ bytes }: Message, { start, end }: Span, text: Buffer): boolean {
  return end - start === text.length && text.compare(bytes, start, end) === 0;
}

function readResult(bytes: Uint8Array, value: unknown, context: AnswerContext): Answer | Refusal {
  const { exchange, target, link, interim } = context;
  if (!isObject(value)) return refuse('bad-answer', { note: 'the result is not an object' });
  const isAsking = value['resultType'] === 'input_required';
  if (!isAsking && link.era === 'modern' && !isComplete(value['resultType'])) {
    return refuse('bad-answer', { note: `a result of the unknown type ${String(value['resultType'])}` });
  }
  if (isAsking && exchange.era === 'legacy') {
    return refuse('unbridgeable', { fill: { detail: 'the server asks for more input' } });
  }
  let body = exchange.path.kind === 'all' ? rewriteResult(target.upstream ?? '', bytes, value) : bytes;
  if (isAsking) {
    const asked = sealState(body, value, context);
    if (!(asked instanceof Uint8Array)) return asked;
    body = asked;
  }
  if (exchange.era !== link.era) {
    const method = exchange.message.method ?? '';
    body =
      exchange.era === 'legacy'
        ? toLegacyResult(method, body, target.entry?.isOutputWrapped === true ? { isWrapped: true } : {})
        : toModernResult(method, body, {
            ttlMs: 0,
            cacheScope: 'private',
            ...(link.peer.serverInfo === undefined ? {} : { serverInfo: link.peer.serverInfo }),
          });
  }
  return { kind: 'result', body, isToolError: value['isError'] === true, interim };
}

function isComplete(resultType: unknown): boolean {
  return resultType === undefined || resultType === 'complete';
}

/** Checks what the server asks for against `ask`, and seals its state to this caller, target and arguments. */
function sealState(body: Uint8Array, value: JsonObject, context: AnswerContext): Uint8Array | Refusal {
  const { exchange, target, ask, world } = context;
  const requests = value['inputRequests'];
  if (requests !== undefined) {
    if (!isObject(requests)) return refuse('bad-answer', { note: 'inputRequests is not an object' });
    for (const request of Object.values(requests)) {
      const method = isObject(request) ? request['method'] : undefined;
      const kind = typeof method === 'string' ? askKindOf(method) : undefined;
      if (kind === undefined || !ask.includes(kind)) {
        return refuse('bad-answer', { note: `the server asked for ${String(method)}, which ask does not allow` });
      }
    }
  }
  const state = value['requestState'];
  const place = locate(body, ['requestState']);
  if (typeof state !== 'string' || place === undefined) return body;
  if (state.length > longestState) return refuse('bad-answer', { note: 'a requestState that is too long to carry' });
  const binding = handleBinding(exchange, stateSubject(target, exchange, world));
  const sealed = world.seal.close('state', binding, { state }, stateLifetimeMs);
  return splice(body, [{ ...place, bytes: Buffer.from(JSON.stringify(sealed)) }]);
}

function readError(bytes: Uint8Array, value: unknown, context: AnswerContext): Answer | Refusal {
  const { exchange, link, interim, target } = context;
  const code = isObject(value) ? value['code'] : undefined;
  if (typeof code !== 'number') return refuse('bad-answer', { note: 'an error without a code' });
  // These two speak about the request that we made, not about the caller's.
  if (code === -32020 || code === -32022)
    return refuse('bad-answer', { note: `the server refused our request: ${code}` });
  let body = exchange.path.kind === 'all' ? renameErrorUri(bytes, value, target) : bytes;
  if (exchange.era !== link.era) {
    const method = exchange.message.method ?? '';
    body =
      exchange.era === 'legacy'
        ? toLegacyError(method, body)
        : toModernError(method, body, target.asked ?? target.name);
  }
  return { kind: 'error', body, code, isToolError: false, interim };
}

/** An error that names the resource names it as the caller did. */
function renameErrorUri(bytes: Uint8Array, value: unknown, target: GatewayTarget): Uint8Array {
  const data = isObject(value) ? value['data'] : undefined;
  if (target.asked === undefined || !isObject(data) || data['uri'] !== target.name) return bytes;
  const place = locate(bytes, ['data', 'uri']);
  return place === undefined ? bytes : splice(bytes, [{ ...place, bytes: Buffer.from(JSON.stringify(target.asked)) }]);
}

/** Turns a failure of the way into a refusal; what the operator needs goes into its note. */
export function refuseFailure(failure: LinkFailure, limit: number): Refusal {
  const note = failure.detail ?? failure.text;
  const facts = {
    note,
    cause: failure.cause,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
  };
  switch (failure.reason) {
    case 'timeout':
      return refuse('timeout', { note });
    case 'bad-answer':
      return refuse('bad-answer', facts);
    case 'too-large':
      return refuse('answer-too-large', { ...facts, fill: { limit } });
    case 'cancelled':
      return refuse('cancelled', { note });
    case 'unreachable':
    case 'closed':
    case 'session-lost':
    case 'unauthorized':
    case 'busy':
    case 'exhausted':
      return refuse('unavailable', facts);
  }
}
