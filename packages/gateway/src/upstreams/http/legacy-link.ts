/**
 * A conversation with a legacy HTTP upstream (2025-11-25 and older, Streamable HTTP): one `Mcp-Session-Id`, requests by
 * POST, a GET stream for what belongs to no request, answers that can be resumed, DELETE at the end.
 */
import type { Clock } from '@sallyport/guard';
import { readMessage, type JsonBounds, type Message } from '@sallyport/protocol';
import { answerServerRequest, ownerOfNotification, ownerOfRequest } from '../attribution.ts';
import { initializeParams, readInitialize } from '../handshake.ts';
import {
  linkFailure,
  troubleIn,
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
import type { PendingCall } from '../pending-call.ts';
import type { Timers } from '../ports.ts';
import { encodeJson, encodeNotification, encodeRequest } from '../wire.ts';
import type { Channel } from './channel.ts';
import { Listening } from './listening.ts';
import { sendNotice } from './notice.ts';
import { Post, type PostOwner } from './post.ts';
import type { ResponseHeaders } from './trouble.ts';

const RESUME_TRIES = 5;
/** Visible ASCII, as the specification has it; more than any server needs. */
const SESSION_ID = /^[\x21-\x7e]{1,512}$/;

/** A conversation with a legacy HTTP upstream. */
export class LegacyHttpLink implements Link, PostOwner {
  readonly era = 'legacy';
  readonly name: string;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly messageBytes: number;
  readonly bounds: JsonBounds;
  revision = '';
  peer: LinkPeer = {
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    supportedRevisions: [],
    discover: undefined,
  };
  state: 'open' | 'closed' = 'open';
  readonly #channel: Channel;
  readonly #ask: readonly AskKind[];
  readonly #isShared: boolean;
  readonly #posts = new InFlight<Post>();
  readonly #calls = new InFlight<PendingCall>();
  readonly #resuming = new Map<Post, Listening>();
  readonly #listeners = new Listeners<LinkEvent>();
  #listening: Listening | undefined;
  #sessionId: string | undefined;
  #sessionFault = false;
  #lastId = 0;

  constructor(channel: Channel, options: OpenOptions) {
    this.#channel = channel;
    this.#ask = options.ask;
    this.#isShared = options.isShared;
    this.name = channel.name;
    this.timers = channel.ports.timers;
    this.clock = channel.ports.clock;
    this.messageBytes = channel.tuning.messageBytes;
    this.bounds = channel.bounds;
    this.#listeners.add((event) => options.onEvent(this, event));
  }

  get pending(): number {
    return this.#calls.size;
  }

  mint(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /**
   * Begins the session: `initialize`, `notifications/initialized`, then the GET stream in the background.
   *
   * @returns undefined when the conversation can be used
   */
  async initialize(open: OpenOptions): Promise<LinkFailure | undefined> {
    const { handshakeMs } = this.#channel.tuning;
    const answer = await this.request(
      {
        id: this.mint(),
        method: 'initialize',
        params: initializeParams(open.clientCapabilities, open.clientInfo),
        timeoutMs: handshakeMs,
        maxTimeMs: handshakeMs,
        cancellation: open.cancellation,
      },
      { onMessage: () => {}, onRequest: () => Promise.reject(new Error('nothing is asked before the start')) },
    );
    if (answer.kind === 'failure') return answer.failure;
    const reading = readInitialize(answer.message);
    if (reading.kind === 'unusable' || this.#sessionFault) {
      const detail = reading.kind === 'unusable' ? reading.detail : 'sent a session id that cannot be used';
      return linkFailure('bad-answer', `${this.name} could not begin a conversation.`, { detail });
    }
    this.revision = reading.revision;
    this.peer = reading.peer;
    const failure = await this.notify('notifications/initialized');
    if (failure === undefined) this.#listen();
    return failure;
  }

  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    if (this.state === 'closed') return Promise.resolve({ kind: 'failure', failure: this.#closedFailure() });
    return new Promise((resolve) => {
      const post = new Post(this, request, listener, (answer) => {
        this.#forget(request.id);
        resolve(answer);
        // What fails while the conversation begins is the opener's to judge.
        const trouble = this.revision === '' ? undefined : troubleIn(this.name, answer);
        if (trouble !== undefined) this.#listeners.emit({ kind: 'trouble', failure: trouble });
      });
      this.#posts.add(request.id, post);
      this.#calls.add(request.id, post.call);
      const body = encodeRequest(request.id, request.method, request.params);
      post.send(this.#channel.calls, this.#channel.path, this.#headers(), body);
    });
  }

  async notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    if (this.state === 'closed') return this.#closedFailure();
    return sendNotice(this.#channel, this.#headers(), encodeNotification(method, params));
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(reason?: string): Promise<void> {
    if (this.state === 'closed') return;
    const headers = this.#headers();
    this.#end(this.#closedFailure(reason));
    if (this.#sessionId !== undefined) await sendNotice(this.#channel, headers, undefined);
  }

  onHeaders(headers: ResponseHeaders): void {
    if (this.revision !== '' || this.#sessionId !== undefined) return;
    const id = headers['mcp-session-id'];
    if (id === undefined) return;
    if (typeof id === 'string' && SESSION_ID.test(id)) this.#sessionId = id;
    else this.#sessionFault = true;
  }

  onServerRequest(post: Post, message: Message): void {
    this.#answer(message, post.call);
  }

  onErrorStatus(status: number): LinkFailure | undefined {
    if (status !== 404 || this.#sessionId === undefined || this.revision === '') return undefined;
    const failure = linkFailure('session-lost', `${this.name} lost the session.`, { detail: 'HTTP 404' });
    // The call that met the 404 gets this failure; it was not processed. The others may have been, so they just end.
    queueMicrotask(() => this.#end(linkFailure('closed', `${this.name} lost the session.`)));
    return failure;
  }

  onStreamCut(post: Post, lastEventId: string, retryMs: number | undefined): boolean {
    if (lastEventId === '' || this.state === 'closed') return false;
    const listening = new Listening({
      channel: this.#channel,
      headers: () => this.#headers(),
      lastEventId,
      ...(retryMs === undefined ? {} : { retryMs }),
      maxFailures: RESUME_TRIES,
      onMessage: (bytes) => post.receive(bytes),
      onGivenUp: (end) => {
        const detail = `resuming ended with HTTP ${end.status}`;
        post.end(linkFailure('unreachable', `${this.name} broke the connection before its answer.`, { detail }));
      },
    });
    this.#resuming.set(post, listening);
    listening.start();
    return true;
  }

  onAbandoned(post: Post, failure: LinkFailure): void {
    const { id, method } = post.call.request;
    if (this.state === 'closed' || method === 'initialize') return;
    void this.notify('notifications/cancelled', encodeJson({ requestId: id, reason: failure.text }));
  }

  #forget(id: number): void {
    const post = this.#posts.get(id);
    this.#posts.delete(id);
    this.#calls.delete(id);
    if (post === undefined) return;
    this.#resuming.get(post)?.stop();
    this.#resuming.delete(post);
  }

  /** Opens the GET stream. A server that has none says 405, which is fine. */
  #listen(): void {
    this.#listening = new Listening({
      channel: this.#channel,
      headers: () => this.#headers(),
      onMessage: (bytes) => this.#unattributed(bytes),
      onGivenUp: (end) => {
        if (end.status === 404 && this.#sessionId !== undefined) {
          this.#end(linkFailure('closed', `${this.name} lost the session.`, { detail: 'HTTP 404 to GET' }));
        }
      },
    });
    this.#listening.start();
  }

  #unattributed(bytes: Uint8Array): void {
    const reading = readMessage(bytes, this.bounds);
    if (reading.kind === 'fault') {
      this.#listeners.emit({ kind: 'dropped', detail: `unreadable event on the GET stream: ${reading.fault.name}` });
      return;
    }
    const { message } = reading;
    if (message.kind === 'request') {
      this.#answer(message, ownerOfRequest(this.#calls, this.#isShared));
    } else if (message.kind === 'notification') {
      const owner = ownerOfNotification(this.#calls, message, this.#isShared);
      if (owner === undefined) this.#listeners.emit({ kind: 'notification', message });
      else owner.deliver(message);
    } else {
      this.#listeners.emit({ kind: 'dropped', detail: 'an answer on the GET stream' });
    }
  }

  #answer(message: Message, owner: PendingCall | undefined): void {
    const onRefused = (method: string): void => this.#listeners.emit({ kind: 'refused-request', method });
    void answerServerRequest(message, owner, this.#ask, onRefused).then(async (bytes) => {
      if (this.state === 'closed') return;
      const failure = await sendNotice(this.#channel, this.#headers(), bytes);
      if (failure === undefined) return;
      this.#listeners.emit({ kind: 'dropped', detail: `an answer to ${String(message.method)}: ${failure.text}` });
    });
  }

  #headers(): string[] {
    const headers = [...this.#channel.headers];
    if (this.revision !== '') headers.push('mcp-protocol-version', this.revision);
    if (this.#sessionId !== undefined) headers.push('mcp-session-id', this.#sessionId);
    return headers;
  }

  #end(failure: LinkFailure): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#listening?.stop();
    for (const post of this.#posts.values()) post.end(failure);
    this.#listeners.emit({ kind: 'closed', failure });
  }

  #closedFailure(reason?: string): LinkFailure {
    const more = reason === undefined ? {} : { detail: reason };
    return linkFailure('closed', `The conversation with ${this.name} has ended.`, more);
  }
}
