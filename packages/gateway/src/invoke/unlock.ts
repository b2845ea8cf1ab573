/**
 * Servers that tell what they publish only to callers with a credential of their own: it is read over the conversation of
 * whoever has one, as soon as that caller asks for a list or calls something.
 */
import { isRefusal, refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import { resolveTarget, type GatewayTarget } from '../resolve.ts';
import { acquireFor, wishOf, type Server } from '../servers.ts';
import type { LinkFailure } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { refuseFailure } from './answer.ts';
import { presentServers } from './presence.ts';

/** How long a list waits for it, milliseconds. */
const waitMs = 5_000;

/** Reads what locked servers publish, where this caller can; `undefined` when there is nothing to wait for. */
export function unlock(exchange: Intended, world: World): Promise<unknown> | undefined {
  const locked: Server[] = [];
  for (const [name, server] of world.servers) {
    if (server.credentials !== undefined && world.catalog.server(name)?.isLocked === true) locked.push(server);
  }
  if (locked.length === 0) return undefined;
  const present = presentServers(exchange.principal, exchange.path, world);
  const reachable = locked.filter(({ name }) => present.includes(name));
  if (reachable.length === 0) return undefined;
  const reading = Promise.all(reachable.map((server) => readLocked(exchange, server, world)));
  return new Promise((resolve) => {
    const timer = world.timers.after(waitMs, () => resolve(undefined));
    void reading.then(() => {
      timer.cancel();
      resolve(undefined);
    });
  });
}

/** Opens this caller's conversation and reads over it what the server publishes; says why it cannot. */
export async function readLocked(exchange: Intended, server: Server, world: World): Promise<LinkFailure | undefined> {
  // Without a token nothing is opened, so that a list costs a caller without account nothing.
  const missing = await wishOf(exchange, server).credential?.ready();
  if (missing !== undefined) return missing;
  const acquired = await acquireFor(exchange, server);
  if (acquired.kind === 'failure') return acquired.failure;
  if (world.catalog.server(server.name)?.isLocked === true) await world.catalog.refresh(server.name);
  return undefined;
}

/** What a call aims at, once its server has told; what it was judged by must still be true. */
export async function learnTarget(
  exchange: Intended,
  before: GatewayTarget,
  world: World,
): Promise<GatewayTarget | Refusal> {
  const target = await resolveTarget(exchange, world);
  if (isRefusal(target)) return target;
  if (target.key !== before.key || target.isPending === true) {
    return refuse('unavailable', { note: 'the server has not told what it has' });
  }
  if (target.kind !== 'tool') return target;
  const fault = target.definition?.checkArguments?.(exchange.message.params?.['arguments'] ?? {});
  if (fault === undefined) return target;
  const where = fault.path === '' ? 'the arguments' : fault.path;
  const detail = `${where} ${fault.message} (${fault.keyword})`;
  return refuse('bad-arguments', { fill: { detail }, data: { path: fault.path, keyword: fault.keyword } });
}

/** Answers the tool that only connects an account. */
export async function answerConnect(
  exchange: Intended,
  server: Server,
): Promise<Answer | Refusal | { readonly failure: LinkFailure }> {
  const failure = await wishOf(exchange, server).credential?.ready();
  if (failure !== undefined) {
    return failure.reason === 'consent' ? { failure } : refuseFailure(failure, exchange.rules.limits.message);
  }
  const text = `Your account at ${server.name} is connected. List the tools again to see what it has.`;
  const result = {
    ...(exchange.era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
  };
  return { kind: 'result', body: Buffer.from(JSON.stringify(result)), isToolError: false, interim: 0 };
}
