/**
 * A conversation with a legacy HTTP upstream (2025-11-25 and older, Streamable HTTP): one `Mcp-Session-Id`, requests by
 * POST, a GET stream for what belongs to no request, answers that can be resumed, DELETE at the end.
 */
import type { Clock } from '@sallyport/guard';
import { readMessage, type JsonBounds, type Message } from '@sallyport/protocol';
import { AnswerLimit } from '../answer-limit.ts';
import { askInitialize, type Outcome } from '../begin.ts';
import type { Sent } from '../channel.ts';
import { present, presentNotice, type LinkCredential } from '../credential.ts';
import { InFlight } from '../in-flight.ts';
import { LinkBase } from '../link-base.ts';
import {
  linkFailure,
  troubleIn,
  type LinkAnswer,
  type LinkFailure,
  type LinkListener,
  type LinkRequest,
} from '../link.ts';
import type { OpenOptions } from '../options.ts';
import type { PendingCall } from '../pending-call.ts';
import type { Timers } from '../ports.ts';
import { encodeJson, encodeNotification, encodeRequest } from '../wire.ts';
import type { Endpoint } from './endpoint.ts';
import { Listening } from './listening.ts';
import { sendNotice } from './notice.ts';
import { Post, type PostOwner } from './post.ts';
import type { ResponseHeaders } from './trouble.ts';

const RESUME_TRIES = 5;
/** Some servers send the head of the GET stream only with its first event. */
const LISTEN_WAIT_MS = 500;
/** Visible ASCII, as the specification has it; more than any server needs. */
const SESSION_ID = /^[\x21-\x7e]{1,512}$/;

/** A conversation with a legacy HTTP upstream. */
export class LegacyHttpLink extends LinkBase implements PostOwner {
  readonly timers: Timers;
  readonly clock: Clock;
  readonly messageBytes: number;
  readonly bounds: JsonBounds;
  readonly redact: (text: string) => string;
  readonly #endpoint: Endpoint;
  readonly #posts = new InFlight<Post>();
  readonly #calls = new InFlight<PendingCall>();
  readonly #resuming = new Map<Post, Listening>();
  readonly #answers: AnswerLimit;
  readonly #credential: LinkCredential | undefined;
  #listening: Listening | undefined;
  #sessionId: string | undefined;
  #sessionFault = false;

  constructor(endpoint: Endpoint, options: OpenOptions) {
    super('http', options);
    this.#endpoint = endpoint;
    this.#answers = new AnswerLimit(options.name);
    this.timers = endpoint.ports.timers;
    this.clock = endpoint.ports.clock;
    this.messageBytes = endpoint.tuning.messageBytes;
    this.bounds = endpoint.bounds;
    this.redact = endpoint.redact;
    this.#credential = options.credential;
  }

  get pending(): number {
    return this.#calls.size;
  }

  /** Begins the session: `initialize`, `notifications/initialized`, then the GET stream. */
  async initialize(open: OpenOptions): Promise<Outcome> {
    const outcome = await askInitialize(this, open);
    if (outcome.kind !== 'ready') return outcome;
    if (this.#sessionFault) {
      return { kind: 'unusable', detail: 'sent a session id that cannot be used', isModern: false };
    }
    this.revision = outcome.revision;
    this.peer = outcome.peer;
    const failure = await this.notify('notifications/initialized');
    if (failure !== undefined) return { kind: 'failure', failure };
    await this.#listen();
    return outcome;
  }

  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    const credential = this.#credential;
    if (credential === undefined) return this.#send(request, listener);
    return present(credential, () => this.#send(request, listener));
  }

  #send(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    if (this.state === 'closed') return Promise.resolve({ kind: 'failure', failure: this.endedFailure() });
    return new Promise((resolve) => {
      const post = new Post(this, request, listener, (answer) => {
        this.#forget(request.id);
        resolve(answer);
        // What fails while the conversation begins is the opener's to judge.
        const trouble = this.revision === '' ? undefined : troubleIn(this.name, this.era, answer);
        if (trouble !== undefined) this.emit(trouble);
      });
      this.#posts.add(request.id, post);
      this.#calls.add(request.id, post.call);
      const body = encodeRequest(request.id, request.method, request.params);
      post.send(this.#endpoint.calls, this.#endpoint.path, this.#headers(), body);
    });
  }

  async notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    if (this.state === 'closed') return this.endedFailure();
    return this.#sendNotice(encodeNotification(method, params));
  }

  async close(reason?: string): Promise<void> {
    if (this.state === 'closed') return;
    const headers = this.#headers();
    this.#end(this.endedFailure(reason));
    if (this.#sessionId !== undefined) await sendNotice(this.#endpoint, headers, undefined);
  }

  onHeaders(headers: ResponseHeaders): void {
    if (this.revision !== '' || this.#sessionId !== undefined) return;
    const id = headers['mcp-session-id'];
    if (id === undefined) return;
    if (typeof id === 'string' && SESSION_ID.test(id)) this.#sessionId = id;
    else this.#sessionFault = true;
  }

  onServerRequest(post: Post, message: Message): void {
    void this.asked(message, post.call, (answer) => this.#reply(answer));
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
      endpoint: this.#endpoint,
      headers: () => this.#headers(),
      credential: this.#credential,
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

  /**
   * Opens the GET stream. A server that has none says 405, which is fine. What a server asks during the first call may
   * come on it, and is lost where it is not open yet; so it is waited for, but not for long.
   */
  #listen(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.timers.after(LISTEN_WAIT_MS, resolve);
      this.#listening = new Listening({
        endpoint: this.#endpoint,
        headers: () => this.#headers(),
        credential: this.#credential,
        onFirst: () => {
          timer.cancel();
          resolve();
        },
        onMessage: (bytes) => this.#unattributed(bytes),
        onGivenUp: (end) => {
          if (end.status === 404 && this.#sessionId !== undefined) {
            this.#end(linkFailure('closed', `${this.name} lost the session.`, { detail: 'HTTP 404 to GET' }));
          }
        },
      });
      this.#listening.start();
    });
  }

  #unattributed(bytes: Uint8Array): void {
    const reading = readMessage(bytes, this.bounds);
    if (reading.kind === 'fault') {
      this.emit({ kind: 'dropped', detail: `unreadable event on the GET stream: ${reading.fault.name}` });
      return;
    }
    const { message } = reading;
    if (message.kind === 'request') {
      void this.asked(message, this.#calls, (answer) => this.#reply(answer));
    } else if (message.kind === 'notification') {
      this.notified(message, this.#calls);
    } else {
      this.emit({ kind: 'dropped', detail: 'an answer on the GET stream' });
    }
  }

  #reply(answer: Buffer): Sent {
    return this.#answers.send(() => this.#sendNotice(answer));
  }

  #sendNotice(message: Buffer): Promise<LinkFailure | undefined> {
    const send = (): Promise<LinkFailure | undefined> => sendNotice(this.#endpoint, this.#headers(), message);
    return this.#credential === undefined ? send() : presentNotice(this.#credential, send);
  }

  #headers(): string[] {
    const headers = [...this.#endpoint.headers];
    if (this.#credential !== undefined) headers.push(...this.#credential.headers());
    if (this.revision !== '') headers.push('mcp-protocol-version', this.revision);
    if (this.#sessionId !== undefined) headers.push('mcp-session-id', this.#sessionId);
    return headers;
  }

  #end(failure: LinkFailure): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#listening?.stop();
    for (const post of this.#posts.values()) post.end(failure);
    this.emit({ kind: 'closed', failure });
  }
}
