/**
 * A conversation with a local server over its standard streams: one JSON message a line, many requests at once, told
 * apart by the ids that we mint. The framing is the same in both eras (transports, stdio).
 */
import { LineReader, readMessage, type Era, type JsonBounds, type Message } from '@sallyport/protocol';
import { answerServerRequest, ownerOfNotification, ownerOfRequest } from '../attribution.ts';
import {
  linkFailure,
  type AskKind,
  type Link,
  type LinkAnswer,
  type LinkEvent,
  type LinkFailure,
  type LinkListener,
  type LinkPeer,
  type LinkRequest,
} from '../link.ts';
import { InFlight } from '../in-flight.ts';
import { Listeners } from '../listeners.ts';
import type { OpenOptions } from '../options.ts';
import { PendingCall } from '../pending-call.ts';
import { pause, type UpstreamPorts } from '../ports.ts';
import { encodeJson, encodeNotification, encodeRequest, toLine } from '../wire.ts';
import type { Child, ChildExit } from './child.ts';

/** Bytes that may wait for a server that does not read, beyond one message of the largest size. */
const UNREAD_BYTES = 4 * 1024 * 1024;
/** How long the pipes may still bring what the child wrote before its end. */
const DRAIN_MS = 100;
const REAP_PAUSE_MS = 50;
/** How many times `stopMs` a stop takes at most. */
const STOP_ROUNDS = 6;

/** A conversation with a local server. */
export class StdioLink implements Link {
  era: Era = 'legacy';
  revision = '';
  peer: LinkPeer = {
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    supportedRevisions: [],
    discover: undefined,
  };
  state: 'open' | 'closed' = 'open';
  readonly pid: number | undefined;
  /** Settles when the process and its family are gone. */
  readonly gone: Promise<void>;
  /** What the server last said of trouble on its standard error. */
  readonly lastWords: () => string | undefined;
  readonly #name: string;
  readonly #child: Child;
  readonly #ports: UpstreamPorts;
  readonly #options: OpenOptions;
  readonly #ask: readonly AskKind[];
  readonly #bounds: JsonBounds;
  readonly #lines: LineReader;
  readonly #calls = new InFlight<PendingCall>();
  readonly #listeners = new Listeners<LinkEvent>();
  #lastId = 0;
  #isStopping = false;

  /** @param lastWords what the child last said of trouble; default: nothing is heard */
  constructor(
    child: Child,
    options: OpenOptions,
    ports: UpstreamPorts,
    lastWords: () => string | undefined = () => undefined,
  ) {
    this.pid = child.pid;
    this.lastWords = lastWords;
    this.#name = options.name;
    this.#child = child;
    this.#ports = ports;
    this.#options = options;
    this.#ask = options.ask;
    this.#bounds = { maxDepth: options.tuning.messageDepth };
    this.#lines = new LineReader(options.tuning.messageBytes);
    this.#listeners.add((event) => options.onEvent(this, event));
    this.gone = this.#live();
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

  get pending(): number {
    return this.#calls.size;
  }

  mint(): number {
    this.#lastId += 1;
    return this.#lastId;
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
        },
        (failure) => this.#cancel(request, failure),
        { clock, timers, name: this.#name },
      );
      this.#calls.add(request.id, call);
      if (call.begin()) this.#write(encodeRequest(request.id, request.method, request.params));
    });
  }

  async notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#write(encodeNotification(method, params));
    return refusal;
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Stops the process: end of input, then SIGTERM, then SIGKILL, each to the whole family and each after a wait. */
  async close(reason?: string): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      const more = reason === undefined ? {} : { detail: reason };
      this.#end(linkFailure('closed', `${this.#name} is being stopped.`, more));
      this.#child.stdin.end();
      const { stopMs } = this.#options.tuning;
      if (!(await this.#exitsWithin(stopMs))) {
        await this.#child.signalFamily('SIGTERM');
        if (!(await this.#exitsWithin(stopMs))) await this.#child.signalFamily('SIGKILL');
      }
    }
    // A process that not even SIGKILL ends (stuck in the kernel) must not keep the gateway from stopping.
    await Promise.race([this.gone, pause(this.#ports.timers, STOP_ROUNDS * this.#options.tuning.stopMs)]);
  }

  /** Reads until the process ends, then ends the conversation and whatever the process left behind. */
  async #live(): Promise<void> {
    const { stdout, stderr } = this.#child;
    stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    const closed = Promise.all(
      [stdout, stderr].map((pipe) => new Promise<void>((resolve) => void pipe.once('close', resolve))),
    );
    const exit = await this.#child.exited;
    await Promise.race([closed, pause(this.#ports.timers, DRAIN_MS)]);
    this.#end({ ...exitFailure(this.#name, exit), words: this.lastWords() });
    await this.#reap();
    stdout.destroy();
    stderr.destroy();
    this.#child.stdin.destroy();
  }

  /** What the child started and left behind has no use without it. */
  async #reap(): Promise<void> {
    const rounds = Math.ceil(this.#options.tuning.stopMs / REAP_PAUSE_MS);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (let round = 0; round < rounds; round += 1) {
        if ((await this.#child.signalFamily(signal)) === 0) return;
        await pause(this.#ports.timers, REAP_PAUSE_MS);
      }
    }
    this.#listeners.emit({ kind: 'dropped', detail: 'processes of the server survived SIGKILL' });
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    return Promise.race([this.#child.exited.then(() => true), pause(this.#ports.timers, ms).then(() => false)]);
  }

  #read(chunk: Buffer): void {
    for (const item of this.#lines.push(chunk)) {
      if (this.state === 'closed') return;
      if (item.kind === 'line') this.#receive(item.bytes);
      else this.#listeners.emit({ kind: 'dropped', detail: 'a line longer than a message may be' });
    }
  }

  #receive(line: Uint8Array): void {
    const reading = readMessage(line, this.#bounds);
    if (reading.kind === 'fault') {
      this.#listeners.emit({ kind: 'dropped', detail: `a line that is no message: ${reading.fault.name}` });
      return;
    }
    const { message } = reading;
    switch (message.kind) {
      case 'response':
        this.#answered(message);
        break;
      case 'notification':
        this.#notified(message);
        break;
      case 'request':
        this.#asked(message);
        break;
    }
  }

  #answered(message: Message): void {
    const call = typeof message.id === 'number' ? this.#calls.get(message.id) : undefined;
    if (call === undefined) this.#listeners.emit({ kind: 'dropped', detail: 'an answer that nobody waits for' });
    else call.answer(message, undefined);
  }

  #notified(message: Message): void {
    const owner = ownerOfNotification(this.#calls, message, this.#options.isShared);
    if (owner === undefined) this.#listeners.emit({ kind: 'notification', message });
    else owner.deliver(message);
  }

  #asked(message: Message): void {
    const owner = ownerOfRequest(this.#calls, this.#options.isShared);
    const onRefused = (method: string): void => this.#listeners.emit({ kind: 'refused-request', method });
    void answerServerRequest(message, owner, this.#ask, onRefused).then((bytes) => {
      if (this.#refusal() === undefined) this.#write(bytes);
    });
  }

  #cancel(request: LinkRequest, failure: LinkFailure): void {
    // A server that is still being asked who it is has no use for a cancellation, and some break on it.
    if (request.method === 'server/discover' || request.method === 'initialize') return;
    void this.notify('notifications/cancelled', encodeJson({ requestId: request.id, reason: failure.text }));
  }

  #refusal(): LinkFailure | undefined {
    if (this.state === 'closed') return linkFailure('closed', `${this.#name} is not running.`);
    if (this.#child.stdin.writableLength > UNREAD_BYTES) {
      return linkFailure('busy', `${this.#name} is too busy.`, { detail: 'it does not read its input' });
    }
    return undefined;
  }

  #write(message: Buffer): void {
    this.#child.stdin.write(toLine(message));
  }

  #end(failure: LinkFailure): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const call of this.#calls.values()) call.fail(failure);
    this.#listeners.emit({ kind: 'closed', failure });
  }
}

const exitFailure = (name: string, exit: ChildExit): LinkFailure => {
  if (exit.error !== undefined) {
    const code = 'code' in exit.error ? String(exit.error.code) : exit.error.name;
    return linkFailure('unreachable', `${name} could not be started.`, { detail: code, cause: exit.error });
  }
  if (exit.verdict !== undefined) {
    return linkFailure('closed', `${name} stopped before its answer.`, { detail: exit.verdict, isExceeded: true });
  }
  const how = exit.signal === null ? `exit code ${String(exit.code)}` : `signal ${exit.signal}`;
  return linkFailure('closed', `${name} stopped before its answer.`, { detail: how });
};
