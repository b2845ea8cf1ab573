/**
 * Calls of modern callers that a legacy server has interrupted with a question. The call waits upstream while its caller
 * fetches the answer; the caller's next try finds it by a sealed state and goes on with the very same call. A call that
 * is not found is never run again.
 */
import { createCanceller, type Cancellation, type Canceller, type Clock, type Random } from '@sallyport/guard';
import type { AuditPort, Principal } from '@sallyport/guard';
import { toModernQuestion, type JsonObject, type Message, type Question } from '@sallyport/protocol';
import type { AskAnswer, AskKind, Link, LinkAnswer } from '../upstreams/link.ts';
import { pause, type Timer, type Timers } from '../upstreams/ports.ts';
import { findBar } from './declared.ts';
import type { HeldListener } from './held-task.ts';
import type { Relay } from './relay.ts';
import { relatedTask } from './tasks.ts';

/** Whose call it is and what it may ask. */
export interface ParkedWhat {
  readonly principal: Pick<Principal, 'id' | 'kind' | 'roles'>;
  /** The exchange that began it. */
  readonly exchange: string;
  readonly server: string;
  /** The conversation that it runs over. */
  readonly link: Link;
  readonly ask: readonly AskKind[];
  readonly declared: JsonObject;
  /** Milliseconds that the caller may take for a round. */
  readonly roundMs: number;
}

/** What a call that can be parked needs. */
export interface ParkingOptions {
  readonly timers: Timers;
  readonly random: Random;
  readonly clock: Clock;
  readonly audit: Pick<AuditPort, 'append'>;
  /** Parked calls of one caller. Default 8. */
  readonly perCaller?: number;
  /** Parked calls of all callers. Default 256. */
  readonly total?: number;
}

/** The parked calls of this process. */
export interface Parking {
  /** Names this process, so that a state of another is told from one that is over. */
  readonly node: string;
  /** Calls that wait for their callers. */
  readonly size: number;
  /** True when a call over this conversation waits for its caller. */
  hasOn(link: Link): boolean;
  /** Makes a call that its server may interrupt. */
  begin(what: ParkedWhat): ParkableCall;
  /** Takes a parked call out; `undefined` when this principal has none with this id in this round. */
  take(id: string, round: number, principal: string): ParkableCall | undefined;
  /** Ends the parked calls of every principal for whom `isWelcome` is false. */
  endFor(isWelcome: (principal: string) => boolean, reason: string): void;
}

/** Questions that one call may ask in all. */
const mostQuestions = 32;

/** How long to wait for more questions after the first, milliseconds. */
const gatherMs = 10;

/** One call upstream that can outlive the request of its caller. */
export class ParkableCall implements HeldListener {
  readonly id: string;
  readonly what: ParkedWhat;
  /** Ends the call upstream. */
  readonly cancellation: Canceller = createCanceller();
  /** How many times it has been answered with questions. */
  round = 0;
  /** The task that the call has become at its server. */
  task: string | undefined = undefined;
  readonly #lot: Lot;
  readonly #open = new Map<string, OpenQuestion>();
  #asked = 0;
  #relay: Relay | undefined;
  #wake: (() => void) | undefined;
  #ended: LinkAnswer | undefined;

  constructor(id: string, what: ParkedWhat, lot: Lot) {
    this.id = id;
    this.what = what;
    this.#lot = lot;
  }

  /** The questions that are open. */
  get questions(): readonly Question[] {
    return [...this.#open.values()].map(({ question }) => question);
  }

  onStream(): void {
    this.#relay?.onStream?.();
  }

  onMessage(message: Message): void {
    this.#relay?.onMessage(message);
  }

  onRequest(message: Message, over: Cancellation = this.cancellation): Promise<AskAnswer> {
    const method = message.method ?? '';
    const { ask, declared } = this.what;
    const span = message.spans.params;
    const params = span === undefined ? undefined : message.bytes.subarray(span.start, span.end);
    if (findBar(method, message.params, ask, declared) !== undefined) return Promise.resolve(cannotAsk);
    const related = relatedTask(message.params);
    // What is asked for another task is not this call's, whatever carried it here.
    if (related !== undefined && related !== this.task) return Promise.resolve(cannotAsk);
    if (this.#asked >= mostQuestions || !this.#lot.hold(this)) return Promise.resolve(tooMany);
    this.#asked += 1;
    const key = `q${this.#asked}`;
    return new Promise((resolve) => {
      const question = { key, method, params: toModernQuestion(params), value: message.params };
      this.#open.set(key, { question, resolve, since: this.#lot.now() });
      over.subscribe(() => {
        this.#open.delete(key);
        resolve(unanswered);
      });
      this.#wake?.();
    });
  }

  /** Follows the call to its end. */
  follow(answer: Promise<LinkAnswer>): void {
    void answer.then((ended) => {
      this.#ended = ended;
      this.#wake?.();
    });
  }

  /** Answers an open question; false when there is none with this key. */
  settle(key: string, body: Uint8Array): boolean {
    const open = this.#open.get(key);
    if (open === undefined) return false;
    this.#open.delete(key);
    open.resolve({ kind: 'result', body });
    this.#lot.note(this, open.question.method, 'ok', open.since);
    return true;
  }

  /**
   * Waits, on behalf of one request of the caller, for the answer or for a question.
   *
   * @param relay - hears what the server says meanwhile
   * @param caller - the request's cancellation, which ends the call
   */
  async wait(relay: Relay, caller: Cancellation): Promise<LinkAnswer | 'asked'> {
    this.#relay = relay;
    const forget = caller.subscribe((reason) => this.cancellation.cancel(reason));
    while (this.#ended === undefined && this.#open.size === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      // A server asks several things in messages of their own; together they cost the caller one round.
      if (this.#ended === undefined) await this.#lot.gather();
    }
    forget();
    this.#relay = undefined;
    if (this.#ended === undefined) return 'asked';
    this.#lot.release(this);
    return this.#ended;
  }

  /** Lets the call wait for its caller's next request. */
  park(): void {
    this.round += 1;
    this.#lot.add(this);
  }
}

interface OpenQuestion {
  readonly question: Question;
  readonly resolve: (answer: AskAnswer) => void;
  /** Monotonic time, milliseconds. */
  readonly since: number;
}

/** Makes the place where calls wait. */
export function createParking(options: ParkingOptions): Parking {
  return new Lot(options);
}

interface Place {
  readonly call: ParkableCall;
  readonly timer: Timer;
  readonly since: number;
}

class Lot implements Parking {
  readonly node: string;
  readonly #options: ParkingOptions;
  readonly #places = new Map<string, Place>();
  /** Every call that has asked and has not ended, parked or not: what the caps count. */
  readonly #held = new Set<ParkableCall>();

  constructor(options: ParkingOptions) {
    this.#options = options;
    this.node = Buffer.from(options.random.bytes(9)).toString('base64url');
  }

  get size(): number {
    return this.#places.size;
  }

  hasOn(link: Link): boolean {
    for (const { call } of this.#places.values()) if (call.what.link === link) return true;
    return false;
  }

  begin(what: ParkedWhat): ParkableCall {
    return new ParkableCall(Buffer.from(this.#options.random.bytes(16)).toString('base64url'), what, this);
  }

  /** Gives a call that asks a place among those that may; false when there is none. */
  hold(call: ParkableCall): boolean {
    if (this.#held.has(call)) return true;
    const { perCaller = 8, total = 256 } = this.#options;
    if (this.#held.size >= total) return false;
    let own = 0;
    for (const { what } of this.#held) if (what.principal.id === call.what.principal.id) own += 1;
    if (own >= perCaller) return false;
    this.#held.add(call);
    return true;
  }

  release(call: ParkableCall): void {
    this.#held.delete(call);
  }

  now(): number {
    return this.#options.clock.monotonic();
  }

  /** Resolves when what is asked together has come in. */
  gather(): Promise<void> {
    return pause(this.#options.timers, gatherMs);
  }

  /** Records what became of a question. */
  note({ what }: ParkableCall, method: string, status: 'ok' | 'error', since: number, reason?: string): void {
    const { id, kind, roles } = what.principal;
    this.#options.audit.append({
      kind: 'outcome',
      exchange: what.exchange,
      principal: { id, kind, roles },
      era: 'modern',
      method,
      target: { upstream: what.server, kind: 'caller', name: method },
      outcome: { status, ms: Math.round(this.now() - since), ...(reason === undefined ? {} : { reason }) },
    });
  }

  add(call: ParkableCall): void {
    const timer = this.#options.timers.after(call.what.roundMs, () => this.#end(call.id, 'nobody came back in time'));
    this.#places.set(call.id, { call, timer, since: this.now() });
  }

  take(id: string, round: number, principal: string): ParkableCall | undefined {
    const place = this.#places.get(id);
    if (place === undefined || place.call.round !== round || place.call.what.principal.id !== principal) {
      return undefined;
    }
    this.#places.delete(id);
    place.timer.cancel();
    return place.call;
  }

  endFor(isWelcome: (principal: string) => boolean, reason: string): void {
    for (const [id, { call }] of [...this.#places]) if (!isWelcome(call.what.principal.id)) this.#end(id, reason);
  }

  #end(id: string, reason: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    place.timer.cancel();
    this.release(place.call);
    const [question] = place.call.questions;
    place.call.cancellation.cancel(reason);
    if (question !== undefined) this.note(place.call, question.method, 'error', place.since, reason);
  }
}

function errorAnswer(code: number, message: string): AskAnswer {
  return { kind: 'error', body: Buffer.from(JSON.stringify({ code, message })) };
}

const cannotAsk = errorAnswer(-32601, 'This caller cannot be asked');
const tooMany = errorAnswer(-32603, 'Too many questions are open');
const unanswered = errorAnswer(-32603, 'The caller did not answer');
