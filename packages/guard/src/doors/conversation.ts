/**
 * One caller on one connection, whatever carries it: each message is an exchange of its own, nothing overtakes the
 * handshake, answers go back as they come, and who may not call any more is shown out. Doors supply the channel.
 */
import { readMessage } from '@sallyport/protocol';
import { createCanceller } from '../cancellation.ts';
import type {
  Admitted,
  CallerStream,
  DoorKind,
  DoorPath,
  HttpHead,
  Identified,
  Received,
  Replied,
} from '../exchange.ts';
import { judgeAgain, runExchange } from '../pipeline.ts';
import { isRefusal, type Refusal } from '../refusals.ts';
import { reply } from '../stages/reply.ts';
import type { DoorContext } from './door.ts';
import { atExpiry } from './expiry.ts';
import { Patience } from './pace.ts';
import type { Session } from './session.ts';
import type { Standing } from './standing.ts';

/** What carries messages to and from a caller. */
export interface Channel {
  /** Bytes that were sent and not yet taken. */
  readonly waiting: number;
  /** Sends one message, or ends the connection of a caller that leaves too much unread. */
  send(message: Uint8Array): void;
  /** Takes no more messages until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection after what was sent; resolves when it has ended. */
  end(reason: string): void | Promise<void>;
}

/** A connection, and who is at the other end. */
export interface ConversationSpec {
  readonly door: Exclude<DoorKind, 'http'>;
  readonly path: DoorPath;
  readonly address: string;
  readonly session: Session;
  readonly channel: Channel;
  /** What the connection was opened with; every message is judged by it again. Absent on a stdio door. */
  readonly head?: HttpHead;
  readonly localUser?: string;
  readonly localRole?: string;
  /** Tells the certificate that the caller showed; absent where there can be none. */
  readonly standing?: () => Standing;
  /** When the credential that opened the connection ends, milliseconds since the epoch. */
  readonly expiresAt?: number;
}

type Running = Received & Partial<Pick<Admitted, 'lease' | 'message'>>;

/** Bytes that may wait for the caller before nothing more is taken from it. */
const mostUnread = 1024 * 1024;

/** Messages that are begun in one turn of the event loop: other connections want theirs. */
const mostInTurn = 32;

/** How long running calls may take once the caller has closed its end, milliseconds. */
const lastAnswersMs = 5000;

const nothing = new Uint8Array();

/** One conversation over a channel. */
export class Conversation {
  readonly door: ConversationSpec['door'];
  readonly session: Session;
  /** Resolves when the connection has ended, and every exchange with it. */
  readonly closed: Promise<void>;
  private readonly context: DoorContext;
  private readonly spec: ConversationSpec;
  private readonly stream: CallerStream;
  private readonly running = new Set<Promise<unknown>>();
  private finish: () => void = () => undefined;
  private readonly patience = new Patience();
  private isEnding = false;
  private begun = 0;
  private isFirst = true;
  private isGreeting = false;
  private isPaused = false;
  /** Messages that have come and wait for their turn: what one read of the connection gave, and no more. */
  private inbox: (Uint8Array | Refusal)[] = [];
  /** How many of them have had it. */
  private taken = 0;
  /** Told when nothing runs and nothing waits. */
  private onQuiet: (() => void) | undefined = undefined;

  constructor(context: DoorContext, spec: ConversationSpec) {
    this.context = context;
    this.spec = spec;
    this.door = spec.door;
    this.session = spec.session;
    this.closed = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.stream = { isOpenable: true, open: () => undefined, send: (message) => this.send(message) };
    this.session.attach(this.stream);
    const ended = (): void => this.close('the credential has ended');
    const forget = atExpiry(spec.expiresAt, context.ports.clock, ended);
    void this.closed.then(forget);
  }

  /** Sends a message that belongs to no exchange of `accept`. */
  send(message: Uint8Array): void {
    if (this.isEnding && this.running.size === 0) return;
    this.spec.channel.send(message);
    this.steer();
  }

  /** True once nothing more is taken from the caller. */
  get isOver(): boolean {
    return this.isEnding;
  }

  /** Takes a message, or says why it could not be read. What comes all at once does not overtake the handshake. */
  accept(body: Uint8Array | Refusal): void {
    if (this.isEnding) return;
    this.inbox.push(body);
    this.steer();
  }

  /** Answers, on this connection, an exchange that runs already. */
  follow(replied: Promise<Replied>, exchange: Running, body?: Uint8Array | Refusal): Promise<void> {
    const run = replied
      .then((ended) => this.answer(ended, body))
      .catch(() => undefined)
      .then(() => {
        exchange.lease?.release();
        this.running.delete(run);
        this.steer();
      });
    this.running.add(run);
    return run;
  }

  /** Takes no more, lets running calls end for a while, then closes: the caller may still want what it asked for. */
  async finishCalls(reason: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lastAnswersMs);
      this.onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
      this.steer();
    });
    this.close(reason);
  }

  /** Cancels what runs and ends the connection. */
  close(reason: string): void {
    void this.end(reason);
  }

  /** Goes on taking messages once the caller has read enough. */
  drained(): void {
    this.steer();
  }

  /** Judges the caller by the rules in force now, and closes when they would not let it in any more. */
  reauthorize(): void {
    if (this.isEnding) return;
    // Nothing is recorded, so this needs no id.
    const judged = judgeAgain(this.receive(nothing, ''), this.context.ports);
    if (!(judged instanceof Promise)) {
      this.heed(judged);
      return;
    }
    // What is thrown here is a bug, and a caller that cannot be judged does not stay.
    void judged.then((outcome) => this.heed(outcome)).catch(() => this.close('the caller could not be judged'));
  }

  private heed(judged: Identified | Refusal): void {
    if (isRefusal(judged)) this.close('the caller may not call any more');
    else this.session.roles = judged.principal.roles;
  }

  private receive(body: Uint8Array | Refusal, id = this.context.nextId()): Running {
    const { spec, context } = this;
    const { clock } = context.ports;
    return {
      id,
      door: spec.door,
      path: spec.path,
      rules: context.rules(),
      time: clock.now(),
      started: clock.monotonic(),
      address: spec.address,
      ...(spec.localUser === undefined ? {} : { localUser: spec.localUser }),
      ...(spec.localRole === undefined ? {} : { localRole: spec.localRole }),
      ...(spec.head === undefined ? {} : { head: spec.head }),
      ...spec.standing?.(),
      connection: this.session,
      cancellation: createCanceller(),
      caller: this.stream,
      readBody: () => (body instanceof Uint8Array ? body : Promise.resolve(body)),
      marks: [],
    };
  }

  private run(body: Uint8Array | Refusal): void {
    this.begun += 1;
    if (this.begun === mostInTurn) setImmediate(() => this.turn());
    const exchange = this.receive(body);
    const run = this.follow(runExchange(exchange, this.context.ports), exchange, body);
    // A message is parsed at once, so what it asks for is known by now.
    if (this.isFirst && exchange.message?.method === 'initialize') {
      this.isGreeting = true;
      void run.then(() => {
        this.isGreeting = false;
        this.steer();
      });
    }
    this.isFirst = false;
  }

  private answer(given: Replied, body: Uint8Array | Refusal | undefined): void {
    const replied = given.message === undefined ? this.name(given, body) : given;
    if (replied.principal !== undefined) this.session.roles = replied.principal.roles;
    const isAnswered = replied.message === undefined || replied.message.kind === 'request';
    // Nobody waits for the answer to a cancelled call.
    const isCancelled = 'refusal' in replied && replied.refusal.name === 'cancelled';
    if (isAnswered && !isCancelled && replied.reply.body !== undefined) this.send(replied.reply.body);
    // The credential or the head that the connection was opened with may not hold any more.
    if (isBeforeParse(replied) && this.spec.head !== undefined) this.reauthorize();
    const now = this.context.ports.clock.monotonic();
    if (this.patience.isSpentBy(replied, now)) this.close('too many requests from this address');
  }

  /** What was refused before it was parsed still has an id, and on a shared connection the answer needs it. */
  private name(replied: Replied, body: Uint8Array | Refusal | undefined): Replied {
    if (!(body instanceof Uint8Array) || !isBeforeParse(replied)) return replied;
    const reading = readMessage(body, { maxDepth: replied.rules.limits.depth });
    return reading.kind === 'fault' ? replied : reply(Object.assign(replied, { message: reading.message }));
  }

  /** Takes messages only while the caller reads, the handshake is done, and not too much runs. */
  private steer(): void {
    while (this.taken < this.inbox.length && !this.mustWait()) {
      const next = this.inbox[this.taken++];
      if (next !== undefined) this.run(next);
    }
    if (this.taken === this.inbox.length) this.empty();
    if (this.running.size === 0 && this.inbox.length === 0) this.onQuiet?.();
    const mustWait = this.mustWait();
    if (mustWait === this.isPaused) return;
    this.isPaused = mustWait;
    if (mustWait) this.spec.channel.pause();
    else this.spec.channel.resume();
  }

  private turn(): void {
    this.begun = 0;
    this.steer();
  }

  private mustWait(): boolean {
    const most = Math.max(64, 2 * this.context.rules().limits.concurrentPerCaller);
    if (this.begun >= mostInTurn) return true;
    return this.isGreeting || this.running.size > most || this.spec.channel.waiting > mostUnread;
  }

  private empty(): void {
    this.inbox = [];
    this.taken = 0;
  }

  private async end(reason: string): Promise<void> {
    if (this.isEnding) return;
    this.isEnding = true;
    this.empty();
    this.session.close(reason);
    await Promise.allSettled(this.running);
    await this.spec.channel.end(reason);
    this.finish();
  }
}

function isBeforeParse({ refusedAt }: Replied): boolean {
  return refusedAt === 'receive' || refusedAt === 'identify';
}
