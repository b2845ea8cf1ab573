/**
 * One upstream server as the gateway uses it: kept alive, known by its state, and lending conversations to callers so
 * that nobody hears what belongs to another.
 */
import { createCanceller, type Canceller } from '@sallyport/guard';
import type { Era, JsonObject, Message } from '@sallyport/protocol';
import { askable } from './capabilities.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { changedList, followChanges, type ListKind } from './changes.ts';
import { discoverParams } from './handshake.ts';
import { linkFailure, type Carrier, type Link, type LinkAnswer, type LinkEvent, type LinkFailure } from './link.ts';
import { Listeners } from './listeners.ts';
import { LockedLink, lockedFailure } from './locked-link.ts';
import type { LinkCredential } from './credential.ts';
import { LogLimit, type LogKind } from './log-limit.ts';
import { defaultTuning, type OpenOptions, type Share, type Tuning, type UpstreamDefinition } from './options.ts';
import { LinkPool } from './pool.ts';
import type { UpstreamLogEntry, UpstreamPorts } from './ports.ts';
import { recheckEra } from './recheck.ts';
import { describe, Supervisor, type UpstreamState } from './supervisor.ts';
import { createRedaction, secretsIn } from './redact.ts';
import type { Opening, Transport } from './transport.ts';
import { createTransport } from './transports.ts';

/** What happened since the upstream was made. */
export interface UpstreamCounters {
  /** Conversations opened. */
  readonly opened: number;
  /** Openings and conversations that failed. */
  readonly failures: number;
  /** Messages, lines and answers that were dropped. */
  readonly dropped: number;
  /** Server requests that reached nobody. */
  readonly refusedRequests: number;
  /** How often calls were stopped because they kept failing. */
  readonly broken: number;
  /** Requests for a conversation that were turned away without one: the server is sick, too busy, or its calls are stopped. */
  readonly turnedAway: number;
  /** Processes that were ended because they exceeded a limit. */
  readonly exceeded: number;
}

/** How an upstream stands. For operators: `lastError` may hold what callers must not see. */
export interface UpstreamStatus {
  readonly name: string;
  readonly state: UpstreamState;
  /** What carries its conversation; before the first one, what its entry says. */
  readonly transport: Carrier;
  readonly era: Era | undefined;
  readonly revision: string | undefined;
  readonly serverInfo: JsonObject | undefined;
  /** Wall time of the last change of state, milliseconds since the epoch. */
  readonly since: number;
  readonly restarts: number;
  readonly lastError: string | undefined;
  /** Who shares a conversation. */
  readonly share: Share;
  /** Whether calls pass; `open` while the server waits for its next try. */
  readonly breaker: BreakerState;
  /** Wall time of the next try, milliseconds since the epoch; undefined when none is planned. */
  readonly nextTry: number | undefined;
  readonly pid: number | undefined;
  /** Conversations open or opening, the gateway's own included. */
  readonly links: number;
  /** Callers that wait before another conversation is opened for them, because their last ones failed. */
  readonly waiting: number;
  /** Requests in flight. */
  readonly pending: number;
  /** What its processes last wrote to their standard error, oldest first; without the secrets that they were given. */
  readonly stderr: readonly string[];
  readonly counters: UpstreamCounters;
}

/** Whose conversation is wanted. */
export interface AcquireWish {
  /** The caller's era; where the server speaks both, the caller gets its own. */
  readonly era: Era;
  /** Principal id or session id, as the upstream's `share` has it; '' for the gateway itself. */
  readonly scope: string;
  /** The principal id; '' for the gateway itself. One principal gets a share of all conversations, whatever its scopes. */
  readonly owner: string;
  /** What the caller can be asked. Reaches only conversations that are not shared, cut down to `ask`. */
  readonly clientCapabilities: JsonObject;
  /** What the caller's conversation presents, where each caller has a credential of its own. */
  readonly credential?: LinkCredential;
  /** True for a conversation in which this request could not be asked anything now. */
  readonly isTaken?: ((link: Link) => boolean) | undefined;
  /** Says that the scope has ended, so that nothing is opened for it any more. Default: it lasts. */
  readonly isOver?: () => boolean;
}

/** A notification that belongs to no request. */
export interface UpstreamNotification {
  /** Whose conversation it came on; '' for the gateway's own. */
  readonly scope: string;
  readonly link: Link;
  readonly message: Message;
}

/** One upstream server. */
export interface Upstream {
  readonly name: string;
  /** Begins to open the upstream's own conversation and returns at once. */
  start(): void;
  /** Ends all conversations and waits until processes are gone. The upstream can be started again. */
  stop(reason?: string): Promise<void>;
  status(): UpstreamStatus;
  /** Resolves once the first opening has succeeded or failed. */
  settled(): Promise<UpstreamStatus>;
  /**
   * Lends a conversation. Answers at once where it can; a sick upstream fails at once too, with the time of its next
   * try. A lent link may be used for as long as it is open, but only on behalf of the scope it was lent for.
   */
  acquire(wish: AcquireWish): Opening | Promise<Opening>;
  /** Hears how a caller's request ended; what keeps failing is called no more for a while. */
  observe(answer: LinkAnswer): void;
  /** Ends the conversations of a scope that is over. */
  release(scope: string, reason: string): void;
  /** Ends the conversations of every principal for whom `isWelcome` is false. */
  releaseOwners(isWelcome: (owner: string) => boolean, reason: string): void;
  onChange(listener: (status: UpstreamStatus) => void): () => void;
  /** A list may have changed: the server said so, or its conversation was opened anew. */
  onListChanged(listener: (kind: ListKind) => void): () => void;
  onNotification(listener: (notification: UpstreamNotification) => void): () => void;
  onLog(listener: (entry: UpstreamLogEntry) => void): () => void;
}

/** Failures that say something of the server, and not of the caller or of what it sent. */
const SICKNESSES: ReadonlySet<LinkFailure['reason']> = new Set(['timeout', 'unreachable', 'closed', 'bad-answer']);

/** Lines of standard error that are kept, and characters of each. */
const STDERR_LINES = 20;
const STDERR_LENGTH = 400;

const ALL_LISTS: readonly ListKind[] = ['tools', 'prompts', 'resources'];

/**
 * Makes an upstream; nothing is started yet.
 *
 * @param clientInfo - how we introduce ourselves to the server
 */
export const createUpstream = (
  definition: UpstreamDefinition,
  ports: UpstreamPorts,
  clientInfo: JsonObject,
): Upstream => new ManagedUpstream(definition, ports, clientInfo);

class ManagedUpstream implements Upstream {
  readonly name: string;
  readonly #definition: UpstreamDefinition;
  readonly #ports: UpstreamPorts;
  readonly #clientInfo: JsonObject;
  readonly #tuning: Tuning;
  readonly #share: Share;
  readonly #supervisor: Supervisor;
  readonly #breaker: Breaker;
  readonly #changes = new Listeners<UpstreamStatus>();
  readonly #lists = new Listeners<ListKind>();
  readonly #notifications = new Listeners<UpstreamNotification>();
  readonly #log = new Listeners<UpstreamLogEntry>();
  readonly #logLimit: LogLimit;
  /** Takes what we send to prove who we are out of what is told of the server. */
  readonly #redact: (text: string) => string;
  readonly #counters = { opened: 0, failures: 0, dropped: 0, refusedRequests: 0, turnedAway: 0, exceeded: 0 };
  #transport: Transport | undefined;
  #pool: LinkPool | undefined;
  #canceller: Canceller = createCanceller();
  #unfollow: () => void = () => {};
  #verdictAt = 0;
  /**
   * A modern server at a URL has refused initialize, so legacy callers share the modern conversation until then.
   * Monotonic time.
   */
  #modernOnlyUntil = -Infinity;
  /** Era and carrier of the upstream's own conversation when it last opened. */
  #lastOwn: string | undefined;
  #lent: Opening | undefined;
  #lastSickness: LinkFailure | undefined;
  readonly #stderr: string[] = [];
  /** Each caller brings a credential of its own, and the gateway itself has none. */
  readonly #isPerCaller: boolean;
  /** A caller's conversation over which a server that is each caller's can be asked what it publishes. */
  #lendable: Link | undefined;

  constructor(definition: UpstreamDefinition, ports: UpstreamPorts, clientInfo: JsonObject) {
    this.name = definition.name;
    this.#definition = definition;
    this.#ports = ports;
    this.#clientInfo = clientInfo;
    const { transport } = definition;
    const { credentials } = definition;
    const redactFixed = createRedaction(
      transport.kind === 'stdio' ? (transport.secrets ?? []) : secretsIn(transport.headers),
    );
    this.#redact =
      credentials === undefined ? redactFixed : (text) => createRedaction(credentials.secrets())(redactFixed(text));
    this.#isPerCaller = credentials !== undefined && credentials.shared === undefined;
    this.#tuning = { ...defaultTuning, ...definition.tuning };
    this.#logLimit = new LogLimit((entry) => this.#log.emit(entry), ports);
    this.#share = definition.share ?? (definition.transport.kind === 'stdio' ? 'all' : 'caller');
    this.#supervisor = new Supervisor(this.name, () => this.#openOwn(), this.#tuning, ports, {
      onState: () => this.#stateChanged(),
      onOpen: (link) => this.#ownOpened(link),
      onFailure: (failure) => {
        this.#counters.failures += 1;
        this.#warn('failed', describe(failure));
      },
    });
    this.#breaker = new Breaker(
      () => this.#askIfWell(),
      this.#tuning,
      ports,
      (state) => this.#breakerChanged(state),
    );
  }

  start(): void {
    if (this.#supervisor.state !== 'stopped') return;
    this.#canceller = createCanceller();
    this.#transport = createTransport(this.#definition, this.#tuning, this.#ports, (text) => this.#heardStderr(text));
    this.#pool = new LinkPool({ name: this.name, ...this.#tuning }, this.#ports);
    this.#breaker.reset();
    this.#supervisor.start();
  }

  async stop(reason = 'the upstream is being stopped'): Promise<void> {
    const transport = this.#transport;
    const pool = this.#pool;
    this.#transport = undefined;
    this.#pool = undefined;
    this.#lent = undefined;
    this.#lendable = undefined;
    this.#canceller.cancel(reason);
    this.#breaker.stop();
    this.#unfollow();
    await Promise.all([this.#supervisor.stop(reason), pool?.close(reason)]);
    await transport?.close();
  }

  status(): UpstreamStatus {
    const { state, since, restarts, link } = this.#supervisor;
    const isBroken = state === 'ready' && this.#breaker.state !== 'closed';
    const lastFailure = isBroken ? this.#lastSickness : this.#supervisor.lastFailure;
    const waitMs = isBroken ? this.#breaker.waitMs : this.#supervisor.waitMs;
    const pid = link !== undefined && 'pid' in link && typeof link.pid === 'number' ? link.pid : undefined;
    return {
      name: this.name,
      state: isBroken ? 'sick' : state,
      transport: link?.carrier ?? this.#definition.transport.kind,
      era: link?.era,
      revision: link?.revision,
      serverInfo: link?.peer.serverInfo,
      since,
      restarts,
      lastError: lastFailure === undefined ? undefined : this.#redact(describe(lastFailure)),
      share: this.#share,
      breaker: state === 'sick' ? (waitMs === undefined ? 'half-open' : 'open') : this.#breaker.state,
      nextTry: waitMs === undefined ? undefined : Math.round(this.#ports.clock.now() + waitMs),
      pid,
      links: (link === undefined ? 0 : 1) + (this.#pool?.size ?? 0),
      waiting: this.#pool?.waiting ?? 0,
      pending: (link?.pending ?? 0) + (this.#pool?.pending ?? 0),
      stderr: [...this.#stderr],
      counters: { ...this.#counters, broken: this.#breaker.opened },
    };
  }

  settled(): Promise<UpstreamStatus> {
    if (this.#supervisor.state !== 'starting') return Promise.resolve(this.status());
    return new Promise((resolve) => {
      const forget = this.#changes.add((status) => {
        if (status.state === 'starting') return;
        forget();
        resolve(status);
      });
    });
  }

  acquire(wish: AcquireWish): Opening | Promise<Opening> {
    const opening = this.#find(wish);
    if (opening instanceof Promise) return opening.then((opened) => this.#count(opened));
    return this.#count(opening);
  }

  observe(answer: LinkAnswer): void {
    if (answer.kind === 'answer') {
      this.#breaker.succeeded();
    } else if (SICKNESSES.has(answer.failure.reason)) {
      this.#lastSickness = answer.failure;
      this.#breaker.failed();
    }
  }

  release(scope: string, reason: string): void {
    this.#pool?.release(scope, reason);
  }

  releaseOwners(isWelcome: (owner: string) => boolean, reason: string): void {
    this.#pool?.releaseOwners(isWelcome, reason);
  }

  #count(opening: Opening): Opening {
    if (opening.kind === 'open') return opening;
    this.#counters.turnedAway += 1;
    const { detail } = opening.failure;
    if (detail === undefined) return opening;
    return { kind: 'failure', failure: { ...opening.failure, detail: this.#redact(detail) } };
  }

  #find(wish: AcquireWish): Opening | Promise<Opening> {
    const waitMs = wish.scope === '' ? undefined : this.#breaker.waitMs;
    if (waitMs !== undefined && this.#supervisor.state === 'ready') return this.#broken(waitMs);
    // The usual case: everyone uses the one open conversation.
    const lent = this.#lent;
    if (lent !== undefined && lent.kind === 'open' && lent.link.state === 'open' && this.#isForAll(lent.link, wish)) {
      return lent;
    }
    const own = this.#supervisor.get();
    return own instanceof Promise ? own.then((opening) => this.#lend(opening, wish)) : this.#lend(own, wish);
  }

  /** What the gateway itself uses where the server is each caller's. */
  #lendUnlocked(): Opening {
    const link = this.#lendable;
    if (link?.state === 'open') return { kind: 'open', link, isLent: true };
    return { kind: 'failure', failure: lockedFailure(this.name) };
  }

  onChange(listener: (status: UpstreamStatus) => void): () => void {
    return this.#changes.add(listener);
  }

  onListChanged(listener: (kind: ListKind) => void): () => void {
    return this.#lists.add(listener);
  }

  onNotification(listener: (notification: UpstreamNotification) => void): () => void {
    return this.#notifications.add(listener);
  }

  onLog(listener: (entry: UpstreamLogEntry) => void): () => void {
    return this.#log.add(listener);
  }

  /** True when the upstream's own conversation serves this wish. */
  #isForAll(link: Link, wish: AcquireWish): boolean {
    if (wish.scope === '') return true;
    if (this.#isPerCaller) return false;
    if (this.#definition.transport.kind === 'stdio') return this.#share === 'all';
    if (link.era === 'legacy') return this.#share === 'all';
    return wish.era === 'modern' || this.#ports.clock.monotonic() < this.#modernOnlyUntil;
  }

  #lend(own: Opening, wish: AcquireWish): Opening | Promise<Opening> {
    if (own.kind === 'open' && own.link instanceof LockedLink && wish.scope === '') return this.#lendUnlocked();
    if (own.kind === 'failure' || this.#isForAll(own.link, wish)) return own;
    const pool = this.#pool;
    const transport = this.#transport;
    if (pool === undefined || transport === undefined || wish.isOver?.() === true) {
      return { kind: 'failure', failure: linkFailure('closed', `${this.name} is stopped.`) };
    }
    const isShared = this.#share === 'all';
    const scope = isShared ? '' : wish.scope;
    const clientCapabilities = isShared ? {} : askable(wish.clientCapabilities, this.#definition.ask ?? []);
    const { credential, isTaken } = wish;
    const apart = this.#isPerCaller ? [credential?.key ?? '', wish.era] : [];
    const key = JSON.stringify([scope, clientCapabilities, ...apart]);
    const opening = pool.get({ key, scope, owner: isShared ? '' : wish.owner, isTaken }, async () => {
      const shared = this.#openOptions(clientCapabilities, isShared, scope);
      const opened = this.#isPerCaller
        ? await this.#openForCaller(transport, { ...shared, credential }, wish.era)
        : await this.#openScoped(transport, shared, own.link);
      if (opened.kind === 'open') this.#counters.opened += 1;
      else this.#counters.failures += 1;
      return opened;
    });
    if (this.#isPerCaller) return opening;
    return opening.then((opened) => {
      // discover need not list what a server still answers to initialize, so only its refusal settles the question.
      const isRefusal = opened.kind === 'failure' && opened.failure.reason === 'bad-answer';
      if (!isRefusal || this.#definition.transport.kind === 'stdio') return opened;
      if (own.link.era === 'modern') {
        this.#modernOnlyUntil = this.#ports.clock.monotonic() + this.#tuning.verdictMs;
        return own;
      }
      // It answered initialize before, so it may have become a modern one.
      this.#supervisor.doubt();
      return opened;
    });
  }

  /** Another process of the same server speaks the same era; at a URL, a scoped conversation is always legacy. */
  async #openScoped(transport: Transport, options: OpenOptions, own: Link): Promise<Opening> {
    if (this.#definition.transport.kind !== 'stdio') return transport.open(options, 'legacy');
    const age = this.#ports.clock.monotonic() - this.#verdictAt;
    if (own.era === 'modern' || age >= this.#tuning.verdictMs) return transport.open(options, 'probe');
    const opened = await transport.open(options, 'legacy');
    if (opened.kind === 'open' || opened.failure.reason !== 'bad-answer') return opened;
    // The program was replaced by one of the other era since it was asked.
    this.#verdictAt = -Infinity;
    return transport.open(options, 'probe');
  }

  /** Callers get their own era where the server speaks it. */
  async #openForCaller(transport: Transport, options: OpenOptions, era: Era): Promise<Opening> {
    let opened = await transport.open(options, era === 'legacy' ? 'legacy' : 'probe');
    if (era === 'legacy' && opened.kind === 'failure' && opened.failure.reason === 'bad-answer') {
      opened = await transport.open(options, 'probe');
    }
    if (opened.kind === 'open' && this.#supervisor.link instanceof LockedLink && this.#lendable?.state !== 'open') {
      this.#lendable = opened.link;
      for (const kind of ALL_LISTS) this.#lists.emit(kind);
    }
    return opened;
  }

  async #openOwn(): Promise<Opening> {
    const transport = this.#transport;
    if (transport === undefined) return { kind: 'failure', failure: linkFailure('closed', `${this.name} is stopped.`) };
    const options = this.#openOptions({}, true, '');
    const opened = await transport.open(options, 'probe');
    if (!this.#isPerCaller || opened.kind === 'open' || opened.failure.reason !== 'unauthorized') return opened;
    const { challenge } = opened.failure;
    if (challenge !== undefined) this.#definition.credentials?.challenged?.(challenge);
    return { kind: 'open', link: new LockedLink(transport.kind, options) };
  }

  #openOptions(clientCapabilities: JsonObject, isShared: boolean, scope: string): OpenOptions {
    return {
      name: this.name,
      tuning: this.#tuning,
      clientCapabilities,
      clientInfo: this.#clientInfo,
      ask: isShared ? [] : (this.#definition.ask ?? []),
      isShared,
      credential: this.#definition.credentials?.shared,
      cancellation: this.#canceller,
      onEvent: (link, event) => this.#heard(link, scope, event),
    };
  }

  /** Asks what every server answers. A server that is not there at all is the supervisor's business. */
  async #askIfWell(): Promise<boolean> {
    const own = await this.#supervisor.get();
    if (own.kind === 'failure') return true;
    const { link } = own;
    if (link instanceof LockedLink) return (await this.#openOwn()).kind === 'open';
    const { breakerProbeMs: ms } = this.#tuning;
    const isModern = link.era === 'modern';
    const answer = await link.request(
      {
        id: link.mint(),
        method: isModern ? 'server/discover' : 'ping',
        params: isModern ? discoverParams(this.#clientInfo) : undefined,
        timeoutMs: ms,
        maxTimeMs: ms,
        cancellation: this.#canceller,
      },
      { onMessage: () => {}, onRequest: () => Promise.reject(new Error('nothing is asked here')) },
    );
    return answer.kind === 'answer';
  }

  #broken(retryAfterMs: number): Opening {
    const last = this.#lastSickness;
    const detail = `its calls keep failing${last === undefined ? '' : `: ${describe(last)}`}`;
    const text = `${this.name} is not available at the moment.`;
    return { kind: 'failure', failure: linkFailure('unreachable', text, { detail, retryAfterMs }) };
  }

  #breakerChanged(state: BreakerState): void {
    if (state === 'half-open') return;
    // A process that hangs does not get well by waiting.
    if (state === 'open') this.#supervisor.doubt();
    this.#stateChanged();
  }

  #heardStderr(text: string): void {
    this.#logLimit.log('stderr', 'stderr', text);
    this.#stderr.push(text.slice(0, STDERR_LENGTH));
    if (this.#stderr.length > STDERR_LINES) this.#stderr.shift();
  }

  #ownOpened(link: Link): void {
    this.#verdictAt = this.#ports.clock.monotonic();
    this.#modernOnlyUntil = -Infinity;
    const isAnother = this.#lastOwn !== undefined && this.#lastOwn !== `${link.era} ${link.carrier}`;
    this.#lastOwn = `${link.era} ${link.carrier}`;
    // Local processes are what they were when they started.
    if (isAnother && link.carrier !== 'stdio') this.#pool?.retire();
    this.#lent = link instanceof LockedLink ? undefined : { kind: 'open', link };
    this.#counters.opened += 1;
    this.#breaker.reset();
    this.#unfollow();
    const ends = [
      followChanges(link, this.#clientInfo, this.#ports, (kind) => this.#lists.emit(kind)),
      this.#recheck(link),
    ];
    this.#unfollow = () => ends.forEach((end) => end());
    if (this.#supervisor.restarts > 0) for (const kind of ALL_LISTS) this.#lists.emit(kind);
  }

  #recheck(link: Link): () => void {
    const transport = this.#transport;
    if (transport === undefined) return () => {};
    const options = this.#openOptions({}, true, '');
    const { verdictMs } = this.#tuning;
    return recheckEra(link, transport, options, verdictMs, this.#ports.timers, () => this.#supervisor.doubt());
  }

  #heard(link: Link, scope: string, event: LinkEvent): void {
    switch (event.kind) {
      case 'notification': {
        const list = changedList(event.message);
        if (list === undefined) this.#notifications.emit({ scope, link, message: event.message });
        else this.#lists.emit(list);
        break;
      }
      case 'refused-request':
        this.#counters.refusedRequests += 1;
        this.#warn('refused', `refused its request ${event.method}`);
        break;
      case 'dropped':
        this.#counters.dropped += 1;
        this.#warn('dropped', `dropped ${event.detail}`);
        break;
      case 'trouble':
        this.#warn('failed', describe(event.failure));
        if (event.isOther) this.#pool?.retire(link);
        this.#supervisor.doubt();
        break;
      case 'closed':
        if (event.failure.isExceeded === true) {
          this.#counters.exceeded += 1;
          // The end of the gateway's own conversation is told of by its supervisor.
          if (scope !== '') this.#warn('failed', describe(event.failure));
        }
        break;
    }
  }

  #stateChanged(): void {
    if (this.#supervisor.state !== 'ready') this.#lent = undefined;
    const status = this.status();
    this.#logLimit.log('state', 'info', `is ${status.state}`);
    this.#changes.emit(status);
  }

  #warn(kind: LogKind, text: string): void {
    this.#logLimit.log(kind, 'warning', this.#redact(text));
  }
}
