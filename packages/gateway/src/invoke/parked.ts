/**
 * Calls of modern callers to legacy servers that may ask: they run in a place of their own, so that they can wait for the
 * caller's next request. The caller gets the questions as `input_required`, with a sealed state that leads back.
 */
import { refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import { isObject, locate, members, toLegacyResult, writeInputRequired } from '@sallyport/protocol';
import { handleBinding, stateSubject, type GatewayTarget, type ParkedState } from '../resolve.ts';
import type { Server } from '../servers.ts';
import type { Link, LinkAnswer, LinkListener, LinkRequest } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { roundMs } from './bounds.ts';
import { canAsk, declaredBy } from './declared.ts';
import { interactiveMethods } from './interactive.ts';
import type { ParkableCall } from './parking.ts';
import type { Relay } from './relay.ts';

/** True for a call that its server may interrupt with a question which has to wait for the caller's next request. */
export function isParkable(exchange: Intended, link: Link, server: Server): boolean {
  if (exchange.era !== 'modern' || link.era !== 'legacy' || server.ask.length === 0) return false;
  return interactiveMethods.has(exchange.message.method ?? '') && canAsk(server.ask, declaredBy(exchange));
}

/**
 * Says which conversations a call that can be asked keeps out of: where a question names no call, one that waits for its
 * caller's answer leaves no room for another's. `undefined` where there is none to keep out of.
 */
export function takenFor(
  exchange: Intended,
  server: Server,
  { parking }: World,
): ((link: Link) => boolean) | undefined {
  if (parking.size === 0 || exchange.era !== 'modern' || !interactiveMethods.has(exchange.message.method ?? '')) {
    return undefined;
  }
  if (!canAsk(server.ask, declaredBy(exchange))) return undefined;
  return (link) => link.carrier !== 'http' && parking.hasOn(link);
}

type Send = (cancellation: LinkRequest['cancellation'], listener: LinkListener) => Promise<LinkAnswer>;

/**
 * Runs a call until its answer or its first question.
 *
 * @param send - sends it upstream
 */
export async function runParkable(
  exchange: Intended,
  target: GatewayTarget,
  link: Link,
  server: Server,
  relay: Relay,
  world: World,
  send: Send,
): Promise<LinkAnswer | Answer> {
  const call = world.parking.begin({
    principal: exchange.principal,
    exchange: exchange.id,
    server: server.name,
    link,
    ask: server.ask,
    declared: declaredBy(exchange),
    roundMs: Math.min(roundMs, server.maxTimeMs),
  });
  call.follow(send(call.cancellation, call));
  const outcome = await call.wait(relay, exchange.cancellation);
  return outcome === 'asked' ? answerQuestions(exchange, target, call, relay, world) : outcome;
}

/** Goes on with a call that waits, with what the caller answered. A call that is not there is never begun anew. */
export async function resumeParked(
  exchange: Intended,
  target: GatewayTarget,
  { park, round }: ParkedState,
  server: Server,
  relay: Relay,
  world: World,
): Promise<Answer | Refusal> {
  const call = world.parking.take(park, round, exchange.principal.id);
  if (call === undefined) return refuse('bad-handle', { fill: { handle: 'requestState' } });
  for (const [key, body] of givenAnswers(exchange)) call.settle(key, body);
  const outcome = await call.wait(relay, exchange.cancellation);
  if (outcome === 'asked') return answerQuestions(exchange, target, call, relay, world);
  const limit = exchange.rules.limits.message;
  if (outcome.kind === 'failure') return refuseFailure(outcome.failure, limit);
  if (relay.refused !== undefined) return refuseFailure(relay.refused, limit);
  const { link } = call.what;
  return readAnswer(outcome.message, { exchange, target, link, ask: server.ask, interim: relay.count, world });
}

function answerQuestions(
  exchange: Intended,
  target: GatewayTarget,
  call: ParkableCall,
  relay: Relay,
  world: World,
): Answer {
  call.park();
  const binding = handleBinding(exchange, stateSubject(target, exchange));
  const payload: ParkedState = { park: call.id, round: call.round, node: world.parking.node };
  const state = world.seal.close('state', binding, payload, call.what.roundMs);
  const body = writeInputRequired(call.questions, state);
  return { kind: 'result', body, isToolError: false, interim: relay.count };
}

/** The answers that came with a request, as a legacy server reads them; what is no object is no answer. */
function givenAnswers({ message }: Intended): [string, Uint8Array][] {
  const given = message.params?.['inputResponses'];
  const span = locate(message.bytes, ['params', 'inputResponses']);
  if (!isObject(given) || span === undefined) return [];
  const answers: [string, Uint8Array][] = [];
  for (const { key, value } of members(message.bytes, span)) {
    if (!isObject(given[key])) continue;
    answers.push([key, toLegacyResult('', message.bytes.subarray(value.start, value.end))]);
  }
  return answers;
}

/** True when the caller agreed to every page that it was asked to visit. */
export function hasAgreed({ message }: Intended): boolean {
  const given = message.params?.['inputResponses'];
  const answers = isObject(given) ? Object.values(given) : [];
  return answers.length > 0 && answers.every((answer) => isObject(answer) && answer['action'] === 'accept');
}
