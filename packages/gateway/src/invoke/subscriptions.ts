/**
 * What servers say outside of requests, and who hears it: list changes from the catalog, resource updates for those
 * who subscribed over the same conversation, logs of a conversation that only one caller has.
 */
import {
  accessAt,
  askerAt,
  canReachServer,
  decideFor,
  onCredentialEnd,
  refuse,
  spendTokens,
  type Answer,
  type Asker,
  type Blocks,
  type DoorPath,
  type Intended,
  type RateBuckets,
  type Refusal,
  type Rules,
  type Session,
} from '@sallyport/guard';
import { isObject, LOG_LEVEL_KEY, metaOf } from '@sallyport/protocol';
import type { CatalogChange } from '../catalog/catalog.ts';
import { isPrefixed, wireUri } from '../names.ts';
import { ownParams } from '../own-request.ts';
import { resourceTarget, type GatewayTarget } from '../resolve.ts';
import { isSearched } from '../search/place.ts';
import { leadsTo, scopeOf, sessionOf, wishOf, type Server } from '../servers.ts';
import type { Link, LinkListener } from '../upstreams/link.ts';
import type { Timers } from '../upstreams/ports.ts';
import type { UpstreamNotification } from '../upstreams/upstream.ts';
import type { World } from '../world.ts';
import { readAnswer, refuseFailure } from './answer.ts';
import { mostUris } from './bounds.ts';
import { offeredCapabilities } from './handshake.ts';
import { isLevel, isLoudEnough, mostVerbose } from './levels.ts';
import { dropOurMarks } from './our-marks.ts';
import type { Watches } from './watches.ts';

/** One open `subscriptions/listen` of a modern caller. */
interface Listener {
  readonly exchange: Intended;
  readonly lists: ReadonlySet<string>;
  readonly subscription: string;
  readonly timers: Timers;
  /** What is to be said, by what it is about: each thing once, however often it has changed meanwhile. */
  readonly due: Map<string, Saying>;
  /** What was said a moment ago, so that the next of it waits. */
  readonly said: Set<string>;
  isAcknowledged: boolean;
}

/** Makes a message when it is sent; `undefined` when it may not be heard any more. */
type Saying = () => Uint8Array | undefined;

/** How long the next message about the same thing waits, milliseconds. */
const repeatMs = 100;

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
  /** Ends the listening of every principal for whom `isWelcome` is false; it is told when the credential ends. */
  endFor(isWelcome: (principal: string, expiresAt: number | undefined) => boolean, reason: string): void;
}

const changedMethods: Readonly<Record<CatalogChange['list'], { method: string; filter: string }>> = {
  tools: { method: 'notifications/tools/list_changed', filter: 'toolsListChanged' },
  prompts: { method: 'notifications/prompts/list_changed', filter: 'promptsListChanged' },
  resources: { method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
  templates: { method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
};

/** Whoever hears of changes. */
interface Hearer {
  readonly roles: readonly string[];
  readonly path: DoorPath;
  readonly scopes: readonly string[] | undefined;
}

/** Says whether a principal may hear of a server's resource now. */
type MayHear = (who: Omit<Asker, 'access'>, path: DoorPath, server: string, uri: string) => boolean;

/**
 * Makes the table of subscriptions.
 *
 * @param sessions - every open conversation with a caller
 * @param rules - the rules in force
 * @param blocks - what administrators have stopped
 * @param watches - the resources that somebody wants to hear of
 * @param buckets - what a listening pays from for each resource that its server has to be asked for
 */
export function createSubscriptions(
  sessions: () => Iterable<Session>,
  rules: () => Rules,
  blocks: Blocks,
  watches: Watches,
  buckets: Pick<RateBuckets, 'takeAll'>,
): Subscriptions {
  /** What each session has subscribed to, by server and URI, and how to end it. */
  const subscribed = new WeakMap<Session, Map<string, () => void>>();
  const levels = new WeakMap<Link, string>();
  const listeners = new Set<Listener>();

  /** Asked anew for each message: rules and blocks may have changed since the listening began. */
  const mayHear: MayHear = (who, path, server, uri) => {
    if (blocks.isBlocked('caller', who.id) || blocks.isBlocked('upstream', server)) return false;
    return mayRead(askerAt(rules(), path, who), server, uri);
  };

  /** True for callers who are shown something of the server; where tools are searched, only other rules change their list. */
  function mayHearOf({ roles, path, scopes }: Hearer, change: CatalogChange): boolean {
    const { server, list, isReload } = change;
    const now = rules();
    if (list === 'tools' && isReload !== true && isSearched(path, now)) return false;
    return canReachServer(accessAt(now.policy.access(roles, scopes), path, now), server);
  }

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
      if (!leadsTo(session.path, server.name, rules()) || scopeOf(server, session.owner, session) !== scope) continue;
      if (isLog && !isLoudEnough(params?.['level'], session.logLevel ?? 'debug')) continue;
      session.push(dropOurMarks(message.bytes, params, ['params']));
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
      if (session.principal !== undefined && mayHear(session.principal, session.path, server.name, target.name)) {
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
      case 'full':
        return refuse('invalid-params', { fill: { detail: 'you have subscribed to as many resources as you may' } });
      case 'unconfirmed':
      case 'unpaid':
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

  function tell(listener: Listener, about: string, say: Saying): void {
    if (!listener.isAcknowledged || listener.said.has(about)) listener.due.set(about, say);
    else sendNow(listener, about, say);
  }

  function sendNow(listener: Listener, about: string, say: Saying): void {
    const message = say();
    if (message === undefined) return;
    const { exchange, timers, due, said } = listener;
    exchange.caller.send(message);
    said.add(about);
    timers.after(repeatMs, () => {
      said.delete(about);
      const next = due.get(about);
      due.delete(about);
      if (next !== undefined && listeners.has(listener)) sendNow(listener, about, next);
    });
  }

  function acknowledge(listener: Listener, honoured: readonly string[]): void {
    const { exchange, lists, subscription, due } = listener;
    const notifications = {
      ...Object.fromEntries([...lists].map((name) => [name, true])),
      ...(honoured.length > 0 ? { resourceSubscriptions: honoured } : {}),
    };
    exchange.caller.send(stamped('notifications/subscriptions/acknowledged', subscription, { notifications }));
    listener.isAcknowledged = true;
    const held = [...due];
    due.clear();
    for (const [about, say] of held) sendNow(listener, about, say);
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
    const listener: Listener = {
      exchange,
      lists,
      subscription,
      timers: world.timers,
      due: new Map(),
      said: new Set(),
      isAcknowledged: false,
    };
    listeners.add(listener);
    const { honoured, stop } = await watchAll(exchange, world, uris, listener);
    if (!exchange.cancellation.isCancelled) acknowledge(listener, honoured);
    const forgetEnd = onCredentialEnd(exchange.principal.expiresAt, world.clock.now(), () =>
      exchange.cancellation.cancel('the credential has ended'),
    );
    await new Promise<void>((resolve) => exchange.cancellation.subscribe(() => resolve()));
    forgetEnd();
    listeners.delete(listener);
    stop();
    if (exchange.cancellation.reason !== 'draining') return refuse('cancelled');
    const body = `{"resultType":"complete","_meta":{"${subscriptionKey}":${subscription}}}`;
    return { kind: 'result', body: Buffer.from(body), isToolError: false, interim: 0 };
  }

  /**
   * Wants to hear of each resource that the caller may read and can pay for; returns those that their servers
   * confirmed. One that somebody hears of already costs nothing, because its server is not asked again.
   */
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
        if (!mayHear(exchange.principal, exchange.path, server.name, target.name)) return [];
        const say: Saying = () =>
          mayHear(exchange.principal, exchange.path, server.name, target.name)
            ? stamped('notifications/resources/updated', listener.subscription, { uri })
            : undefined;
        const decision = decideFor(exchange.principal, 'resources', target, { uri: target.name });
        const watching = await watches.add(
          server,
          wishOf(exchange, server),
          target.name,
          () => tell(listener, `resource ${uri}`, say),
          () => spendTokens(exchange, decision, server.name, buckets),
        );
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
        if (!isWelcome(exchange.principal.id, exchange.principal.expiresAt)) exchange.cancellation.cancel(reason);
      }
    },
    announce(change) {
      const { method, filter } = changedMethods[change.list];
      const plain = Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`);
      for (const session of sessions()) {
        if (session.handshake === undefined || !leadsTo(session.path, change.server, rules())) continue;
        const { roles, path, principal } = session;
        if (mayHearOf({ roles, path, scopes: principal?.scopes }, change)) session.push(plain);
      }
      for (const listener of listeners) {
        const { exchange, lists, subscription } = listener;
        const { principal } = exchange;
        if (!lists.has(filter) || !leadsTo(exchange.path, change.server, rules())) continue;
        const say: Saying = () =>
          mayHearOf({ roles: principal.roles, path: exchange.path, scopes: principal.scopes }, change)
            ? stamped(method, subscription, {})
            : undefined;
        // Of two servers one may be out of the caller's reach when it is said.
        tell(listener, `${method} ${change.server}`, say);
      }
    },
  };
}

/** Says whether a caller may read a resource of a server. */
export function mayRead(asker: Asker, server: string, uri: string): boolean {
  const target = { kind: 'resource', upstream: server, name: uri, key: `${server}.${uri}` } as const;
  return decideFor(asker, 'resources', target, { uri }).effect === 'allow';
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
  const shown = isPrefixed(session.path) ? wireUri(server, uri) : uri;
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":${JSON.stringify(shown)}}}`,
  );
}

function stamped(method: string, subscription: string, params: object): Uint8Array {
  const inner = JSON.stringify(params).slice(1, -1);
  const meta = `"_meta":{"${subscriptionKey}":${subscription}}`;
  return Buffer.from(`{"jsonrpc":"2.0","method":"${method}","params":{${inner}${inner === '' ? '' : ','}${meta}}}`);
}
