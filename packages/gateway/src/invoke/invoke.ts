/** Which method does what. The table is the gateway's whole vocabulary; a method that is not in it does not exist. */
import { refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import type { World } from '../world.ts';
import { findLost } from './lost-session.ts';
import { forward } from './forward.ts';
import { answerDiscover, answerInitialize, answerPing, answerSetLevel } from './handshake.ts';
import { answerList } from './lists.ts';
import { readResource } from './read.ts';
import type { GatewayTarget } from '../resolve.ts';
import { answerMeta } from '../search/answer.ts';
import { takeNotification, takeResponse } from './notices.ts';
import { unlock } from './unlock.ts';

type Handler = (exchange: Intended, world: World) => Answer | Refusal | Promise<Answer | Refusal>;

const handlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['tools/call', callTool],
  ['prompts/get', forward],
  ['resources/read', readResource],
  ['completion/complete', forward],
  ['tasks/get', forward],
  ['tasks/update', forward],
  ['tasks/result', forward],
  ['tasks/cancel', forward],
  ['tools/list', answerUnlocked],
  ['prompts/list', answerUnlocked],
  ['resources/list', answerUnlocked],
  ['resources/templates/list', answerUnlocked],
  ['resources/subscribe', (exchange, world) => world.subscriptions.subscribe(exchange, world)],
  ['resources/unsubscribe', (exchange, world) => world.subscriptions.unsubscribe(exchange, world)],
  ['subscriptions/listen', (exchange, world) => world.subscriptions.listen(exchange, world)],
  ['logging/setLevel', answerSetLevel],
  ['initialize', answerInitialize],
  ['server/discover', answerDiscover],
  ['ping', answerPing],
]);

/** A tool of a server, or one of our own. */
function callTool(exchange: Intended, world: World): ReturnType<Handler> {
  const { meta }: GatewayTarget = exchange.target;
  return meta === undefined ? forward(exchange, world) : answerMeta(exchange, meta, world);
}

/** What a server tells only to callers of its own is read first, where this one is such a caller. */
function answerUnlocked(exchange: Intended, world: World): Answer | Refusal | Promise<Answer | Refusal> {
  const unlocking = unlock(exchange, world);
  return unlocking === undefined ? answerList(exchange, world) : unlocking.then(() => answerList(exchange, world));
}

/** The gateway's invoker (the core's port). */
export function invokeTarget(exchange: Intended, world: World): Answer | Refusal | Promise<Answer | Refusal> {
  const { kind, method } = exchange.message;
  if (kind === 'response') return takeResponse(exchange);
  if (kind === 'notification') return takeNotification(exchange);
  const handler = handlers.get(method ?? '');
  if (handler === undefined) return refuse('unknown-method');
  const lost = findLost(exchange, world);
  return lost === undefined ? handler(exchange, world) : lost.then((refusal) => refusal ?? handler(exchange, world));
}
