/**
 * What servers say outside of requests, and who hears it: list changes from the catalog, resource updates for those
 * who subscribed over the same conversation, logs of a conversation that only one caller has.
 */
import {
  canReachServer,
  decide,
  refuse,
  type Answer,
  type Blocks,
  type Intended,
  type Principal,
  type Refusal,
  type Rules,
  type Session,
} from '@sallyport/guard';
import { isObject, LOG_LEVEL_KEY, metaOf } from '@sallyport/protocol';
import type { CatalogChange } from '../catalog/catalog.ts';
import { wireUri } from '../names.ts';
import { ownParams } from '../own-request.ts';
import { resourceTarget, type GatewayTarget } from '../resolve.ts';
import { leadsTo, scopeOf, sessionOf, wishOf, type Server } from '../servers.ts';
import type { Link, LinkListener } from '../upstreams/link.ts';
import type { UpstreamNotification } from '../upstreams/upstream.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { offeredCapabilities } from './handshake.ts';
import { isLevel, isLoudEnough, mostVerbose } from './levels.ts';
import type { Watches } from './watches.ts';

/** One open `subscriptions/listen` of a modern caller. */
interface Listener {
  readonly exchange: Intended;
  readonly lists: ReadonlySet<string>;
  readonly subscription: string;
  /** What is to be said once the listening has been acknowledged; `undefined` from then on. */
  held: Uint8Array[] | undefined;
}

/** Everything that is said outside of requests. */
export interface Subscriptions {
  /** Hears a server's notifications from now on. */
  watch(server: Server): void;
  /** Makes a conversation ready for a caller's request: it knows the session's log level. */
  prepare(link: Link, server: Server, exchange: Intended): Promise<void> | undefined;
  subscribe(exchange: Intended, world: World): Promise<Answer | Refusal>;
  unsubscribe(exchange: Intended, world: World): Promise<Answer | Refusal>;
  /** Serves `subscriptions/listen` until the caller leaves. */
  listen(exchange: Intended, world: World): Promise<Answer | Refusal>;
  /** Tells everybody concerned that a list has changed. */
  announce(change: CatalogChange): void;
  /** Ends the listening of every principal for whom `isWelcome` is false. */
  endFor(isWelcome: (principal: string) => boolean, reason: string): void;
}

const changedMethods: Readonly<Record<CatalogChange['list'], { method: string; filter: string }>> = {
  tools: { method: 'notifications/tools/list_changed', filter: 'toolsListChanged' },
  prompts: { method: 'notifications/prompts/list_changed', filter: 'promptsListChanged' },
  resources: { method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
  templates: { method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
};

/** Says whether a principal may hear of a server's resource now. */
type MayHear = (who: Pick<Principal, 'id' | 'roles'>, server: string, uri: string) => boolean;

/**
 * Makes the table of subscriptions.
 *
 * @param sessions - every open conversation with a caller
 * @param rules - the rules in force
 * @param blocks - what administrators have stopped
 * @param watches - the resources that somebody wants to hear of
 */
export function createSubscriptions(
  sessions: () => Iterable<Session>,
  rules: () => Rules,
  blocks: Blocks,
  watches: Watches,
): Subscriptions {
  /** What each session has subscribed to, by server and URI, and how to end it. */
  const subscribed = new WeakMap<Session, Map<string, () => void>>();
  const levels = new WeakMap<Link, string>();
  const listeners = new Set<Listener>();

  /** Asked anew for each message: rules and blocks may have changed since the listening began. */
  const mayHear: MayHear = ({ id, roles }, server, uri) => {
    if (blocks.isBlocked('caller', id) || blocks.isBlocked('upstream', server)) return false;
    return decide(rules().policy.access(roles), 'resources', `${server}.${uri}`).effect === 'allow';
  };

  function hear({ scope, link, message }: UpstreamNotification, server: Server): void {
    const { method, params } = message;
    if (method === 'notifications/resources/updated') {
      const uri = params?.['uri'];
      if (typeof uri === 'string') watches.changed(link, uri);
      return;
    }
    const isLog = method === 'notifications/message';
    // What is said on a shared conversation belongs to nobody, so nobody hears it.
    if (scope === '' || (!isLog && method !== 'notifications/elicitation/complete')) return;
    for (const session of sessions()) {
      if (!leadsTo(session.path, server.name) || scopeOf(server, session.owner, session) !== scope) continue;
      if (!isLog || isLoudEnough(params?.['level'], session.logLevel ?? 'debug')) session.push(message.bytes);
    }
  }

  async function subscribe(exchange: Intended, world: World): Promise<Answer | Refusal> {
    const target: GatewayTarget = exchange.target;
    const session = sessionOf(exchange);
    const server = world.servers.get(target.upstream ?? '');
    if (session === undefined || server === undefined) return refuse('unavailable');
    let own = subscribed.get(session);
    if (own === undefined) {
      const made = new Map<string, () => void>();
      subscribed.set(session, made);
      session.onClose(() => {
        for (const stop of made.values()) stop();
      });
      own = made;
    }
    if (own.has(target.key)) return done;
    if (own.size >= mostUris) {
      return refuse('invalid-params', { fill: { detail: `a session may subscribe to ${mostUris} resources` } });
    }
    const watching = await watches.add(server, wishOf(exchange, server), target.name, () => {
      if (mayHear({ id: session.owner, roles: session.roles }, server.name, target.name)) {
        session.push(updatedFor(session, server.name, target.name));
      }
    });
    switch (watching.kind) {
      case 'watching':
        if (session.isClosed || own.has(target.key)) watching.stop();
        else own.set(target.key, watching.stop);
        return done;
      case 'error':
        return readAnswer(watching.message, {
          exchange,
          target,
          link: watching.link,
          ask: server.ask,
          interim: 0,
          world,
        });
      case 'failure':
        return refuseFailure(watching.failure, exchange.rules.limits.message);
      case 'unconfirmed':
        return refuse('unbridgeable', { fill: { detail: 'the server does not tell of changes of this resource' } });
    }
  }

  function unsubscribe(exchange: Intended): Answer | Refusal {
    const session = sessionOf(exchange);
    if (session === undefined) return refuse('unavailable');
    const own = subscribed.get(session);
    own?.get(exchange.target.key)?.();
    own?.delete(exchange.target.key);
    return done;
  }

  function prepare(link: Link, server: Server, exchange: Intended): Promise<void> | undefined {
    if (link.era === 'modern' || server.share === 'all') return undefined;
    const asked = askedLevel(exchange);
    if (asked === undefined) return undefined;
    // Whoever wants less is given less on the way back.
    const level = mostVerbose(asked, levels.get(link));
    if (levels.get(link) === level) return undefined;
    levels.set(link, level);
    return tellLevel(link, level, server.timeoutMs);
  }

  function tell(listener: Listener, message: Uint8Array): void {
    if (listener.held === undefined) listener.exchange.caller.send(message);
    else listener.held.push(message);
  }

  async function listen(exchange: Intended, world: World): Promise<Answer | Refusal> {
    const asked = exchange.message.params?.['notifications'];
    const filter = isObject(asked) ? asked : {};
    if (!exchange.caller.isOpenable) {
      return refuse('invalid-params', { fill: { detail: 'Accept must name text/event-stream' } });
    }
    const subscription = JSON.stringify(exchange.message.id ?? null);
    const offered = offeredLists(exchange, world);
    const lists = new Set([...offered].filter((name) => filter[name] === true));
    const uris = Array.isArray(filter['resourceSubscriptions']) ? (filter['resourceSubscriptions'] as unknown[]) : [];
    const listener: Listener = { exchange, lists, subscription, held: [] };
    listeners.add(listener);
    const { honoured, stop } = await watchAll(exchange, world, uris, listener);
    if (!exchange.cancellation.isCancelled) {
      exchange.caller.send(
        stamped('notifications/subscriptions/acknowledged', subscription, {
          notifications: {
            ...Object.fromEntries([...lists].map((name) => [name, true])),
            ...(honoured.length > 0 ? { resourceSubscriptions: honoured } : {}),
          },
        }),
      );
      for (const message of listener.held ?? []) exchange.caller.send(message);
      listener.held = undefined;
    }
    await new Promise<void>((resolve) => exchange.cancellation.subscribe(() => resolve()));
    listeners.delete(listener);
    stop();
    if (exchange.cancellation.reason !== 'draining') return refuse('cancelled');
    const body = `{"resultType":"complete","_meta":{"${subscriptionKey}":${subscription}}}`;
    return { kind: 'result', body: Buffer.from(body), isToolError: false, interim: 0 };
  }

  /** Wants to hear of each resource that the caller may read; returns those that their servers confirmed. */
  async function watchAll(
    exchange: Intended,
    world: World,
    uris: readonly unknown[],
    listener: Listener,
  ): Promise<{ readonly honoured: readonly string[]; readonly stop: () => void }> {
    const stops: (() => void)[] = [];
    let isOver = false;
    const forget = exchange.cancellation.subscribe(() => {
      isOver = true;
      for (const stop of stops.splice(0)) stop();
    });
    const asked = new Set(uris.slice(0, mostUris).filter((uri): uri is string => typeof uri === 'string'));
    const confirmed = await Promise.all(
      [...asked].map(async (uri) => {
        const target = resourceTarget(uri, 'resources', exchange.path, world);
        const server = world.servers.get(target?.upstream ?? '');
        // Whoever may not read a resource hears nothing of it.
        if (target === undefined || server === undefined) return [];
        if (!mayHear(exchange.principal, server.name, target.name)) return [];
        const watching = await watches.add(server, wishOf(exchange, server), target.name, () => {
          if (!mayHear(exchange.principal, server.name, target.name)) return;
          tell(listener, stamped('notifications/resources/updated', listener.subscription, { uri }));
        });
        if (watching.kind !== 'watching') return [];
        if (isOver) watching.stop();
        else stops.push(watching.stop);
        return [uri];
      }),
    );
    return {
      honoured: confirmed.flat(),
      stop: () => {
        forget();
        for (const stop of stops.splice(0)) stop();
      },
    };
  }

  return {
    watch: (server) => void server.upstream.onNotification((notification) => hear(notification, server)),
    prepare,
    subscribe,
    unsubscribe: (exchange) => Promise.resolve(unsubscribe(exchange)),
    listen,
    endFor(isWelcome, reason) {
      for (const { exchange } of [...listeners]) {
        if (!isWelcome(exchange.principal.id)) exchange.cancellation.cancel(reason);
      }
    },
    announce(change) {
      const { method, filter } = changedMethods[change.list];
      const plain = Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`);
      for (const session of sessions()) {
        if (session.handshake === undefined || !leadsTo(session.path, change.server)) continue;
        if (canReachServer(rules().policy.access(session.roles), change.server)) session.push(plain);
      }
      for (const listener of listeners) {
        const { exchange, lists, subscription } = listener;
        const access = rules().policy.access(exchange.principal.roles);
        if (lists.has(filter) && leadsTo(exchange.path, change.server) && canReachServer(access, change.server)) {
          tell(listener, stamped(method, subscription, {}));
        }
      }
    },
  };
}

/** The lists whose changes a caller can hear of here. */
function offeredLists(exchange: Intended, world: World): readonly string[] {
  const offered = offeredCapabilities(exchange, world);
  return ['tools', 'prompts', 'resources']
    .filter((list) => isObject(offered[list]))
    .map((list) => `${list}ListChanged`);
}

/** The level that this caller's messages are to have. */
function askedLevel(exchange: Intended): string | undefined {
  if (exchange.era === 'legacy') return sessionOf(exchange)?.logLevel;
  const level = metaOf(exchange.message.params)?.[LOG_LEVEL_KEY];
  return isLevel(level) ? level : undefined;
}

/** URIs that one listen may name, or one session subscribe to. */
const mostUris = 1000;

const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

async function tellLevel(link: Link, level: string, timeoutMs: number): Promise<void> {
  if (!isObject(link.peer.capabilities['logging'])) return;
  await link.request(
    {
      id: link.mint(),
      method: 'logging/setLevel',
      params: ownParams(link, { level }),
      timeoutMs,
      maxTimeMs: timeoutMs,
      cancellation: { isCancelled: false, reason: undefined, subscribe: () => () => undefined },
    },
    silent,
  );
}

const done: Answer = { kind: 'result', body: Buffer.from('{}'), isToolError: false, interim: 0 };

const nobody = { kind: 'error' as const, body: Buffer.from('{"code":-32601,"message":"Nobody can be asked here"}') };

const silent: LinkListener = { onMessage: () => undefined, onRequest: () => Promise.resolve(nobody) };

function updatedFor(session: Session, server: string, uri: string): Uint8Array {
  const shown = session.path.kind === 'all' ? wireUri(server, uri) : uri;
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":${JSON.stringify(shown)}}}`,
  );
}

function stamped(method: string, subscription: string, params: object): Uint8Array {
  const inner = JSON.stringify(params).slice(1, -1);
  const meta = `"_meta":{"${subscriptionKey}":${subscription}}`;
  return Buffer.from(`{"jsonrpc":"2.0","method":"${method}","params":{${inner}${inner === '' ? '' : ','}${meta}}}`);
}
