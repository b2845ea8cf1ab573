/**
 * One upstream server as the gateway uses it: kept alive, known by its state, and lending conversations to callers so
 * that nobody hears what belongs to another.
 */
import { createCanceller, type Canceller } from '@sallyport/guard';
import type { Era, JsonObject, Message } from '@sallyport/protocol';
import { askable } from './capabilities.ts';
import { changedList, followChanges, type ListKind } from './changes.ts';
import { linkFailure, type Carrier, type Link, type LinkEvent } from './link.ts';
import { Listeners } from './listeners.ts';
import { LogLimit, type LogKind } from './log-limit.ts';
import { defaultTuning, type OpenOptions, type Share, type Tuning, type UpstreamDefinition } from './options.ts';
import { LinkPool } from './pool.ts';
import type { UpstreamLogEntry, UpstreamPorts } from './ports.ts';
import { recheckEra } from './recheck.ts';
import { describe, Supervisor, type UpstreamState } from './supervisor.ts';
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
  readonly pid: number | undefined;
  /** Conversations open or opening, the gateway's own included. */
  readonly links: number;
  /** Requests in flight. */
  readonly pending: number;
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
  onChange(listener: (status: UpstreamStatus) => void): () => void;
  /** A list may have changed: the server said so, or its conversation was opened anew. */
  onListChanged(listener: (kind: ListKind) => void): () => void;
  onNotification(listener: (notification: UpstreamNotification) => void): () => void;
  onLog(listener: (entry: UpstreamLogEntry) => void): () => void;
}

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
  readonly #changes = new Listeners<UpstreamStatus>();
  readonly #lists = new Listeners<ListKind>();
  readonly #notifications = new Listeners<UpstreamNotification>();
  readonly #log = new Listeners<UpstreamLogEntry>();
  readonly #logLimit: LogLimit;
  readonly #counters = { opened: 0, failures: 0, dropped: 0, refusedRequests: 0 };
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

  constructor(definition: UpstreamDefinition, ports: UpstreamPorts, clientInfo: JsonObject) {
    this.name = definition.name;
    this.#definition = definition;
    this.#ports = ports;
    this.#clientInfo = clientInfo;
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
  }

  start(): void {
    if (this.#supervisor.state !== 'stopped') return;
    this.#canceller = createCanceller();
    this.#transport = createTransport(this.#definition, this.#tuning, this.#ports, (text) =>
      this.#logLimit.log('stderr', 'stderr', text),
    );
    this.#pool = new LinkPool({ name: this.name, ...this.#tuning }, this.#ports);
    this.#supervisor.start();
  }

  async stop(reason = 'the upstream is being stopped'): Promise<void> {
    const transport = this.#transport;
    const pool = this.#pool;
    this.#transport = undefined;
    this.#pool = undefined;
    this.#lent = undefined;
    this.#canceller.cancel(reason);
    this.#unfollow();
    await Promise.all([this.#supervisor.stop(reason), pool?.close(reason)]);
    await transport?.close();
  }

  status(): UpstreamStatus {
    const { state, since, restarts, link, lastFailure } = this.#supervisor;
    const pid = link !== undefined && 'pid' in link && typeof link.pid === 'number' ? link.pid : undefined;
    return {
      name: this.name,
      state,
      transport: link?.carrier ?? this.#definition.transport.kind,
      era: link?.era,
      revision: link?.revision,
      serverInfo: link?.peer.serverInfo,
      since,
      restarts,
      lastError: lastFailure === undefined ? undefined : describe(lastFailure),
      pid,
      links: (link === undefined ? 0 : 1) + (this.#pool?.size ?? 0),
      pending: (link?.pending ?? 0) + (this.#pool?.pending ?? 0),
      counters: { ...this.#counters },
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
    // The usual case: everyone uses the one open conversation.
    const lent = this.#lent;
    if (lent !== undefined && lent.kind === 'open' && lent.link.state === 'open' && this.#isForAll(lent.link, wish)) {
      return lent;
    }
    const own = this.#supervisor.get();
    return own instanceof Promise ? own.then((opening) => this.#lend(opening, wish)) : this.#lend(own, wish);
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
    if (this.#definition.transport.kind === 'stdio') return this.#share === 'all';
    if (link.era === 'legacy') return this.#share === 'all';
    return wish.era === 'modern' || this.#ports.clock.monotonic() < this.#modernOnlyUntil;
  }

  #lend(own: Opening, wish: AcquireWish): Opening | Promise<Opening> {
    if (own.kind === 'failure' || this.#isForAll(own.link, wish)) return own;
    const pool = this.#pool;
    const transport = this.#transport;
    if (pool === undefined || transport === undefined) {
      return { kind: 'failure', failure: linkFailure('closed', `${this.name} is stopped.`) };
    }
    const isShared = this.#share === 'all';
    const scope = isShared ? '' : wish.scope;
    const clientCapabilities = isShared ? {} : askable(wish.clientCapabilities, this.#definition.ask ?? []);
    const key = JSON.stringify([scope, clientCapabilities]);
    const opening = pool.get({ key, owner: isShared ? '' : wish.owner }, async () => {
      const options = this.#openOptions(clientCapabilities, isShared, scope);
      const opened = await this.#openScoped(transport, options, own.link);
      if (opened.kind === 'open') this.#counters.opened += 1;
      else this.#counters.failures += 1;
      return opened;
    });
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

  async #openOwn(): Promise<Opening> {
    const transport = this.#transport;
    if (transport === undefined) return { kind: 'failure', failure: linkFailure('closed', `${this.name} is stopped.`) };
    return transport.open(this.#openOptions({}, true, ''), 'probe');
  }

  #openOptions(clientCapabilities: JsonObject, isShared: boolean, scope: string): OpenOptions {
    return {
      name: this.name,
      tuning: this.#tuning,
      clientCapabilities,
      clientInfo: this.#clientInfo,
      ask: isShared ? [] : (this.#definition.ask ?? []),
      isShared,
      cancellation: this.#canceller,
      onEvent: (link, event) => this.#heard(link, scope, event),
    };
  }

  #ownOpened(link: Link): void {
    this.#verdictAt = this.#ports.clock.monotonic();
    this.#modernOnlyUntil = -Infinity;
    const isAnother = this.#lastOwn !== undefined && this.#lastOwn !== `${link.era} ${link.carrier}`;
    this.#lastOwn = `${link.era} ${link.carrier}`;
    // Local processes are what they were when they started.
    if (isAnother && link.carrier !== 'stdio') this.#pool?.retire();
    this.#lent = { kind: 'open', link };
    this.#counters.opened += 1;
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
    this.#logLimit.log(kind, 'warning', text);
  }
}
