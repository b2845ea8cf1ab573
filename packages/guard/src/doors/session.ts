/**
 * Conversations that outlive one request: legacy HTTP sessions, sealed to their owner and door path, and connections
 * at the other doors. They carry what a server says outside an answer, and what it asks of the caller.
 */
import type { JsonObject, Message } from '@sallyport/protocol';
import type { Canceller } from '../cancellation.ts';
import type { CallerSession, CallerStream, DoorPath, Identified, Principal } from '../exchange.ts';
import type { Cancellation, Clock } from '../ports.ts';
import type { Seal } from '../seal.ts';
import type { EndedSessions } from '../store/ended-sessions.ts';
import { createEventStore, type EventLogs, type EventStore, type EventStoreOptions } from './event-log.ts';
import { createSessionIds, pathKey } from './session-id.ts';

/** How a caller answered a server's request. */
export interface CallerAnswer {
  readonly kind: 'result' | 'error';
  readonly body: Uint8Array;
}

/** What the caller told at initialize. */
export interface Handshake {
  readonly revision: string;
  readonly clientCapabilities: JsonObject;
  readonly clientInfo: JsonObject | undefined;
}

/** Messages kept for a caller that has no stream open; older ones are dropped first. */
const heldMessages = 64;
/** Bytes of them. */
const heldBytes = 1024 * 1024;

/** Longest id that is looked at, characters. */
const longestId = 4096;

const opening = Buffer.from('{"jsonrpc":"2.0","id":');

/** One conversation. */
export class Session implements CallerSession {
  readonly id: string;
  readonly owner: string;
  /** The owner's roles at its last request. */
  roles: readonly string[];
  /** The owner as of its last request; absent before the first. */
  principal: Principal | undefined = undefined;
  readonly path: DoorPath;
  readonly created: number;
  lastUsed: number;
  handshake: Handshake | undefined = undefined;
  logLevel: string | undefined = undefined;
  /** Where events are kept for a caller that comes back; absent where connections last as long as the conversation. */
  eventStore: EventStore | undefined = undefined;
  private logs: EventLogs | undefined = undefined;
  isBegun = false;
  /** True for a session that an earlier process began: what its caller said there, besides initialize, is not known. */
  isTakenUp = false;
  private readonly inflight = new Map<string | number, Set<Canceller>>();
  private outbound: CallerStream | undefined = undefined;
  private held: Uint8Array[] = [];
  private heldSize = 0;
  private asked = 0;
  private readonly waiting = new Map<number, (answer: CallerAnswer) => void>();
  private readonly closing = new Set<() => void>();
  isClosed = false;

  constructor(id: string, owner: string, roles: readonly string[], path: DoorPath, now: number) {
    this.id = id;
    this.owner = owner;
    this.roles = roles;
    this.path = path;
    this.created = now;
    this.lastUsed = now;
  }

  /**
   * Makes this the continuation of a session that an earlier process began.
   *
   * @param now - wall time, milliseconds
   */
  takeUp(handshake: Handshake, now: number): void {
    this.handshake = handshake;
    this.lastUsed = now;
    this.isBegun = true;
    this.isTakenUp = true;
    // A late answer to a question of the earlier process must not meet one of this: nobody asks one each millisecond.
    this.asked = Math.max(0, now - this.created);
  }

  /** The caller's program by its own account. */
  get clientName(): string | undefined {
    const name = this.handshake?.clientInfo?.['name'];
    return typeof name === 'string' ? name : undefined;
  }

  get revision(): string | undefined {
    return this.handshake?.revision;
  }

  /** The streams that the caller can come back to. */
  get events(): EventLogs | undefined {
    if (!this.isClosed) this.logs ??= this.eventStore?.open(this.owner);
    return this.logs;
  }

  /** True while a request of this conversation is on its way. */
  get isBusy(): boolean {
    return this.inflight.size > 0;
  }

  track(id: string | number, canceller: Canceller): boolean {
    const same = this.inflight.get(id);
    if (same === undefined) this.inflight.set(id, new Set([canceller]));
    else same.add(canceller);
    return same === undefined;
  }

  untrack(id: string | number, canceller: Canceller): void {
    const same = this.inflight.get(id);
    if (same?.delete(canceller) === true && same.size === 0) this.inflight.delete(id);
  }

  cancel(id: string | number, reason: string): void {
    for (const canceller of this.inflight.get(id) ?? []) canceller.cancel(reason);
  }

  /** Makes a stream the place for messages that belong to no request; the newest stream wins and ends the one before. */
  attach(stream: CallerStream): void {
    this.outbound?.end?.();
    this.outbound = stream;
    stream.open();
    this.heldSize = 0;
    for (const message of this.held.splice(0)) stream.send(message);
  }

  /** Forgets a stream that has ended. */
  detach(stream: CallerStream): void {
    if (this.outbound === stream) this.outbound = undefined;
  }

  /** Sends a message that belongs to no request, or holds it until a stream opens. */
  push(message: Uint8Array): void {
    if (this.isClosed) return;
    if (this.outbound !== undefined) {
      this.outbound.send(message);
      return;
    }
    this.held.push(message);
    this.heldSize += message.length;
    while (this.held.length > heldMessages || this.heldSize > heldBytes) {
      this.heldSize -= this.held.shift()?.length ?? 0;
    }
  }

  /**
   * Asks the caller something on behalf of a server, under an id of our own.
   *
   * @param method - e.g. `elicitation/create`
   * @param params - the bytes of `params`
   * @param stream - the stream of the request that this belongs to; the conversation's own otherwise
   * @param cancellation - ends the asking when nobody waits for the answer any more
   */
  ask(
    method: string,
    params: Uint8Array | undefined,
    stream?: CallerStream,
    cancellation?: Cancellation,
  ): Promise<CallerAnswer> {
    const id = ++this.asked;
    const parts = [opening, Buffer.from(`${id},"method":${JSON.stringify(method)}`)];
    if (params !== undefined) parts.push(Buffer.from(',"params":'), Buffer.from(params));
    parts.push(Buffer.from('}'));
    return new Promise((resolve) => {
      if (this.isClosed) {
        resolve(goneAnswer);
        return;
      }
      const forget = cancellation?.subscribe(() => {
        this.waiting.delete(id);
        resolve(goneAnswer);
      });
      if (cancellation?.isCancelled === true) return;
      this.waiting.set(id, (answer) => {
        forget?.();
        resolve(answer);
      });
      const message = Buffer.concat(parts);
      if (stream?.isOpenable === true) stream.send(message);
      else this.push(message);
    });
  }

  /** Gives a posted response to whoever asked; false when nobody did. */
  settle(response: Message): boolean {
    if (typeof response.id !== 'number') return false;
    const resolve = this.waiting.get(response.id);
    if (resolve === undefined) return false;
    this.waiting.delete(response.id);
    const kind = response.spans.result === undefined ? 'error' : 'result';
    const span = response.spans.result ?? response.spans.error;
    if (span !== undefined) resolve({ kind, body: response.bytes.subarray(span.start, span.end) });
    return true;
  }

  /** Calls back when the conversation ends. Returns a function that forgets the listener. */
  onClose(listener: () => void): () => void {
    if (this.isClosed) listener();
    else this.closing.add(listener);
    return () => void this.closing.delete(listener);
  }

  /** Ends the conversation: cancels what is on its way and answers what was asked with an error. */
  close(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const same of this.inflight.values()) for (const canceller of same) canceller.cancel(reason);
    this.inflight.clear();
    for (const resolve of this.waiting.values()) resolve(goneAnswer);
    this.waiting.clear();
    for (const listener of this.closing) listener();
    this.closing.clear();
    this.logs?.clear();
  }
}

const goneAnswer: CallerAnswer = {
  kind: 'error',
  body: Buffer.from('{"code":-32603,"message":"The caller is gone"}'),
};

/** How long sessions live and how many there may be. Times in milliseconds. */
export interface SessionsOptions {
  readonly clock: Clock;
  readonly seal: Seal;
  /** Default 24 h. */
  readonly maxAgeMs?: number;
  /** Default 1 h. */
  readonly idleMs?: number;
  /** Sessions of one caller; the one idle longest makes room. Default 256. */
  readonly perCaller?: number;
  /** Sessions of all callers. Default 20,000. */
  readonly total?: number;
  /** Which sessions of earlier processes are over; without it none is taken up. */
  readonly ended?: EndedSessions;
  /** Bounds on the events that are kept for callers that come back. */
  readonly events?: Omit<EventStoreOptions, 'clock'>;
}

/** The legacy HTTP sessions of one process. */
export interface Sessions {
  create(exchange: Identified, handshake: Handshake): Session | undefined;
  /** A new id, sealed to its caller, door and path, for a conversation that is not kept here. */
  mint(exchange: Identified): string;
  /** The session with this id, if it is this caller's and this door path's; one of an earlier process is taken up. */
  find(id: string, exchange: Identified): Session | undefined;
  /** Ends a session for good; resolves to false when it cannot be said that a restart will not bring it back. */
  end(session: Session, reason: string): Promise<boolean>;
  /** Ends what is too old or idle, and notes which sessions a later process need not ask for. */
  sweep(): void;
  /** Every open session. */
  list(): Iterable<Session>;
  /** Closes every session because the process ends; the next one may take them up. */
  closeAll(reason: string): void;
}

/** Makes the table of legacy HTTP sessions. */
export function createSessions(options: SessionsOptions): Sessions {
  const { clock, seal } = options;
  const maxAge = options.maxAgeMs ?? 24 * 3_600_000;
  const idle = options.idleMs ?? 3_600_000;
  const perCaller = options.perCaller ?? 256;
  const total = options.total ?? 20_000;
  const table = new Map<string, Session>();
  const counts = new Map<string, number>();
  const events: EventStore = createEventStore({ clock, ...options.events });

  let isClosing = false;
  const ids = createSessionIds(seal, maxAge);
  const { ended } = options;
  // Whatever was not used since is idle for longer than allowed.
  const takeUpUntil = (ended?.lastSign ?? Number.NEGATIVE_INFINITY) + idle;

  function remove(session: Session, reason: string): boolean {
    if (!table.delete(session.id)) return false;
    const left = (counts.get(session.owner) ?? 1) - 1;
    if (left === 0) counts.delete(session.owner);
    else counts.set(session.owner, left);
    session.close(reason);
    return true;
  }

  function end(session: Session, reason: string): Promise<boolean> {
    const { id, owner, created } = session;
    if (!remove(session, reason) || ended === undefined) return Promise.resolve(true);
    return ended.add({ id, owner, created, expires: created + maxAge });
  }

  function add(session: Session): Session {
    session.eventStore = events;
    table.set(session.id, session);
    counts.set(session.owner, (counts.get(session.owner) ?? 0) + 1);
    return session;
  }

  /** Goes on with a session that an earlier process began, if that is not over. */
  function takeUp(id: string, exchange: Identified): Session | undefined {
    const now = clock.now();
    if (ended === undefined || now > takeUpUntil || id.length > longestId) return undefined;
    const carried = ids.open(id, exchange);
    const owner = exchange.principal.id;
    if (carried === undefined || ended.has({ id, owner, created: carried.created })) return undefined;
    const { created, handshake } = carried;
    // Old ids push out nothing: their caller may begin anew, and is told so once and for all.
    if ((counts.get(owner) ?? 0) >= perCaller || table.size >= total) {
      void ended.add({ id, owner, created, expires: created + maxAge });
      return undefined;
    }
    const session = new Session(id, owner, exchange.principal.roles, exchange.path, created);
    session.principal = exchange.principal;
    session.takeUp(handshake, now);
    return add(session);
  }

  function isOver(session: Session, now: number): boolean {
    return now - session.created > maxAge || (now - session.lastUsed > idle && !session.isBusy);
  }

  function makeRoom(owner: string): boolean {
    if ((counts.get(owner) ?? 0) >= perCaller) {
      let oldest: Session | undefined;
      for (const session of table.values()) {
        if (session.owner === owner && (oldest === undefined || session.lastUsed < oldest.lastUsed)) oldest = session;
      }
      if (oldest !== undefined) void end(oldest, 'too many sessions of this caller');
    }
    return table.size < total;
  }

  /** Once nothing of earlier processes is taken up any more, all that began before the oldest open session is over. */
  function sign(): void {
    const now = clock.now();
    let over = now;
    for (const { created } of table.values()) over = Math.min(over, created);
    void ended?.sign(now > takeUpUntil ? over - 1 : undefined);
  }

  return {
    create(exchange, handshake) {
      const owner = exchange.principal.id;
      if (!makeRoom(owner)) return undefined;
      const now = clock.now();
      const id = ids.mint(exchange, now, handshake);
      const session = new Session(id, owner, exchange.principal.roles, exchange.path, now);
      session.principal = exchange.principal;
      session.handshake = handshake;
      return add(session);
    },
    mint: (exchange) => ids.mint(exchange, clock.now()),
    find(id, exchange) {
      const session = table.get(id);
      if (session === undefined) return takeUp(id, exchange);
      if (session.owner !== exchange.principal.id) return undefined;
      if (pathKey(session.path) !== pathKey(exchange.path)) return undefined;
      const now = clock.now();
      if (isOver(session, now)) {
        void end(session, 'expired');
        return undefined;
      }
      session.lastUsed = now;
      session.roles = exchange.principal.roles;
      session.principal = exchange.principal;
      return session;
    },
    end,
    sweep() {
      const now = clock.now();
      for (const session of [...table.values()]) if (isOver(session, now)) void end(session, 'expired');
      events.sweep();
      sign();
    },
    list: () => (isClosing ? [] : table.values()),
    closeAll(reason) {
      sign();
      isClosing = true;
      // They stay known, so that who still comes hears of the stop and not that there is no such session.
      for (const session of table.values()) session.close(reason);
    },
  };
}
