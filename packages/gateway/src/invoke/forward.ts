/** Carries one request to its upstream and the answer back, through the rounds of questions that it takes. */
import { isRefusal, refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import { isObject, paramHeaders, withAnswers, type JsonObject, type Message } from '@sallyport/protocol';
import type { GatewayTarget } from '../resolve.ts';
import type { ConsentNeed, Link, LinkAnswer, LinkFailure, LinkRequest } from '../upstreams/link.ts';
import { pause } from '../upstreams/ports.ts';
import { acquireFor, type Server } from '../servers.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { mostRounds } from './bounds.ts';
import { askConsent, resumeConsent } from './consent.ts';
import { hasAgreed, isParkable, resumeParked, runParkable, takenFor } from './parked.ts';
import { holdTask, type HeldListener } from './held-task.ts';
import { encodeParams } from './params.ts';
import { createRelay, type Relay } from './relay.ts';
import { askRound, pageComplete, type Round } from './rounds.ts';
import { answerConnect, learnTarget, readLocked } from './unlock.ts';

/** Calls the upstream that the target names. */
export async function forward(exchange: Intended, world: World): Promise<Answer | Refusal> {
  const target: GatewayTarget = exchange.target;
  const server = world.servers.get(target.upstream ?? '');
  if (server === undefined) return refuse('unavailable', { note: 'the server was removed' });
  const relay = createRelay(exchange, target, world);
  if (target.parked !== undefined) return resumeParked(exchange, target, target.parked, server, relay, world);
  if (target.isAgain === true && !hasAgreed(exchange)) return refuse('cancelled', { note: 'the page was not visited' });
  if (target.consent !== undefined) {
    const resumed = await resumeConsent(target.consent, exchange, target, world);
    if (resumed !== 'connected') return resumed;
  }
  const send = async (): Promise<Answer | Refusal | { readonly consent: ConsentNeed }> => {
    if (target.entry?.isConnect === true) {
      const answer = await answerConnect(exchange, server);
      return 'failure' in answer ? refuseOrAsk(answer.failure, exchange.rules.limits.message) : answer;
    }
    if (target.isPending !== true) return forwardTo(server, target, exchange, relay, world);
    const locked = await readLocked(exchange, server, world);
    if (locked !== undefined) return refuseOrAsk(locked, exchange.rules.limits.message);
    const known = await learnTarget(exchange, target, world);
    return isRefusal(known) ? known : forwardTo(server, known, exchange, relay, world);
  };
  const sent = await send();
  if (!('consent' in sent)) return sent;
  const outcome = await askConsent(sent.consent, exchange, target, world);
  if (outcome !== 'connected') return outcome;
  const again = await send();
  if (!('consent' in again)) return again;
  return refuse('upstream-credentials', { note: 'the server does not take what the person has just consented to' });
}

async function forwardTo(
  server: Server,
  target: GatewayTarget,
  exchange: Intended,
  relay: Relay,
  world: World,
): Promise<Answer | Refusal | { readonly consent: ConsentNeed }> {
  const pages: string[] = [];
  let round: Round | undefined;
  for (let count = 0; ; count++) {
    const sent = await sendOnce({ exchange, target, server, relay, world, round });
    if (!('answer' in sent)) return sent;
    const { answer, link } = sent;
    const asking = exchange.era === 'legacy' ? askingResult(answer, link) : undefined;
    if (asking === undefined) {
      if (answer.spans.result !== undefined) for (const page of pages) exchange.caller.send(pageComplete(page));
      return readAnswer(answer, { exchange, target, link, ask: server.ask, interim: relay.count, world });
    }
    if (count === mostRounds) {
      return refuse('unbridgeable', { fill: { detail: 'the server asks for more input again and again' } });
    }
    const gathered = await askRound(asking.body, asking.value, exchange, server, world);
    if (isRefusal(gathered)) return gathered;
    // A server that only wants to be tried again is given time.
    if (gathered.responses.length === 0) await pause(world.timers, Math.min(5000, 250 * 2 ** count));
    pages.push(...gathered.pages);
    round = gathered;
  }
}

/** A modern server's result that asks for more before it goes on. */
function askingResult(message: Message, link: Link): { body: Uint8Array; value: JsonObject } | undefined {
  const { bytes, spans } = message;
  if (link.era === 'legacy' || spans.result === undefined) return undefined;
  const result = message.value['result'];
  if (!isObject(result) || result['resultType'] !== 'input_required') return undefined;
  return { body: bytes.subarray(spans.result.start, spans.result.end), value: result };
}

interface Sending {
  readonly exchange: Intended;
  readonly target: GatewayTarget;
  readonly server: Server;
  readonly relay: Relay;
  readonly world: World;
  /** Answers to what the server asked last. */
  readonly round: Round | undefined;
}

/** One try upstream: what came back, or what the caller gets instead. */
async function sendOnce(
  sending: Sending,
): Promise<{ readonly answer: Message; readonly link: Link } | { readonly consent: ConsentNeed } | Answer | Refusal> {
  const { exchange, target, server, relay, world } = sending;
  const limit = exchange.rules.limits.message;
  // A lost session means that the request was not looked at, so one more try cannot do anything twice.
  for (let attempt = 0; ; attempt++) {
    // Nearly always there at once, and waiting for what is there costs a turn.
    const acquiring = acquireFor(exchange, server, takenFor(exchange, server, world));
    const acquired = acquiring instanceof Promise ? await acquiring : acquiring;
    if (acquired.kind === 'failure') return refuseOrAsk(acquired.failure, limit);
    const { link } = acquired;
    if (target.task !== undefined && target.task.era !== link.era) {
      return refuse('unavailable', { note: 'the server speaks another era than when the task began' });
    }
    const preparing = world.subscriptions.prepare(link, server, exchange);
    if (preparing !== undefined) await preparing;
    const answer = await sendOver(link, sending);
    if ('body' in answer) return answer;
    server.upstream.observe(answer);
    if (answer.kind === 'failure') {
      if (answer.failure.reason === 'session-lost' && attempt === 0 && relay.count === 0) continue;
      return refuseOrAsk(answer.failure, limit);
    }
    if (relay.refused !== undefined) return refuseFailure(relay.refused, limit);
    return { answer: answer.message, link };
  }
}

/** A failure that the person can mend is not the end. */
function refuseOrAsk(failure: LinkFailure, limit: number): Refusal | { readonly consent: ConsentNeed } {
  const { reason, consent } = failure;
  return reason === 'consent' && consent !== undefined ? { consent } : refuseFailure(failure, limit);
}

function sendOver(
  link: Link,
  { exchange, target, server, relay, world, round }: Sending,
): Promise<LinkAnswer | Answer> {
  // The one request that a server answers only when its task has ended.
  const isPatient = exchange.message.method === 'tasks/result';
  const id = link.mint();
  const params = encodeParams(exchange, target, link, id, server.ask);
  const isHeld = target.entry?.isTaskOnly === true && exchange.era === 'modern' && link.era === 'legacy';
  const request = (cancellation: LinkRequest['cancellation'], listener: HeldListener): Promise<LinkAnswer> => {
    const made: LinkRequest = {
      id,
      method: exchange.message.method ?? '',
      params: round === undefined ? params : withAnswers(params, round.responses, round.requestState),
      name: target.name,
      headers: mirroredHeaders(exchange, target),
      timeoutMs: isPatient ? server.maxTimeMs : server.timeoutMs,
      maxTimeMs: server.maxTimeMs,
      cancellation,
    };
    return isHeld ? holdTask(link, server, made, listener) : link.request(made, listener);
  };
  if (isParkable(exchange, link, server)) return runParkable(exchange, target, link, server, relay, world, request);
  return request(exchange.cancellation, relay);
}

const noHeaders: Readonly<Record<string, string>> = {};

/** `Mcp-Param-*`: those of the accepted definition made anew, unknown ones of the caller as they came. */
function mirroredHeaders(exchange: Intended, target: GatewayTarget): Readonly<Record<string, string>> {
  const annotations = target.entry?.paramHeaders ?? [];
  const { head } = exchange;
  // What a legacy caller sends under these names was never held against its arguments.
  const given = exchange.era === 'modern' && head?.hasParamHeaders === true ? head.headers : undefined;
  if (annotations.length === 0 && given === undefined) return noHeaders;
  const args = exchange.message.params?.['arguments'];
  const headers: Record<string, string> = {};
  const own = new Set(annotations.map(({ header }) => header));
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name.startsWith('mcp-param-') && !own.has(name) && value !== undefined) headers[name] = value;
  }
  return { ...headers, ...paramHeaders(isObject(args) ? args : undefined, annotations) };
}
