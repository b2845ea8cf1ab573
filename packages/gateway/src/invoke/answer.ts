/** What an upstream's answer becomes for the caller: its names, its era, its handles sealed. */
import { refuse, type RefusalName, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import {
  isHopError,
  isObject,
  locate,
  MISSING_CLIENT_CAPABILITY,
  readQuestions,
  readUrlQuestions,
  splice,
  toLegacyError,
  toLegacyResult,
  toModernError,
  toModernResult,
  URL_ELICITATION_REQUIRED,
  writeInputRequired,
  type JsonObject,
  type Message,
  type Question,
  type Span,
} from '@sallyport/protocol';
import { isPrefixed } from '../names.ts';
import { handleBinding, stateSubject, type GatewayTarget } from '../resolve.ts';
import type { AskKind, Link, LinkFailure } from '../upstreams/link.ts';
import { stopReasons } from '../running-calls.ts';
import type { World } from '../world.ts';
import { declaredBy, findBar } from './declared.ts';
import { interactiveMethods } from './interactive.ts';
import { dropOurMarks, mayHoldOurMark } from './our-marks.ts';
import { longestState, mostRounds, roundMs } from './bounds.ts';
import { mayHoldUri, rewriteResult } from './rewrite.ts';
import { isTaskBegun, readTask, sealTask } from './tasks.ts';

/** How many states of one call a server may hand out to a modern caller, who is free to stop at any. */
const mostStates = 64;

export interface AnswerContext {
  readonly exchange: Intended;
  readonly target: GatewayTarget;
  readonly link: Link;
  readonly ask: readonly AskKind[];
  readonly interim: number;
  readonly world: World;
}

const askKinds: readonly AskKind[] = ['elicitation', 'sampling', 'roots'];

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
  const { exchange, target, link, interim } = context;
  const { resultType, isError } = message.spans;
  if (target.task !== undefined || exchange.message.params?.['task'] !== undefined) return undefined;
  if (exchange.era !== link.era || (resultType !== undefined && !isWritten(message, resultType, completeText))) {
    return undefined;
  }
  const body = message.bytes.subarray(span.start, span.end);
  if (body[0] !== openBrace || mayHoldOurMark(body)) return undefined;
  if (isPrefixed(exchange.path) && mayHoldUri(body)) return undefined;
  const isToolError = isError !== undefined && isWritten(message, isError, trueText);
  return { kind: 'result', body, isToolError, interim };
}

const openBrace = 0x7b;

function isWritten({ bytes }: Message, { start, end }: Span, text: Buffer): boolean {
  return end - start === text.length && text.compare(bytes, start, end) === 0;
}

function readResult(received: Uint8Array, value: unknown, context: AnswerContext): Answer | Refusal {
  const { exchange, target, link, interim } = context;
  if (!isObject(value)) return refuse('bad-answer', { note: 'the result is not an object' });
  const bytes = dropOurMarks(received, value, []);
  if (isTaskBegun(value, exchange, link)) {
    const begun = sealTask(bytes, value, exchange, target, link, context.world);
    return begun instanceof Uint8Array ? { kind: 'result', body: begun, isToolError: false, interim } : begun;
  }
  const isAsking = link.era === 'modern' && value['resultType'] === 'input_required';
  if (!isAsking && link.era === 'modern' && !isComplete(value['resultType'])) {
    return refuse('bad-answer', { note: `a result of the unknown type ${String(value['resultType'])}` });
  }
  if (target.task !== undefined && !isAsking) {
    return readTask(bytes, value, exchange, target.task, context, interim);
  }
  let body = isPrefixed(exchange.path) ? rewriteResult(target.upstream ?? '', bytes, value) : bytes;
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

/** Checks what the server asks this modern caller for, and seals its state to the caller, target and arguments. */
function sealState(body: Uint8Array, value: JsonObject, context: AnswerContext): Uint8Array | Refusal {
  const { exchange, target, world } = context;
  if (exchange.era === 'legacy' || !interactiveMethods.has(exchange.message.method ?? '')) {
    return refuse('bad-answer', { note: 'the server asks where nobody can be asked' });
  }
  const questions = readQuestions(body, value);
  if (questions === undefined) return refuse('bad-answer', { note: 'inputRequests that cannot be read' });
  const barred = judgeQuestions(questions, context.ask, declaredBy(exchange));
  if (barred !== undefined) return barred;
  const state = value['requestState'];
  const place = locate(body, ['requestState']);
  if (state === undefined && questions.length > 0) {
    noteQuestions(questions, context);
    return body;
  }
  if (typeof state !== 'string' || place === undefined) {
    return refuse('bad-answer', { note: 'input_required without questions or a state that can be read' });
  }
  if (state.length > longestState) return refuse('bad-answer', { note: 'a requestState that is too long to carry' });
  const round = (target.round ?? 0) + 1;
  if (round > mostStates) return refuse('bad-answer', { note: 'the server asks again and again' });
  const binding = handleBinding(exchange, stateSubject(target, exchange));
  const sealed = world.seal.close('state', binding, { state, round }, roundMs);
  noteQuestions(questions, context);
  return splice(body, [{ ...place, bytes: Buffer.from(JSON.stringify(sealed)) }]);
}

/** Each question that reaches a caller has a record of its own; how it was answered shows in the retry's. */
function noteQuestions(questions: readonly Question[], { exchange, target, world }: AnswerContext): void {
  const { id, principal, door } = exchange;
  for (const { method } of questions) {
    world.audit.append({
      kind: 'outcome',
      exchange: id,
      principal,
      door,
      era: 'modern',
      method,
      target: { upstream: target.upstream, kind: 'caller', name: method },
      outcome: { status: 'ok', reason: 'asked in the result' },
    });
  }
}

function readError(bytes: Uint8Array, value: unknown, context: AnswerContext): Answer | Refusal {
  const { exchange, link, interim, target } = context;
  const code = isObject(value) ? value['code'] : undefined;
  if (!isObject(value) || typeof code !== 'number') return refuse('bad-answer', { note: 'an error without a code' });
  if (link.era === 'modern' && isHopError(code)) return readHopError(code, value, context);
  if (code === URL_ELICITATION_REQUIRED && link.era === 'legacy') {
    const asked = readPages(value, context);
    if (asked !== undefined) return asked;
  }
  let body = isPrefixed(exchange.path) ? renameErrorUri(bytes, value, target) : bytes;
  if (exchange.era !== link.era) {
    const method = exchange.message.method ?? '';
    body =
      exchange.era === 'legacy'
        ? toLegacyError(method, body)
        : toModernError(method, body, target.asked ?? target.name);
  }
  return { kind: 'error', body, code: codeIn(body, code), isToolError: false, interim };
}

/** An error that was made to fit the caller may have another code than it came with. */
function codeIn(body: Uint8Array, code: number): number {
  const place = locate(body, ['code']);
  return place === undefined ? code : Number(Buffer.from(body.subarray(place.start, place.end)).toString());
}

/**
 * An error about our hop says nothing about the caller's, except that a capability is missing which we did not declare
 * because the caller had not.
 */
function readHopError(code: number, error: JsonObject, context: AnswerContext): Answer | Refusal {
  const { exchange, interim, ask } = context;
  if (code !== MISSING_CLIENT_CAPABILITY) {
    return refuse('bad-answer', { note: `the server refused our request: ${code}` });
  }
  const data = isObject(error['data']) ? error['data'] : {};
  const required = isObject(data['requiredCapabilities']) ? data['requiredCapabilities'] : {};
  const declared = declaredBy(exchange);
  const missing = Object.entries(required).filter(([name]) => !isObject(declared[name]));
  if (exchange.era === 'legacy' && isObject(required['extensions'])) {
    return refuse('unbridgeable', { fill: { detail: 'the server does this as a task of the newer revision only' } });
  }
  const barred = askKinds.find((name) => Object.hasOwn(required, name) && !ask.includes(name));
  if (barred !== undefined) return refuse('cannot-ask', { fill: { detail: `its \`ask\` does not allow ${barred}` } });
  if (exchange.era === 'legacy' || missing.length === 0) {
    const names = Object.keys(required).join(', ');
    const detail = names === '' ? 'you did not declare what it needs' : `you did not declare all of ${names}`;
    return refuse('cannot-ask', { fill: { detail } });
  }
  const body = {
    code: MISSING_CLIENT_CAPABILITY,
    message: 'Missing required client capability',
    data: { requiredCapabilities: Object.fromEntries(missing) },
  };
  return { kind: 'error', body: Buffer.from(JSON.stringify(body)), code, isToolError: false, interim };
}

/**
 * A legacy server that wants pages visited first (-32042): a modern caller is asked, and its next try begins the call
 * again, as the server expects; a legacy caller gets the error, where it may be asked at all.
 */
function readPages(error: JsonObject, context: AnswerContext): Answer | Refusal | undefined {
  const { exchange, target, world, ask, interim } = context;
  const questions = readUrlQuestions(error);
  if (questions === undefined) return refuse('bad-answer', { note: 'URL elicitations that cannot be read' });
  const barred = judgeQuestions(questions, ask, declaredBy(exchange));
  if (barred !== undefined || exchange.era === 'legacy') return barred;
  if (!interactiveMethods.has(exchange.message.method ?? '')) return undefined;
  const round = (target.round ?? 0) + 1;
  if (round > mostRounds) return refuse('bad-answer', { note: 'the server asks again and again' });
  const binding = handleBinding(exchange, stateSubject(target, exchange));
  const state = world.seal.close('state', binding, { isAgain: true, round }, roundMs);
  return { kind: 'result', body: writeInputRequired(questions, state), isToolError: false, interim };
}

/** Holds questions against `ask` and what the caller declared. */
function judgeQuestions(
  questions: readonly Question[],
  ask: readonly AskKind[],
  declared: JsonObject,
): Refusal | undefined {
  for (const { method, value } of questions) {
    const detail = findBar(method, value, ask, declared);
    if (detail !== undefined) return refuse('cannot-ask', { fill: { detail } });
  }
  return undefined;
}

/** An error that names the resource names it as the caller did. */
function renameErrorUri(bytes: Uint8Array, value: unknown, target: GatewayTarget): Uint8Array {
  const data = isObject(value) ? value['data'] : undefined;
  if (target.asked === undefined || !isObject(data) || data['uri'] !== target.name) return bytes;
  const place = locate(bytes, ['data', 'uri']);
  return place === undefined ? bytes : splice(bytes, [{ ...place, bytes: Buffer.from(JSON.stringify(target.asked)) }]);
}

/** What a caller is told of a call that an administrator stopped. */
const stopRefusals: ReadonlyMap<string, RefusalName> = new Map<string, RefusalName>([
  [stopReasons.caller, 'caller-blocked'],
  [stopReasons.target, 'blocked'],
]);

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
      return refuse(stopRefusals.get(note) ?? 'cancelled', { note });
    case 'credentials':
      return refuse('upstream-credentials', facts);
    case 'identity':
      return refuse('upstream-identity', { note, fill: { detail: failure.text } });
    case 'consent':
      return refuse('upstream-consent', {
        note,
        fill: {
          detail: failure.text,
          server: failure.consent?.server ?? 'SERVER',
          principal: failure.consent?.principal ?? 'ID',
        },
      });
    case 'unreachable':
    case 'closed':
    case 'session-lost':
    case 'unauthorized':
    case 'busy':
    case 'exhausted':
      return refuse('unavailable', facts);
  }
}
