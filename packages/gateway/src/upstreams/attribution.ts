/**
 * Whose message is it? On one conversation that carries many requests, a message belongs to a request only where the
 * protocol says so; a guess could hand one caller's words to another.
 */
import { INTERNAL_ERROR, isObject, METHOD_NOT_FOUND, SUBSCRIPTION_ID_KEY, type Message } from '@sallyport/protocol';
import { askKindOf, type AskAnswer, type AskKind } from './link.ts';
import type { PendingCall } from './pending-call.ts';
import { encodeJson, encodeResponse } from './wire.ts';

/** Requests during which a server may ask its caller something. */
const INTERACTIVE: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read', 'tasks/result']);

/** The calls of one conversation, by id. */
export interface CallsInFlight {
  readonly size: number;
  get(id: number): PendingCall | undefined;
  values(): Iterable<PendingCall>;
}

const EMPTY_RESULT = encodeJson({});

/**
 * Returns the request in flight that a notification belongs to: by progress token, by subscription id, or, for logs of
 * a conversation with one caller, because only one request is in flight.
 */
export const ownerOfNotification = (
  calls: CallsInFlight,
  message: Message,
  isShared: boolean,
): PendingCall | undefined => {
  const { params } = message;
  if (message.method === 'notifications/progress') {
    const token = params?.['progressToken'];
    return typeof token === 'number' ? calls.get(token) : undefined;
  }
  const meta = params?.['_meta'];
  const subscription = isObject(meta) ? meta[SUBSCRIPTION_ID_KEY] : undefined;
  if (subscription !== undefined) {
    const id = typeof subscription === 'string' ? Number(subscription) : subscription;
    return typeof id === 'number' ? calls.get(id) : undefined;
  }
  if (message.method !== 'notifications/message' || isShared || calls.size !== 1) return undefined;
  for (const call of calls.values()) return call;
  return undefined;
};

/** Returns the call that an unattributed server request can only belong to: the one interactive call in flight. */
export const ownerOfRequest = (calls: CallsInFlight, isShared: boolean): PendingCall | undefined => {
  if (isShared) return undefined;
  let owner: PendingCall | undefined;
  for (const call of calls.values()) {
    if (!INTERACTIVE.has(call.request.method)) continue;
    if (owner !== undefined) return undefined;
    owner = call;
  }
  return owner;
};

/**
 * Gets a server's request answered and returns the bytes of the answer: `ping` by us, allowed kinds of asking by the
 * owner of the call, everything else with "method not found".
 *
 * @param owner - the call that the request belongs to, where that is certain
 * @param ask - kinds that may reach a caller
 * @param onRefused - told the method of a request that reached nobody
 */
export const answerServerRequest = async (
  message: Message,
  owner: PendingCall | undefined,
  ask: readonly AskKind[],
  onRefused: (method: string) => void,
): Promise<Buffer> => {
  const id = message.id ?? '';
  const method = message.method ?? '';
  if (method === 'ping') return encodeResponse(id, 'result', EMPTY_RESULT);
  const kind = askKindOf(method);
  if (owner === undefined || owner.isSettled || kind === undefined || !ask.includes(kind)) {
    onRefused(method);
    return encodeResponse(id, 'error', encodeJson({ code: METHOD_NOT_FOUND, message: 'Method not found' }));
  }
  let answer: AskAnswer;
  try {
    answer = await owner.ask(message);
  } catch {
    answer = { kind: 'error', body: encodeJson({ code: INTERNAL_ERROR, message: 'Internal error' }) };
  }
  return encodeResponse(id, answer.kind, answer.body);
};
