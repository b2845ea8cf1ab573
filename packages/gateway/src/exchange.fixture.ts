/** A small gateway for tests: servers that answer from a script, callers of either era, a frozen clock. */
import {
  compilePolicy,
  createCanceller,
  createBuckets,
  createSeal,
  createSessions,
  type AuditPort,
  type Blocks,
  type CallerStream,
  type Canceller,
  type Clock,
  type DoorPath,
  type Grant,
  type Identified,
  type Intended,
  type Parsed,
  type Policy,
  type Random,
  type Role,
  type Rules,
  type Session,
} from '@sallyport/guard';
import { lookupMethod, readMessage, type Era, type JsonObject, type Message } from '@sallyport/protocol';
import { followServer } from './cache/follow.ts';
import { createResultCache } from './cache/result-cache.ts';
import { createCatalog, type Catalog } from './catalog/catalog.ts';
import { createParking } from './invoke/parking.ts';
import { createSubscriptions } from './invoke/subscriptions.ts';
import { createWatches } from './invoke/watches.ts';
import { resolveTarget } from './resolve.ts';
import type { Server } from './servers.ts';
import type { AskKind, Link, LinkAnswer, LinkEvent, LinkListener, LinkRequest } from './upstreams/link.ts';
import { linkFailure } from './upstreams/link.ts';
import { Listeners } from './upstreams/listeners.ts';
import { realTimers, type Timers } from './upstreams/ports.ts';
import type { ListKind } from './upstreams/changes.ts';
import type { AcquireWish, Upstream, UpstreamNotification, UpstreamStatus } from './upstreams/upstream.ts';
import type { World } from './world.ts';

/** A clock that stands still until it is told to go on; its timers run when it does. */
export interface FrozenClock extends Clock {
  readonly timers: Timers;
  advance(ms: number): void;
}

/** Makes a clock that stands at a fixed moment. */
export function frozenClock(): FrozenClock {
  let passed = 0;
  const waiting = new Map<() => void, number>();
  return {
    now: () => Date.UTC(2026, 7, 1) + passed,
    monotonic: () => 1000 + passed,
    timers: {
      after(ms, callback) {
        const entry = (): void => callback();
        waiting.set(entry, passed + ms);
        return { cancel: () => void waiting.delete(entry) };
      },
    },
    advance: (ms) => {
      passed += ms;
      for (const [callback, due] of [...waiting]) {
        if (due > passed || !waiting.delete(callback)) continue;
        callback();
      }
    },
  };
}

/** What a script answers: an object is a result, unless it is an answer of a link already. */
export type Script = (request: LinkRequest, listener: LinkListener) => unknown;

/** A conversation that answers from a script. */
export interface ScriptedLink extends Link {
  readonly requests: LinkRequest[];
  state: Link['state'];
}

/** Reads a message that must be sound; `jsonrpc` is filled in. */
export function messageOf(value: object | string): Message {
  const text = typeof value === 'string' ? value : JSON.stringify({ jsonrpc: '2.0', ...value });
  const reading = readMessage(Buffer.from(text));
  if (reading.kind === 'fault') throw new Error(`not a message: ${reading.fault.name}`);
  return reading.message;
}

/** The answer of a link that is a JSON-RPC error. */
export function errorAnswer(error: object): LinkAnswer {
  return { kind: 'answer', message: messageOf({ id: 1, error }), httpStatus: undefined };
}

/** The answer of a link with these very bytes as result. */
export function resultAnswer(result: string): LinkAnswer {
  return { kind: 'answer', message: messageOf(`{"jsonrpc":"2.0","id":1,"result":${result}}`), httpStatus: undefined };
}

/** Makes a conversation. */
export function scriptedLink(era: Era, capabilities: JsonObject, script: Script, instructions?: string): ScriptedLink {
  const revision = era === 'modern' ? '2026-07-28' : '2025-11-25';
  const events = new Listeners<LinkEvent>();
  let minted = 100;
  return {
    carrier: 'stdio',
    era,
    revision,
    peer: {
      serverInfo: { name: 'scripted', version: '1' },
      capabilities,
      instructions,
      supportedRevisions: [revision],
      discover: undefined,
    },
    state: 'open',
    pending: 0,
    requests: [],
    mint: () => (minted += 1),
    async request(request, listener) {
      this.requests.push(request);
      if (request.cancellation.isCancelled) return { kind: 'failure', failure: linkFailure('cancelled', 'It ended.') };
      const answer = await script(request, listener);
      return isLinkAnswer(answer) ? answer : resultAnswer(JSON.stringify(answer ?? {}));
    },
    notify: () => Promise.resolve(undefined),
    onEvent: (listener) => events.add(listener),
    close: () => Promise.resolve(),
  };
}

function isLinkAnswer(value: unknown): value is LinkAnswer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'answer' || value.kind === 'failure')
  );
}

/** What a server of the test publishes and does. */
export interface ServerSpec {
  readonly era?: Era;
  readonly share?: Server['share'];
  readonly ask?: readonly AskKind[];
  readonly capabilities?: JsonObject;
  readonly instructions?: string;
  readonly tools?: readonly object[];
  readonly prompts?: readonly object[];
  readonly resources?: readonly object[];
  readonly templates?: readonly object[];
  /** Answers everything but lists. */
  readonly script?: Script;
  /** Answers lists in place of what stands above. */
  readonly listScript?: Script;
}

/** A server with what tests look at. */
export interface TestServer extends Server {
  readonly link: ScriptedLink;
  readonly wishes: AcquireWish[];
  /** Scopes whose conversations were ended. */
  readonly released: readonly string[];
  /** What `acquire` fails with, while it is set. */
  failure: ReturnType<typeof linkFailure> | undefined;
  spec: ServerSpec;
  /** Makes it known that the server is in another state. */
  become(state: UpstreamStatus['state']): void;
  sayListChanged(kind: ListKind): void;
  say(notification: Omit<UpstreamNotification, 'link'>): void;
}

const members: Readonly<Record<string, readonly ['tools' | 'prompts' | 'resources' | 'templates', string]>> = {
  'tools/list': ['tools', 'tools'],
  'prompts/list': ['prompts', 'prompts'],
  'resources/list': ['resources', 'resources'],
  'resources/templates/list': ['templates', 'resourceTemplates'],
};

/** Makes a server. */
export function scriptedServer(name: string, spec: ServerSpec): TestServer {
  const lists = new Listeners<ListKind>();
  const states = new Listeners<UpstreamStatus>();
  let state: UpstreamStatus['state'] = 'ready';
  const notifications = new Listeners<UpstreamNotification>();
  const capabilities = spec.capabilities ?? {
    tools: {},
    prompts: {},
    resources: { subscribe: true },
    completions: {},
    logging: {},
  };
  const wishes: AcquireWish[] = [];
  const answer: Script = (request, listener) => {
    const list = members[request.method];
    if (list === undefined) return server.spec.script?.(request, listener);
    return server.spec.listScript?.(request, listener) ?? { [list[1]]: server.spec[list[0]] ?? [] };
  };
  const link = scriptedLink(spec.era ?? 'modern', capabilities, answer, spec.instructions);
  const status = (): UpstreamStatus => ({
    name,
    state,
    transport: 'stdio',
    era: link.era,
    revision: link.revision,
    serverInfo: link.peer.serverInfo,
    since: 0,
    restarts: 0,
    lastError: undefined,
    share: spec.share ?? 'all',
    breaker: 'closed',
    nextTry: undefined,
    pid: undefined,
    links: 1,
    waiting: 0,
    pending: 0,
    stderr: [],
    counters: { opened: 1, failures: 0, dropped: 0, refusedRequests: 0, broken: 0, turnedAway: 0, exceeded: 0 },
  });
  const released: string[] = [];
  const upstream: Upstream = {
    name,
    start: () => undefined,
    stop: () => Promise.resolve(),
    status,
    settled: () => Promise.resolve(status()),
    acquire: (wish) => {
      wishes.push(wish);
      return server.failure === undefined ? { kind: 'open', link } : { kind: 'failure', failure: server.failure };
    },
    observe: () => undefined,
    release: (scope) => void released.push(scope),
    releaseOwners: () => undefined,
    onChange: (listener) => states.add(listener),
    onListChanged: (listener) => lists.add(listener),
    onNotification: (listener) => notifications.add(listener),
    onLog: () => () => undefined,
  };
  const server: TestServer = {
    name,
    upstream,
    share: spec.share ?? 'all',
    ask: spec.ask ?? [],
    timeoutMs: 60_000,
    maxTimeMs: 600_000,
    link,
    wishes,
    released,
    failure: undefined,
    spec,
    become(next) {
      state = next;
      states.emit(status());
    },
    sayListChanged: (kind) => lists.emit(kind),
    say: (notification) => notifications.emit({ ...notification, link }),
  };
  return server;
}

/** A grant as a file would write it. */
export function grantOf(pattern: string, more: Partial<Grant> = {}): Grant {
  const isSubtraction = pattern.startsWith('!');
  const origin = { file: 'sallyport.yaml', line: 3, column: 7 };
  return { pattern: isSubtraction ? pattern.slice(1) : pattern, isSubtraction, origin, ...more };
}

/** A policy of roles with the lists that matter. */
export function policyOf(roles: Readonly<Record<string, Partial<Role>>>, denied: readonly string[] = []): Policy {
  const origin = { file: 'sallyport.yaml', line: 1, column: 1 };
  return compilePolicy({
    deny: denied.map((pattern) => ({ pattern, origin })),
    roles: Object.entries(roles).map(([name, role]) => ({
      name,
      tools: [],
      resources: [],
      prompts: [],
      deny: [],
      origin,
      ...role,
    })),
  });
}

const everything = [grantOf('*')];

/** A policy under which `reader` may do everything. */
export const openPolicy = (): Policy =>
  policyOf({ reader: { tools: everything, resources: everything, prompts: everything } });

/** Rules around a policy. */
export function makeRules(policy: Policy, servers: readonly string[] = []): Rules {
  const rate = { tokens: 1000, perMs: 1000, burst: 1000 };
  return {
    policy,
    limits: {
      body: 1 << 20,
      message: 1 << 20,
      depth: 64,
      requestTimeoutMs: 1000,
      perAddress: rate,
      failedLogins: rate,
      concurrentPerCaller: 32,
      openPerCaller: 64,
      openPerAddress: 64,
    },
    callers: { keys: true },
    hosts: new Set(),
    origins: new Set(),
    upstreamLimits: new Map(),
    doors: { websocket: false, sse: false },
    servers: new Set(servers),
    refusals: 'result',
    keptArguments: () => undefined,
  };
}

/** A gateway without doors. */
export interface TestWorld extends World {
  readonly clock: FrozenClock;
  readonly catalog: Catalog;
  readonly log: string[];
  readonly recorded: object[];
  /** Rules in force; replaced by a reload. */
  inForce: Rules;
  /** What administrators have stopped, as `<kind> <name>`. */
  readonly blocked: Set<string>;
  server(name: string): TestServer;
}

/** Makes a gateway whose servers' lists have been read. */
export async function makeWorld(
  specs: Readonly<Record<string, ServerSpec>>,
  policy: Policy = openPolicy(),
): Promise<TestWorld> {
  const clock = frozenClock();
  let nonce = 0;
  const random: Random = { bytes: (length) => new Uint8Array(length).fill((nonce = (nonce + 1) % 256)) };
  const seal = createSeal([new Uint8Array(32).fill(3)], clock, random);
  const servers = new Map(Object.entries(specs).map(([name, spec]) => [name, scriptedServer(name, spec)]));
  const log: string[] = [];
  const recorded: object[] = [];
  const blocked = new Set<string>();
  const catalog = createCatalog({
    clock,
    timers: clock.timers,
    log: (server, line) => void log.push(`${server}: ${line}`),
  });
  const sessions = createSessions({ clock, seal });
  const blocks: Blocks = { isBlocked: (kind, name) => blocked.has(`${kind} ${name}`) };
  const results = createResultCache({ clock });
  const subscriptions = createSubscriptions(
    () => sessions.list(),
    () => world.inForce,
    blocks,
    createWatches(realTimers, random, (server, uri) => results.drop(server, uri)),
    createBuckets({ clock }),
  );
  catalog.onChange((change) => subscriptions.announce(change));
  const audit: AuditPort = { durability: 'intent', append: (draft) => recorded.push(draft), durable: () => undefined };
  const world: TestWorld = {
    clock,
    timers: realTimers,
    random,
    parking: createParking({ timers: realTimers, random, clock, audit }),
    seal,
    audit,
    inForce: makeRules(policy, [...servers.keys()]),
    blocks,
    blocked,
    rules: () => world.inForce,
    servers,
    catalog,
    results,
    sessions,
    subscriptions,
    connections: {
      begin: () => Promise.resolve(linkFailure('closed', 'There are no accounts here.')),
      find: () => undefined,
      wait: () => Promise.resolve(undefined),
    },
    settlement: { wait: () => undefined },
    egress: {
      request: ({ url }) => Promise.resolve({ kind: 'fault', reason: 'connection', message: `${url} is not there.` }),
    },
    log,
    recorded,
    server(name) {
      const server = servers.get(name);
      if (server === undefined) throw new Error(`no server ${name}`);
      return server;
    },
  };
  for (const server of servers.values()) {
    catalog.watch(server);
    followServer(server, world.results);
    subscriptions.watch(server);
    await catalog.refresh(server.name);
  }
  return world;
}

/** A stream that keeps what was sent. */
export interface TestStream extends CallerStream {
  readonly sent: string[];
  readonly opened: () => number;
}

/** Makes a stream. */
export function makeStream(isOpenable = true): TestStream {
  const sent: string[] = [];
  let opened = 0;
  return {
    sent,
    opened: () => opened,
    isOpenable,
    open: () => {
      opened += 1;
    },
    send: (message) => void sent.push(Buffer.from(message).toString()),
  };
}

/** What tests say about a request. */
export interface RequestSpec {
  readonly value: object | string;
  readonly era?: Era;
  readonly path?: DoorPath;
  readonly caller?: string;
  readonly roles?: readonly string[];
  readonly session?: Session;
  readonly stream?: CallerStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cancellation?: Canceller;
}

/** Both door paths of a world with a server `files`. */
export const allPath: DoorPath = { kind: 'all' };
export const filesPath: DoorPath = { kind: 'server', server: 'files' };

/** A request after `parse`. */
export function parsed(world: TestWorld, spec: RequestSpec): Parsed {
  const { value, era = 'modern', path = allPath, caller = 'key:ada', roles = ['reader'], session } = spec;
  const message = messageOf(value);
  const revision = era === 'modern' ? '2026-07-28' : '2025-11-25';
  const rules = world.inForce;
  return {
    id: 'x7Qe',
    door: 'http',
    path,
    rules,
    time: 0,
    started: 1000,
    address: '192.0.2.7',
    head: {
      version: '1.1',
      method: 'POST',
      target: '/mcp',
      isKnownPath: true,
      headers: spec.headers ?? {},
      repeated: new Set(),
      hasParamHeaders: Object.keys(spec.headers ?? {}).some((header) => header.startsWith('mcp-param-')),
    },
    cancellation: spec.cancellation ?? createCanceller(),
    caller: spec.stream ?? makeStream(),
    readBody: () => message.bytes,
    marks: [],
    principal: { id: caller, kind: 'key', roles, access: rules.policy.access(roles) },
    message,
    era,
    revision,
    method: lookupMethod(revision, message.method ?? ''),
    ...(session === undefined ? {} : { session }),
  };
}

/** A request on the threshold of `invoke`; it must name a target that is there. */
export async function intended(world: TestWorld, spec: RequestSpec): Promise<Intended> {
  const exchange = parsed(world, spec);
  const target = await resolveTarget(exchange, world);
  if ('isRefusal' in target) throw new Error(`refused: ${target.name}`);
  const decision = { effect: 'allow', grants: [], limit: undefined, limitKey: undefined, rule: undefined } as const;
  return Object.assign(exchange, { target, decision, lease: { release: () => undefined } });
}

/** Begins a legacy session. */
export function beginSession(
  world: TestWorld,
  more: Partial<RequestSpec> & { readonly capabilities?: JsonObject } = {},
): Session {
  const exchange: Identified = parsed(world, { value: { id: 0, method: 'ping' }, era: 'legacy', ...more });
  const handshake = {
    revision: '2025-11-25',
    clientCapabilities: more.capabilities ?? {},
    clientInfo: { name: 'editor' },
  };
  const session = world.sessions.create(exchange, handshake);
  if (session === undefined) throw new Error('no room');
  return session;
}

/** The envelope of a modern request, with more members of `_meta`. */
export function envelope(more: JsonObject = {}, capabilities: JsonObject = {}): JsonObject {
  return {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...more,
  };
}

/** Bytes as JSON. */
export function jsonOf(bytes: Uint8Array | undefined): unknown {
  return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString());
}

/** Lets everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A tool that takes anything. */
export const tool = (name: string, more: object = {}): object => ({ name, inputSchema: { type: 'object' }, ...more });
