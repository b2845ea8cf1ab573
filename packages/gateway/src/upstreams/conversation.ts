/**
 * A conversation over one channel for everything: many requests at once, told apart by the ids that we mint, and
 * cancelled by notification. The messages are the same in both eras (transports, stdio), whatever the channel is.
 */
import { readMessage, type Era, type JsonBounds, type Message } from '@sallyport/protocol';
import { createCanceller } from '@sallyport/guard';
import { AnswerLimit } from './answer-limit.ts';
import type { Channel, Sent } from './channel.ts';
import { InFlight } from './in-flight.ts';
import { LinkBase } from './link-base.ts';
import {
  linkFailure,
  troubleIn,
  type LinkAnswer,
  type LinkFailure,
  type LinkListener,
  type LinkPeer,
  type LinkRequest,
} from './link.ts';
import type { OpenOptions } from './options.ts';
import { PendingCall } from './pending-call.ts';
import type { UpstreamPorts } from './ports.ts';
import { encodeJson, encodeNotification, encodeRequest } from './wire.ts';

/** Bytes that may wait for a server that does not read, beyond one message of the largest size. */
const UNREAD_BYTES = 4 * 1024 * 1024;

/** A conversation over a channel. */
export class Conversation extends LinkBase {
  readonly #channel: Channel;
  readonly #ports: UpstreamPorts;
  readonly #options: OpenOptions;
  readonly #bounds: JsonBounds;
  readonly #calls = new InFlight<PendingCall>();
  readonly #answers: AnswerLimit;

  constructor(channel: Channel, options: OpenOptions, ports: UpstreamPorts) {
    super(channel.carrier, options);
    this.#channel = channel;
    this.#answers = new AnswerLimit(options.name);
    this.#ports = ports;
    this.#options = options;
    this.#bounds = { maxDepth: options.tuning.messageDepth };
  }

  /** The process number of a local server. */
  get pid(): number | undefined {
    return this.#channel.pid;
  }

  get pending(): number {
    return this.#calls.size;
  }

  /** What the server itself last said of trouble. */
  lastWords(): string | undefined {
    return this.#channel.lastWords();
  }

  /**
   * Opens the channel.
   *
   * @returns undefined when requests can be sent
   */
  async connect(): Promise<LinkFailure | undefined> {
    const forget = this.#options.cancellation.subscribe((reason) => void this.close(reason));
    const failure = await this.#channel.open({
      onMessage: (bytes) => this.#receive(bytes),
      onDropped: (detail) => this.emit({ kind: 'dropped', detail }),
      onQuiet: () => this.#probeLife(),
      onEnd: (end) => this.#end(end),
    });
    forget();
    return failure;
  }

  /**
   * Settles what the handshake found; a legacy server is told that the conversation begins.
   *
   * @returns undefined when the conversation can be used
   */
  async begin(era: Era, revision: string, peer: LinkPeer): Promise<LinkFailure | undefined> {
    this.era = era;
    this.revision = revision;
    this.peer = peer;
    return era === 'legacy' ? this.notify('notifications/initialized') : this.#refusal();
  }

  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.resolve({ kind: 'failure', failure: refusal });
    return new Promise((resolve) => {
      const { clock, timers } = this.#ports;
      const call = new PendingCall(
        request,
        listener,
        (answer) => {
          this.#calls.delete(request.id);
          resolve(answer);
          this.#doubt(answer);
        },
        (failure) => this.#cancel(request, failure),
        { clock, timers, name: this.name },
      );
      this.#calls.add(request.id, call);
      if (!call.begin()) return;
      const sent = this.#channel.send(encodeRequest(request.id, request.method, request.params));
      if (sent instanceof Promise) void sent.then((failure) => this.#unsent(call, failure));
      else if (sent !== undefined) call.fail(sent);
    });
  }

  async notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    return this.#refusal() ?? this.#post(encodeNotification(method, params));
  }

  async close(reason?: string): Promise<void> {
    const more = reason === undefined ? {} : { detail: reason };
    this.#end(linkFailure('closed', `${this.name} is being stopped.`, more));
    await this.#channel.close();
  }

  /** Returns false for what is no message. */
  #receive(bytes: Uint8Array): boolean {
    if (this.state === 'closed') return true;
    const reading = readMessage(bytes, this.#bounds);
    if (reading.kind === 'fault') {
      this.emit({ kind: 'dropped', detail: `what is no message: ${reading.fault.name}` });
      return false;
    }
    const { message } = reading;
    switch (message.kind) {
      case 'response':
        this.#answered(message);
        break;
      case 'notification':
        this.notified(message, this.#calls);
        break;
      case 'request':
        void this.asked(message, this.#calls, (answer) => this.#refusal() ?? this.#reply(answer));
        break;
    }
    return true;
  }

  /** Only channels that say later whether a message was taken are counted; the others are bounded by their bytes. */
  #reply(answer: Buffer): Sent {
    return this.#answers.send(() => {
      const sent = this.#channel.send(answer);
      if (!(sent instanceof Promise)) return sent;
      return sent.then((failure) => {
        this.#leaveIfLost(failure);
        return failure;
      });
    });
  }

  /** Sends what is no request. */
  async #post(message: Buffer): Promise<LinkFailure | undefined> {
    const failure = await this.#channel.send(message);
    this.#leaveIfLost(failure);
    return failure;
  }

  #unsent(call: PendingCall, failure: LinkFailure | undefined): void {
    if (failure !== undefined) call.fail(failure);
    this.#leaveIfLost(failure);
  }

  /** The message that met the loss was not processed. Requests in flight may have been, so they just end. */
  #leaveIfLost(failure: LinkFailure | undefined): void {
    if (failure?.reason !== 'session-lost') return;
    this.#end({ ...failure, reason: 'closed' });
    void this.#channel.close();
  }

  #answered(message: Message): void {
    const call = typeof message.id === 'number' ? this.#calls.get(message.id) : undefined;
    if (call === undefined) this.emit({ kind: 'dropped', detail: 'an answer that nobody waits for' });
    else call.answer(message, undefined);
  }

  #cancel(request: LinkRequest, failure: LinkFailure): void {
    // A server that is still being asked who it is has no use for a cancellation, and some break on it.
    if (request.method === 'server/discover' || request.method === 'initialize') return;
    void this.notify('notifications/cancelled', encodeJson({ requestId: request.id, reason: failure.text }));
  }

  /** What fails while the conversation begins is the opener's to judge. */
  #doubt(answer: LinkAnswer): void {
    if (this.state === 'closed' || this.revision === '') return;
    const trouble = troubleIn(this.name, this.era, answer);
    if (trouble !== undefined) this.emit(trouble);
  }

  /** Makes a legacy server say something; any answer, also a refusal, shows that it is there. */
  #probeLife(): void {
    if (this.state === 'closed' || this.revision === '' || this.era !== 'legacy') return;
    const { handshakeMs } = this.#options.tuning;
    void this.request(
      {
        id: this.mint(),
        method: 'ping',
        params: undefined,
        timeoutMs: handshakeMs,
        maxTimeMs: handshakeMs,
        cancellation: createCanceller(),
      },
      { onMessage: () => {}, onRequest: () => Promise.reject(new Error('a ping is no reason to ask')) },
    );
  }

  #refusal(): LinkFailure | undefined {
    if (this.state === 'closed') return this.endedFailure();
    if (this.#channel.unsent > UNREAD_BYTES) {
      return linkFailure('busy', `${this.name} is too busy.`, { detail: 'it does not take what it is sent' });
    }
    return undefined;
  }

  #end(failure: LinkFailure): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const call of this.#calls.values()) call.fail(failure);
    this.emit({ kind: 'closed', failure });
  }
}
