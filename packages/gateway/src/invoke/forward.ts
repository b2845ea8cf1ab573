/** Carries one request to its upstream and the answer back. */
import { refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import { isObject, paramHeaders } from '@sallyport/protocol';
import type { GatewayTarget } from '../resolve.ts';
import type { Link, LinkAnswer } from '../upstreams/link.ts';
import { acquireFor, type Server } from '../servers.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { encodeParams } from './params.ts';
import { createRelay, type Relay } from './relay.ts';

/** Calls the upstream that the target names. */
export async function forward(exchange: Intended, world: World): Promise<Answer | Refusal> {
  const target: GatewayTarget = exchange.target;
  const server = world.servers.get(target.upstream ?? '');
  if (server === undefined) return refuse('unavailable', { note: 'the server was removed' });
  const limit = exchange.rules.limits.message;
  const relay = createRelay(exchange, target, world);
  // A lost session means that the request was not looked at, so one more try cannot do anything twice.
  for (let attempt = 0; ; attempt++) {
    // Nearly always there at once, and waiting for what is there costs a turn.
    const acquiring = acquireFor(exchange, server);
    const acquired = acquiring instanceof Promise ? await acquiring : acquiring;
    if (acquired.kind === 'failure') return refuseFailure(acquired.failure, limit);
    const { link } = acquired;
    const preparing = world.subscriptions.prepare(link, server, exchange);
    if (preparing !== undefined) await preparing;
    const answer = await send(exchange, target, link, server, relay);
    server.upstream.observe(answer);
    if (answer.kind === 'failure') {
      if (answer.failure.reason === 'session-lost' && attempt === 0 && relay.count === 0) continue;
      return refuseFailure(answer.failure, limit);
    }
    if (relay.refused !== undefined) return refuseFailure(relay.refused, limit);
    return readAnswer(answer.message, { exchange, target, link, ask: server.ask, interim: relay.count, world });
  }
}

function send(
  exchange: Intended,
  target: GatewayTarget,
  link: Link,
  server: Server,
  relay: Relay,
): Promise<LinkAnswer> {
  const id = link.mint();
  return link.request(
    {
      id,
      method: exchange.message.method ?? '',
      params: encodeParams(exchange, target, link, id, server.ask),
      name: target.name,
      headers: mirroredHeaders(exchange, target),
      timeoutMs: server.timeoutMs,
      maxTimeMs: server.maxTimeMs,
      cancellation: exchange.cancellation,
    },
    relay,
  );
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
