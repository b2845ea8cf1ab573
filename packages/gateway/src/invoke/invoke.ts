/** Which method does what. The table is the gateway's whole vocabulary; a method that is not in it does not exist. */
import { refuse, type Answer, type CallerSession, type Intended, type Refusal } from '@sallyport/guard';
import type { World } from '../world.ts';
import { forward } from './forward.ts';
import { answerDiscover, answerInitialize, answerPing, answerSetLevel } from './handshake.ts';
import { answerList } from './lists.ts';
import { takeNotification, takeResponse } from './notices.ts';

type Handler = (exchange: Intended, world: World) => Answer | Refusal | Promise<Answer | Refusal>;

const handlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['tools/call', forward],
  ['prompts/get', forward],
  ['resources/read', forward],
  ['completion/complete', forward],
  ['tools/list', answerList],
  ['prompts/list', answerList],
  ['resources/list', answerList],
  ['resources/templates/list', answerList],
  ['resources/subscribe', (exchange, world) => world.subscriptions.subscribe(exchange, world)],
  ['resources/unsubscribe', (exchange, world) => world.subscriptions.unsubscribe(exchange, world)],
  ['subscriptions/listen', (exchange, world) => world.subscriptions.listen(exchange, world)],
  ['logging/setLevel', answerSetLevel],
  ['initialize', answerInitialize],
  ['server/discover', answerDiscover],
  ['ping', answerPing],
]);

/** The gateway's invoker (the core's port). */
export function invokeTarget(exchange: Intended, world: World): Answer | Refusal | Promise<Answer | Refusal> {
  const { kind, method, id } = exchange.message;
  if (kind === 'response') return takeResponse(exchange);
  if (kind === 'notification') return takeNotification(exchange);
  const handler = handlers.get(method ?? '');
  if (handler === undefined) return refuse('unknown-method');
  const conversation = exchange.connection ?? exchange.session;
  const answer = handler(exchange, world);
  if (conversation === undefined || !(answer instanceof Promise) || id === undefined || id === null) return answer;
  return trackCall(answer, id, exchange, conversation);
}

/** Lets a `notifications/cancelled` of the same conversation find the call while it runs. */
async function trackCall(
  answer: Promise<Answer | Refusal>,
  id: string | number,
  exchange: Intended,
  { inflight }: CallerSession,
): Promise<Answer | Refusal> {
  inflight.set(id, exchange.cancellation);
  try {
    return await answer;
  } finally {
    if (inflight.get(id) === exchange.cancellation) inflight.delete(id);
  }
}
