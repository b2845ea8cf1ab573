/** Starts a gateway from a configuration, keeps it up to date with the file, and stops it without losing a call. */
import { mkdir } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createBuckets,
  createConcurrency,
  createConversations,
  createDigest,
  createEgress,
  createExchangeIds,
  createSessions,
  createUnrecorded,
  openListener,
  openStdioDoor,
  type Conversation,
  type DoorContext,
  type EgressClient,
  type DoorPath,
  type Listener,
  type Ports,
  type Rules,
  type Session,
} from '@sallyport/guard';
import { createAccounts, type Accounts } from './accounts.ts';
import { openAdmin, type AdminServer } from './admin.ts';
import { createResultCache } from './cache/result-cache.ts';
import { createCatalog, type Catalog } from './catalog/catalog.ts';
import { diffConfig, type ConfigChanges } from './config/diff.ts';
import { egressSettings } from './egress-settings.ts';
import { outlineOf } from './config/outline.ts';
import type { Problem } from './config/problem.ts';
import type { Config, ConfigOutline } from './config/types.ts';
import { systemWatchPorts, watchConfig } from './config/watch.ts';
import { controlPath, findControlDanger, openControl } from './control.ts';
import { invokeTarget } from './invoke/invoke.ts';
import { createParking } from './invoke/parking.ts';
import { createSubscriptions } from './invoke/subscriptions.ts';
import { createWatches } from './invoke/watches.ts';
import { createMetrics } from './metrics.ts';
import { ownInfo } from './own-request.ts';
import { resolveTarget } from './resolve.ts';
import { createLastResort } from './last-resort.ts';
import { hostText, listenFault } from './listen-address.ts';
import { makeRules } from './rules.ts';
import { createFleet, type Fleet } from './fleet.ts';
import type { Server } from './servers.ts';
import { createSettlement } from './settlement.ts';
import { tlsMaterial } from './transport-rules.ts';
import { makeSeal, openAudit, openKeys, openLiveStore, systemClock, systemRandom, type StateFault } from './state.ts';
import { summarize } from './summary.ts';
import { createVerifiers, type Verifiers } from './tokens/verifiers.ts';
import { realTimers, realUpstreamPorts } from './upstreams/ports.ts';
import { spawnChild } from './upstreams/stdio/child.ts';
import { takeCustody, type Custody } from './upstreams/stdio/custody.ts';
import { createRunningCalls } from './running-calls.ts';
import { pause, within } from './waiting.ts';
import { endUnwelcome } from './welcome.ts';
import type {
  ConnectLink,
  DoorStatus,
  GatewayLogLine,
  GatewayOptions,
  GatewayStatus,
  OpenStdioOptions,
  RunningGateway,
} from './running.ts';
import type { World } from './world.ts';

/** How long callers wait for servers that are slow to start, milliseconds. */
const settleMs = 10_000;
/** How long running calls may take to end when the gateway stops, milliseconds. */
const drainMs = 10_000;

/** How long callers may take to answer a close, milliseconds. */
const lastCloseMs = 2000;

/** How long replies that are being written may take after that, milliseconds. */
const lastReplyMs = 500;

/** How long servers may take to stop before the last records are written, milliseconds. */
const lastServersMs = 3000;

/** How long they may take after that; what is left of them then is killed with this process, milliseconds. */
const stubbornServersMs = 15_000;

/** Starts a gateway; what keeps it from starting is returned as a fault with a way out. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway | StateFault> {
  const keys = await openKeys(options.config, options.configPorts);
  if ('fault' in keys) return keys;
  const log = makeLog(options);
  const live = await openLiveStore(options.config, keys, (text) => log('warning', text));
  if ('fault' in live) return live;
  const trail = await openAudit(options.config, keys, (state, cause) => {
    if (state === 'closed') return;
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    log(state === 'healthy' ? 'info' : 'warning', `the audit trail is ${state}${why}`);
  });
  if ('fault' in trail) {
    await live.close();
    return trail;
  }
  const folder = join(dirname(options.config.store.path), 'upstreams');
  const custody = await takeCustody(folder, (text) => log('warning', text));
  const gateway = new Gateway(options, { keys, live, trail, custody, log });
  const fault = await gateway.start();
  if (fault !== undefined) {
    await gateway.close(0);
    return fault;
  }
  return gateway;
}

type Log = (level: GatewayLogLine['level'], text: string, server?: string) => void;

function makeLog({ onLog }: GatewayOptions): Log {
  return (level, text, server) =>
    onLog?.({ time: systemClock.now(), level, text, ...(server === undefined ? {} : { server }) });
}

interface OpenState {
  readonly keys: Exclude<Awaited<ReturnType<typeof openKeys>>, StateFault>;
  readonly live: Exclude<Awaited<ReturnType<typeof openLiveStore>>, StateFault>;
  readonly trail: Exclude<Awaited<ReturnType<typeof openAudit>>, StateFault>;
  /** Ends what an earlier gateway has left running, and marks what this one starts. */
  readonly custody: Custody;
  readonly log: Log;
}

class Gateway implements RunningGateway {
  readonly #options: GatewayOptions;
  readonly #state: OpenState;
  readonly #started = systemClock.now();
  readonly #servers = new Map<string, Server>();
  readonly #fleet: Fleet;
  readonly #catalog: Catalog;
  readonly #results = createResultCache({ clock: systemClock });
  readonly #world: World;
  readonly #context: DoorContext;
  readonly #metrics: ReturnType<typeof createMetrics>;
  readonly #concurrency = createConcurrency();
  readonly #buckets = createBuckets({ clock: systemClock });
  readonly #unrecorded = createUnrecorded();
  readonly #running = createRunningCalls();
  readonly #settlement = createSettlement();
  readonly #lastResort = createLastResort(spawnChild);
  readonly #egress: EgressClient;
  readonly #accounts: Accounts;
  readonly #verifiers: Verifiers;
  readonly #stops: Array<() => void | Promise<void>> = [];
  #config: Config;
  /** What is wrong with the files while they are not what is in force. */
  #problems: readonly Problem[] = [];
  #rules: Rules;
  #http: Listener | undefined;
  #adminServer: AdminServer | undefined;
  /** Exchanges that passed because policy was only observed. */
  #wouldRefuse = 0;
  #isDraining = false;
  #closing: Promise<void> | undefined;
  #recording: Promise<void> = Promise.resolve();

  constructor(options: GatewayOptions, state: OpenState) {
    this.#options = options;
    this.#state = state;
    this.#config = options.config;
    this.#rules = makeRules(options.config, options.config.listen.port);
    this.#egress = createEgress(egressSettings(options.config));
    this.#verifiers = createVerifiers(options.config, {
      clock: systemClock,
      egress: this.#egress,
      files: options.configPorts,
      log: state.log,
    });
    this.#catalog = createCatalog({ clock: systemClock, log: (server, text) => state.log('warning', text, server) });
    const seal = makeSeal(state.keys);
    const sessions = createSessions({ clock: systemClock, seal, ended: state.live.ended });
    const conversations = createConversations({ clock: systemClock });
    const everybody = function* (): Iterable<Session> {
      yield* sessions.list();
      for (const { session } of conversations.list()) yield session;
    };
    const watches = createWatches(realTimers, systemRandom, (server, uri) => this.#results.drop(server, uri));
    const subscriptions = createSubscriptions(everybody, () => this.#rules, state.live.blocks, watches, this.#buckets);
    const digest = createDigest(state.keys.current.auditDigest);
    this.#accounts = createAccounts({
      egress: this.#egress,
      grants: state.live.grants,
      audit: state.trail,
      servers: this.#servers,
      catalog: this.#catalog,
      results: this.#results,
      base: () => this.#pageBase(),
      warn: (text, server) => state.log('warning', text, server),
    });
    this.#world = {
      clock: systemClock,
      timers: realTimers,
      random: systemRandom,
      seal,
      audit: state.trail,
      blocks: state.live.blocks,
      rules: () => this.#rules,
      servers: this.#servers,
      catalog: this.#catalog,
      results: this.#results,
      sessions,
      subscriptions,
      parking: createParking({
        timers: realTimers,
        random: systemRandom,
        clock: systemClock,
        audit: state.trail,
      }),
      settlement: this.#settlement,
      egress: this.#egress,
      connections: this.#accounts.connections,
    };
    this.#catalog.onChange((change) => subscriptions.announce(change));
    this.#fleet = createFleet(this.#servers, {
      catalog: this.#catalog,
      results: this.#results,
      subscriptions,
      credentials: this.#accounts.credentialsFor,
      ports: realUpstreamPorts({ mark: state.custody.mark, spawn: this.#lastResort.spawn }, this.#egress),
      log: state.log,
    });
    this.#metrics = createMetrics({
      upstreams: () => [...this.#servers.values()].map(({ upstream }) => upstream.status()),
      audit: () => state.trail.stats(),
      issuers: () => this.#verifiers.status().issuers,
      tokens: () => this.#verifiers.counts().signed,
      introspection: () => this.#verifiers.counts().opaque,
      sessions: () => [...sessions.list()].length,
      isObserving: () => this.#rules.observes === true,
      results: () => this.#results.stats(),
      connections: () => ({
        stdio: this.#count('stdio'),
        websocket: this.#count('websocket'),
        sse: this.#count('sse'),
      }),
    });
    this.#context = {
      ports: this.#makePorts(digest),
      rules: () => this.#rules,
      nextId: createExchangeIds(systemRandom),
      sessions,
      conversations,
      pages: this.#accounts.connections.pages,
    };
  }

  get settled(): Promise<void> {
    return this.#settlement.wait() ?? Promise.resolve();
  }

  get endpoint(): string | undefined {
    if (this.#http === undefined) return undefined;
    const scheme = this.#config.tls === undefined ? 'http' : 'https';
    return `${scheme}://${hostText(this.#http.host)}:${this.#http.port}/mcp`;
  }

  get admin(): string | undefined {
    const listen = this.#config.admin?.listen;
    if (this.#adminServer === undefined || listen === undefined) return undefined;
    return `http://${hostText(listen.host)}:${this.#adminServer.port}`;
  }

  /** Where browsers reach the pages. */
  #pageBase(): string | undefined {
    if (this.#http === undefined) return undefined;
    return this.#config.publicUrl ?? `http://${hostText(this.#http.host)}:${this.#http.port}`;
  }

  connectAccount(server: string, principal: string): Promise<ConnectLink> {
    return this.#accounts.connect(server, principal);
  }

  async start(): Promise<StateFault | undefined> {
    process.once('exit', this.#lastResort.kill);
    // Servers behind walls start before the control socket is there, and its folder is hidden from them.
    const { opensDoors, files } = this.#options;
    if (opensDoors !== false && files.length > 0 && process.platform !== 'win32') {
      await mkdir(dirname(controlPath(this.#config)), { recursive: true, mode: 0o700 });
    }
    // Before any door is open, so that nobody who comes in early finds that there are no servers.
    for (const upstream of this.#config.upstreams) this.#fleet.add(upstream, this.#config);
    this.#waitForServers();
    if (this.#options.opensDoors !== false) {
      const fault = await this.#openDoors();
      if (fault !== undefined) return fault;
    }
    const { sessions } = this.#context;
    this.#every(1000, () => this.#unrecorded.flush(this.#state.trail));
    // At once too: a later process goes by the last sign of this one.
    sessions.sweep();
    this.#every(60_000, () => sessions.sweep());
    this.#every(1000, () => this.#verifiers.tend());
    // Keys and tokens expire without any change that would say so.
    this.#every(5000, () => this.#closeUnwelcome());
    if (this.#options.files.length > 0) this.#watchFiles();
    this.#every(60_000, () => this.#accounts.follow());
    this.#accounts.follow();
    this.#state.live.onChange(() => {
      this.#accounts.follow();
      this.#closeUnwelcome();
      void this.#recordChanges().then(() => this.#closeUnwelcome());
    });
    void this.#recordChanges();
    const { mode } = this.#config;
    this.#state.trail.append({
      kind: 'system',
      outcome: { status: 'started', ...(mode === 'observe' ? { reason: 'mode: observe' } : {}) },
    });
    this.#warnOfObserving();
    return undefined;
  }

  refresh(): Promise<void> {
    return this.#state.live.refresh();
  }

  status(): GatewayStatus {
    return {
      version: ownInfo.version,
      pid: process.pid,
      started: this.#started,
      mode: this.#config.mode,
      wouldRefuse: this.#wouldRefuse,
      views: this.#config.views.map(({ name, mode }) => ({ name, mode })),
      endpoint: this.endpoint,
      ...(this.#config.publicUrl === undefined ? {} : { publicEndpoint: `${this.#config.publicUrl}/mcp` }),
      admin: this.admin,
      servers: [...this.#servers.values()].map(({ name, upstream }) => {
        const catalog = this.#catalog.server(name);
        const unreadable = this.#catalog.failure(name);
        return {
          ...upstream.status(),
          tools: catalog?.tools.size ?? 0,
          prompts: catalog?.prompts.size ?? 0,
          resources: catalog?.resources.size ?? 0,
          quarantined: catalog?.quarantined ?? [],
          ...(unreadable === undefined ? {} : { unreadable }),
        };
      }),
      configuration: {
        problems: this.#problems.map(({ file, line, column, message }) => ({ file, line, column, message })),
        needsRestart: diffConfig(this.#options.config, this.#config).needsRestart,
      },
      ...this.#verifiers.status(),
      audit: this.#state.trail.stats(),
      sessions: [...this.#context.sessions.list()].length,
      connections: this.#count('stdio'),
      doors: { websocket: this.#doorStatus('websocket'), sse: this.#doorStatus('sse') },
    };
  }

  configuration(): ConfigOutline {
    return outlineOf(this.#config);
  }

  tools(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#catalog.servers().map(({ server, tools }) => [server, [...tools.keys()]]));
  }

  #count(door: Conversation['door']): number {
    let count = 0;
    for (const conversation of this.#context.conversations.list()) if (conversation.door === door) count += 1;
    return count;
  }

  #doorStatus(door: 'websocket' | 'sse'): DoorStatus {
    return { isOpen: this.#http !== undefined && this.#rules.doors[door], connections: this.#count(door) };
  }

  openStdio(input: Readable, output: Writable, { path, at, role }: OpenStdioOptions = {}): Conversation {
    return openStdioDoor(this.#context, {
      input,
      output,
      path: path ?? this.#pathTo(at),
      localUser: userInfo().username,
      ...(role === undefined ? {} : { role }),
    });
  }

  /** A name that is neither a server's nor a view's leads nowhere, and each message says so. */
  #pathTo(at: string | undefined): DoorPath {
    if (at === undefined) return { kind: 'all' };
    return this.#rules.views?.has(at) === true ? { kind: 'view', view: at } : { kind: 'server', server: at };
  }

  close(deadlineMs = drainMs): Promise<void> {
    this.#closing ??= this.#stop(deadlineMs);
    return this.#closing;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    this.#settlement.giveUp();
    this.#world.subscriptions.endFor(() => false, 'draining');
    this.#world.parking.endFor(() => false, 'draining');
    await this.#drain(systemClock.monotonic() + deadlineMs);
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    this.#context.sessions.closeAll('draining');
    await within(this.#context.conversations.closeAll('draining'), lastCloseMs);
    await this.#http?.close(lastReplyMs);
    await this.#adminServer?.close();
    const servers = this.#fleet.stop('the gateway stops');
    const hasStopped = await within(servers, lastServersMs);
    await this.#egress.close();
    // Whoever ends a process that takes too long must not take the last records with it.
    this.#unrecorded.flush(this.#state.trail);
    this.#state.trail.append({ kind: 'system', outcome: { status: 'stopped' } });
    await this.#recording;
    await this.#state.trail.close();
    if (hasStopped || (await within(servers, stubbornServersMs))) {
      process.off('exit', this.#lastResort.kill);
      await this.#state.custody.release();
    }
    await this.#state.live.close();
  }

  #makePorts(digest: (bytes: Uint8Array) => string): Ports {
    const { live, trail } = this.#state;
    const { onExchange } = this.#options;
    return {
      clock: systemClock,
      credentials: live.credentials,
      tokens: this.#verifiers,
      blocks: live.blocks,
      buckets: this.#buckets,
      concurrency: this.#concurrency,
      sessions: {
        find: (id, exchange) => {
          const { sessions, conversations } = this.#context;
          return exchange.door === 'sse' ? conversations.find(id, exchange) : sessions.find(id, exchange);
        },
      },
      audit: trail,
      unrecorded: this.#unrecorded,
      digest,
      resolve: (exchange) => resolveTarget(exchange, this.#world),
      invoke: (exchange) => {
        this.#running.add(exchange);
        return invokeTarget(exchange, this.#world);
      },
      observe: (exchange) => {
        this.#running.forget(exchange);
        const summary = summarize(exchange, systemClock.monotonic());
        this.#metrics.count(summary);
        if (summary.would !== undefined) this.#wouldRefuse += 1;
        onExchange?.(summary);
      },
      isDraining: () => this.#isDraining,
    };
  }

  async #openDoors(): Promise<StateFault | undefined> {
    const { listen, admin } = this.#config;
    const tls = tlsMaterial(this.#config.tls);
    try {
      this.#http = await openListener(this.#context, {
        host: listen.host,
        port: listen.port,
        ...(tls === undefined ? {} : { tls }),
      });
    } catch (cause) {
      return listenFault('listen', listen, cause);
    }
    // Port 0 means any free one, so the rules learn the real one here.
    this.#rules = makeRules(this.#config, this.#http.port);
    if (admin !== undefined) {
      const { host, port } = admin.listen;
      const troubles = (): readonly string[] => this.#troubles();
      try {
        this.#adminServer = await openAdmin({ host, port, metrics: this.#metrics, troubles });
      } catch (cause) {
        return listenFault('admin.listen', admin.listen, cause);
      }
    }
    if (this.#options.files.length === 0) return undefined;
    const path = controlPath(this.#config);
    const danger = await findControlDanger(path);
    if (danger !== undefined) return { fault: 'unsafe', message: danger };
    const control = await openControl(path, {
      openStdio: (socket, wish) => {
        const door = this.openStdio(socket, socket, wish);
        void door.closed.then(() => socket.end());
      },
      status: () => this.status(),
      configuration: () => this.configuration(),
      tools: () => this.tools(),
      refresh: () => this.refresh(),
      connectAccount: (server, principal) => this.connectAccount(server, principal),
    });
    if (control === undefined) {
      return {
        fault: 'running',
        message: 'a gateway of this configuration is already running; see `sallyport status`',
      };
    }
    this.#stops.push(() => control.close());
    return undefined;
  }

  #troubles(): readonly string[] {
    if (this.#isDraining) return ['draining'];
    const { state } = this.#state.trail.stats();
    return [
      ...(this.#settlement.wait() === undefined ? [] : ['servers are starting']),
      ...(state === 'failing' ? ['the audit trail cannot be written'] : []),
    ];
  }

  #waitForServers(): void {
    for (const [name, loaded] of this.#fleet.loading()) this.#settlement.begin(name, loaded);
    const timer = setTimeout(() => this.#settlement.giveUp(), settleMs);
    timer.unref();
    this.#stops.push(() => clearTimeout(timer));
  }

  #watchFiles(): void {
    const { files, configPorts, onProblems } = this.#options;
    const watch = watchConfig(files, this.#config, systemWatchPorts(configPorts), {
      onChange: (config, changes) => this.#reload(config, changes),
      onProblem: (problems) => {
        const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
        this.#state.log('warning', `the changed configuration has ${count}; the old one stays`);
        this.#problems = problems;
        onProblems?.(problems);
      },
      onRenewed: (renewed) => {
        this.#config = renewed;
        this.#rules = makeRules(renewed, this.#http?.port ?? renewed.listen.port);
        this.#secure(renewed);
        this.#closeUnwelcome();
      },
      onMended: () => {
        this.#problems = [];
        this.#state.log('info', 'the configuration is right again, and what is in force is what it says');
      },
    });
    this.#stops.push(() => watch.close());
  }

  /** Said at every start and reload: nobody should believe that a gateway protects that only watches. */
  #warnOfObserving(): void {
    if (this.#config.mode === 'observe') this.#state.log('warning', observing);
  }

  /** Puts a new configuration in force: rules at once, changed servers as their calls end. */
  async #reload(config: Config, changes: ConfigChanges): Promise<void> {
    this.#config = config;
    this.#problems = [];
    this.#rules = makeRules(config, this.#http?.port ?? config.listen.port);
    if (changes.egress) this.#egress.change(egressSettings(config));
    if (changes.tls) this.#secure(config);
    if (changes.callers || changes.door) {
      this.#verifiers.change(config);
    }
    const leaving = this.#fleet.change(config, changes.upstreams);
    // Other rules show other lists.
    if (changes.policy) this.#announceAll();
    this.#closeUnwelcome();
    const reason = changes.mode ? { reason: `mode: ${config.mode}` } : {};
    this.#state.trail.append({ kind: 'admin', method: 'reload', outcome: { status: 'ok', ...reason } });
    const waiting = changes.needsRestart;
    const verb = waiting.length === 1 ? 'needs' : 'need';
    const waits = waiting.length === 0 ? '' : `; ${waiting.join(', ')} ${verb} a restart`;
    this.#state.log('info', `the configuration was reloaded${waits}`);
    if (changes.mode && config.mode === 'enforce') this.#state.log('info', 'mode: enforce: policy refuses again');
    this.#warnOfObserving();
    await leaving;
  }

  /** New connections shake hands with the new certificate; those that are open go on. */
  #secure({ tls }: Config): void {
    this.#http?.secure(tlsMaterial(tls));
    this.#state.log('info', tls === undefined ? 'TLS is off' : 'the certificate and its key were read anew');
  }

  #announceAll(): void {
    for (const server of this.#servers.keys()) {
      for (const list of ['tools', 'prompts', 'resources'] as const) {
        this.#world.subscriptions.announce({ server, list, isReload: true });
      }
    }
  }

  /** Conversations that would not be begun any more are ended: revoked keys, blocked callers, roles taken away. */
  #closeUnwelcome(): void {
    const { live } = this.#state;
    endUnwelcome(this.#world, this.#context.conversations, live, {
      knows: (principal) => this.#verifiers.knows(principal),
    });
    // A key that expires lets go on what was begun with it; one that is taken away does not.
    this.#running.stop(live.blocks, (principal) => principal.startsWith('key:') && live.isRevoked(principal.slice(4)));
  }

  /** One run at a time, so that no change is recorded twice. */
  async #recordChanges(): Promise<void> {
    const { live, trail, log } = this.#state;
    this.#recording = this.#recording
      .then(() => live.recordChanges(trail))
      .catch((cause: unknown) => log('warning', `changes could not be recorded: ${String(cause)}`));
    await this.#recording;
  }

  async #drain(deadline: number): Promise<void> {
    while (this.#concurrency.size > 0 && systemClock.monotonic() < deadline) await pause(pollMs);
  }

  #every(ms: number, task: () => void): void {
    const timer = setInterval(task, ms);
    timer.unref();
    this.#stops.push(() => clearInterval(timer));
  }
}

const observing =
  'mode: observe: policy refuses nothing but what the top-level deny list forbids; what it would refuse is recorded';

/** How often a wait for running calls looks, milliseconds. */
const pollMs = 20;
