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
import { isObject, type Message } from '@sallyport/protocol';
import type { CatalogChange } from '../catalog/catalog.ts';
import { wireUri } from '../names.ts';
import { ownParams } from '../own-request.ts';
import { resourceTarget, type GatewayTarget } from '../resolve.ts';
import { acquireFor, leadsTo, scopeOf, sessionOf, type Server } from '../servers.ts';
import type { Link, LinkListener } from '../upstreams/link.ts';
import type { UpstreamNotification } from '../upstreams/upstream.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';

/** One open `subscriptions/listen` of a modern caller. */
interface Listener {
  readonly exchange: Intended;
  readonly lists: ReadonlySet<string>;
  readonly subscription: string;
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

/** Sessions by the URI that they subscribed to over one conversation. */
type Subscribers = Map<string, Set<Session>>;

/**
 * Makes the table of subscriptions.
 *
 * @param sessions - every open conversation with a caller
 * @param rules - the rules in force
 * @param blocks - what administrators have stopped
 */
export function createSubscriptions(
  sessions: () => Iterable<Session>,
  rules: () => Rules,
  blocks: Blocks,
): Subscriptions {
  const subscribers = new WeakMap<Link, Subscribers>();
  const levels = new WeakMap<Link, string>();
  const listeners = new Set<Listener>();

  /** Asked anew for each message: rules and blocks may have changed since the listening began. */
  const mayHear: MayHear = ({ id, roles }, server, uri) => {
    if (blocks.isBlocked('caller', id) || blocks.isBlocked('upstream', server)) return false;
    return decide(rules().policy.access(roles), 'resources', `${server}.${uri}`).effect === 'allow';
  };

  function hear({ scope, link, message }: UpstreamNotification, server: Server): void {
    if (message.method === 'notifications/resources/updated') {
      const uri = message.params?.['uri'];
      if (typeof uri !== 'string') return;
      for (const session of subscribers.get(link)?.get(uri) ?? []) {
        if (mayHear({ id: session.owner, roles: session.roles }, server.name, uri)) {
          session.push(updatedFor(session, server.name, uri));
        }
      }
    } else if (message.method === 'notifications/message' && scope !== '') {
      // What is said on a shared conversation belongs to nobody, so nobody hears it.
      for (const session of sessions()) {
        if (leadsTo(session.path, server.name) && scopeOf(server, session.owner, session) === scope) {
          session.push(message.bytes);
        }
      }
    }
  }

  async function relay(exchange: Intended, world: World): Promise<Answer | Refusal> {
    const target: GatewayTarget = exchange.target;
    const session = sessionOf(exchange);
    const server = world.servers.get(target.upstream ?? '');
    if (session === undefined || server === undefined) return refuse('unavailable');
    const acquired = await acquireFor(exchange, server);
    if (acquired.kind === 'failure') return refuseFailure(acquired.failure, exchange.rules.limits.message);
    const { link } = acquired;
    if (link.era === 'modern') {
      return refuse('unbridgeable', { fill: { detail: 'this server takes subscriptions of the newer revision only' } });
    }
    const table = subscribers.get(link) ?? new Map<string, Set<Session>>();
    subscribers.set(link, table);
    const isSubscribe = exchange.message.method === 'resources/subscribe';
    if (!isSubscribe) forget(table, target.name, session);
    // On a shared conversation others may still want the updates.
    if (!isSubscribe && table.has(target.name)) return done;
    const answer = await link.request(
      {
        id: link.mint(),
        method: exchange.message.method ?? '',
        params: ownParams(link, { uri: target.name }),
        timeoutMs: server.timeoutMs,
        maxTimeMs: server.maxTimeMs,
        cancellation: exchange.cancellation,
      },
      silent,
    );
    if (answer.kind === 'failure') return refuseFailure(answer.failure, exchange.rules.limits.message);
    if (answer.message.spans.error !== undefined) {
      return readAnswer(answer.message, { exchange, target, link, ask: server.ask, interim: 0, world });
    }
    if (isSubscribe) {
      const wanted = table.get(target.name) ?? new Set();
      if (!wanted.has(session)) session.onClose(() => forget(table, target.name, session));
      table.set(target.name, wanted.add(session));
    }
    return done;
  }

  function prepare(link: Link, server: Server, exchange: Intended): Promise<void> | undefined {
    if (link.era === 'modern' || server.share === 'all') return undefined;
    const level = exchange.era === 'legacy' ? sessionOf(exchange)?.logLevel : undefined;
    if (level === undefined || levels.get(link) === level) return undefined;
    levels.set(link, level);
    return tellLevel(link, level, server.timeoutMs);
  }

  async function listen(exchange: Intended, world: World): Promise<Answer | Refusal> {
    const asked = exchange.message.params?.['notifications'];
    const filter = isObject(asked) ? asked : {};
    if (!exchange.caller.isOpenable) {
      return refuse('invalid-params', { fill: { detail: 'Accept must name text/event-stream' } });
    }
    const subscription = JSON.stringify(exchange.message.id ?? null);
    const lists = new Set(
      ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'].filter((name) => filter[name] === true),
    );
    const uris = Array.isArray(filter['resourceSubscriptions']) ? (filter['resourceSubscriptions'] as unknown[]) : [];
    const listener: Listener = { exchange, lists, subscription };
    listeners.add(listener);
    const honoured = await listenToResources(exchange, world, uris, subscription, mayHear);
    exchange.caller.send(
      stamped('notifications/subscriptions/acknowledged', subscription, {
        notifications: {
          ...Object.fromEntries([...lists].map((name) => [name, true])),
          ...(honoured.length > 0 ? { resourceSubscriptions: honoured } : {}),
        },
      }),
    );
    await new Promise<void>((resolve) => exchange.cancellation.subscribe(() => resolve()));
    listeners.delete(listener);
    if (exchange.cancellation.reason !== 'draining') return refuse('cancelled');
    const body = `{"resultType":"complete","_meta":{"${subscriptionKey}":${subscription}}}`;
    return { kind: 'result', body: Buffer.from(body), isToolError: false, interim: 0 };
  }

  return {
    watch: (server) => void server.upstream.onNotification((notification) => hear(notification, server)),
    prepare,
    subscribe: relay,
    unsubscribe: relay,
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
      for (const { exchange, lists, subscription } of listeners) {
        const access = rules().policy.access(exchange.principal.roles);
        if (lists.has(filter) && leadsTo(exchange.path, change.server) && canReachServer(access, change.server)) {
          exchange.caller.send(stamped(method, subscription, {}));
        }
      }
    },
  };
}

function forget(table: Subscribers, uri: string, session: Session): void {
  const sessions = table.get(uri);
  sessions?.delete(session);
  if (sessions?.size === 0) table.delete(uri);
}

/** Opens one listen upstream for each server whose resources were asked for; returns the URIs that it honoured. */
async function listenToResources(
  exchange: Intended,
  world: World,
  uris: readonly unknown[],
  subscription: string,
  mayHear: MayHear,
): Promise<string[]> {
  const byServer = new Map<string, Map<string, string>>();
  for (const uri of uris.slice(0, mostUris)) {
    if (typeof uri !== 'string') continue;
    const target = resourceTarget(uri, 'resources', exchange.path, world);
    if (target?.upstream === undefined) continue;
    // Whoever may not read a resource hears nothing of it.
    if (!mayHear(exchange.principal, target.upstream, target.name)) continue;
    const wanted = byServer.get(target.upstream) ?? new Map<string, string>();
    wanted.set(target.name, uri);
    byServer.set(target.upstream, wanted);
  }
  const opened = await Promise.all(
    [...byServer].map(([server, wanted]) => listenUpstream(exchange, world, server, wanted, subscription, mayHear)),
  );
  return opened.flat();
}

/** URIs that one listen may name. */
const mostUris = 1000;

const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

async function listenUpstream(
  exchange: Intended,
  world: World,
  server: string,
  wanted: ReadonlyMap<string, string>,
  subscription: string,
  mayHear: MayHear,
): Promise<string[]> {
  const source = world.servers.get(server);
  if (source === undefined) return [];
  const acquired = await acquireFor(exchange, source);
  if (acquired.kind === 'failure' || acquired.link.era === 'legacy') return [];
  const { link } = acquired;
  return new Promise((resolve) => {
    const request = {
      id: link.mint(),
      method: 'subscriptions/listen',
      params: ownParams(link, { notifications: { resourceSubscriptions: [...wanted.keys()] } }),
      timeoutMs: Number.POSITIVE_INFINITY,
      maxTimeMs: Number.POSITIVE_INFINITY,
      cancellation: exchange.cancellation,
    };
    void link
      .request(request, {
        onRequest: () => Promise.resolve(nobody),
        onMessage(message) {
          if (message.method === 'notifications/subscriptions/acknowledged') resolve(honouredUris(message, wanted));
          if (message.method !== 'notifications/resources/updated') return;
          const uri = message.params?.['uri'];
          if (typeof uri === 'string') world.results.drop(server, uri);
          const asked = typeof uri === 'string' ? wanted.get(uri) : undefined;
          if (asked === undefined || !mayHear(exchange.principal, server, String(uri))) return;
          exchange.caller.send(stamped(message.method, subscription, { uri: asked }));
        },
      })
      .then(() => resolve([]));
    const timer = setTimeout(() => resolve([]), source.timeoutMs);
    exchange.cancellation.subscribe(() => {
      clearTimeout(timer);
      resolve([]);
    });
  });
}

function honouredUris(message: Message, wanted: ReadonlyMap<string, string>): string[] {
  const notifications = message.params?.['notifications'];
  const listed = isObject(notifications) ? notifications['resourceSubscriptions'] : undefined;
  const honoured = Array.isArray(listed) ? (listed as unknown[]) : [];
  return honoured.flatMap((uri) => (typeof uri === 'string' ? (wanted.get(uri) ?? []) : []));
}

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
