/**
 * Reads a resource, from memory where a modern server allows it. Whoever comes here has been authorized and has its
 * intent on record, whether or not the server is asked.
 */
import type { Answer, Intended, Refusal } from '@sallyport/guard';
import {
  CLIENT_CAPABILITIES_KEY,
  isObject,
  metaOf,
  RESERVED_META_PREFIX,
  setMembers,
  splice,
  type JsonObject,
} from '@sallyport/protocol';
import { isTtl } from '../cache/hints.ts';
import type { CacheWish, Taken } from '../cache/result-cache.ts';
import type { GatewayTarget } from '../resolve.ts';
import { acquireFor, type Server } from '../servers.ts';
import type { Link, LinkAnswer } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { forward } from './forward.ts';
import { carriedCapabilities, encodeParams } from './params.ts';
import { createRelay } from './relay.ts';

/** Answers `resources/read`. */
export async function readResource(exchange: Intended, world: World): Promise<Answer | Refusal> {
  const target: GatewayTarget = exchange.target;
  const server = world.servers.get(target.upstream ?? '');
  if (server === undefined || !isPlain(exchange, server)) return forward(exchange, world);
  const acquiring = acquireFor(exchange, server);
  const acquired = acquiring instanceof Promise ? await acquiring : acquiring;
  // What the person has to consent to is asked for on the ordinary way.
  if (acquired.kind === 'failure' && acquired.failure.reason === 'consent') return forward(exchange, world);
  if (acquired.kind === 'failure') return refuseFailure(acquired.failure, exchange.rules.limits.message);
  // Only modern servers say what may be kept.
  if (acquired.link.era === 'legacy') return forward(exchange, world);
  return readKept(exchange, target, server, acquired.link, world);
}

async function readKept(
  exchange: Intended,
  target: GatewayTarget,
  server: Server,
  link: Link,
  world: World,
): Promise<Answer | Refusal> {
  const { principal, cancellation, rules } = exchange;
  const relay = createRelay(exchange, target, world);
  const wish: CacheWish = {
    server: server.name,
    link,
    uri: target.name,
    variant: variantOf(exchange, server, link),
    authorization: JSON.stringify([principal.id, principal.agent ?? null, principal.access.key]),
    cancellation,
  };
  const taking = world.results.take(wish, async (over): Promise<LinkAnswer> => {
    const id = link.mint();
    const asked = await link.request(
      {
        id,
        method: 'resources/read',
        params: encodeParams(exchange, target, link, id, server.ask),
        name: target.name,
        timeoutMs: server.timeoutMs,
        maxTimeMs: server.maxTimeMs,
        cancellation: over,
      },
      relay,
    );
    server.upstream.observe(asked);
    return asked;
  });
  const taken = taking instanceof Promise ? await taking : taking;
  const { answer } = taken;
  if (answer.kind === 'failure' && answer.failure.reason === 'consent') return forward(exchange, world);
  if (answer.kind === 'failure') return refuseFailure(answer.failure, rules.limits.message);
  if (relay.refused !== undefined) return refuseFailure(relay.refused, rules.limits.message);
  // The rounds of questions that a legacy caller is led through are the ordinary way's; a read can be asked for again.
  if (exchange.era === 'legacy' && isAsking(answer)) return forward(exchange, world);
  const read = readAnswer(answer.message, { exchange, target, link, ask: server.ask, interim: relay.count, world });
  if ('isRefusal' in read || exchange.era === 'legacy' || read.kind === 'error') return read;
  return { ...read, body: withHints(read.body, answer.message.value['result'], taken, principal.kind === 'anonymous') };
}

function isAsking({ message }: Extract<LinkAnswer, { kind: 'answer' }>): boolean {
  const { result } = message.value;
  return isObject(result) && result['resultType'] === 'input_required';
}

/** Members of a read's params beside `_meta`. */
const knownParams: ReadonlySet<string> = new Set(['uri', '_meta']);
/** Members of `_meta` that have nothing to do with what is answered. */
const neutralMeta: ReadonlySet<string> = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage']);

/** False for a read whose answer may depend on what is not known here, so that it is neither kept nor shared. */
function isPlain({ message, era, head }: Intended, server: Server): boolean {
  const { params } = message;
  // A server may ask legacy callers questions in the middle of a read, each its own.
  if (era === 'legacy' && server.ask.length > 0) return false;
  if (params === undefined || head?.hasParamHeaders === true) return false;
  for (const name in params) if (!knownParams.has(name)) return false;
  for (const name in metaOf(params)) if (!neutralMeta.has(name) && !name.startsWith(RESERVED_META_PREFIX)) return false;
  return true;
}

/** What the answer to such a read may depend on beside the resource: what the server is told that it may ask for. */
function variantOf({ message }: Intended, server: Server, { peer }: Link): string {
  const declared = metaOf(message.params)?.[CLIENT_CAPABILITIES_KEY];
  return JSON.stringify(isObject(declared) ? carriedCapabilities(declared, server.ask, peer.capabilities) : {});
}

/**
 * Puts on an answer what holds for it here and now. A resource is read by leave of this gateway, so nobody behind the
 * caller may hand it on to others; hints that make no sense become none.
 */
function withHints(body: Uint8Array, result: unknown, { leftMs }: Taken, isAnonymous: boolean): Uint8Array {
  if (!isObject(result)) return body;
  const isComplete = result['resultType'] === undefined || result['resultType'] === 'complete';
  if (!isComplete && !('ttlMs' in result) && !('cacheScope' in result)) return body;
  const ttlMs = leftMs ?? 0;
  const cacheScope = isAnonymous && leftMs !== undefined && result['cacheScope'] === 'public' ? 'public' : 'private';
  if (hasHints(result, ttlMs, cacheScope)) return body;
  const edits = setMembers(body, { start: 0, end: body.length }, [
    ['ttlMs', Buffer.from(String(ttlMs))],
    ['cacheScope', Buffer.from(JSON.stringify(cacheScope))],
  ]);
  return splice(body, edits);
}

function hasHints(result: JsonObject, ttlMs: number, cacheScope: string): boolean {
  return isTtl(result['ttlMs']) && result['ttlMs'] === ttlMs && result['cacheScope'] === cacheScope;
}
