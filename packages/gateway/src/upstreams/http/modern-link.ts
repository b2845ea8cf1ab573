/**
 * A conversation with a modern HTTP upstream (2026-07-28, Streamable HTTP): every request is a POST of its own, nothing
 * else exists between two requests, and closing the connection is how a request is called off.
 */
import type { Clock } from '@sallyport/guard';
import { encodeHeaderValue, MODERN_REVISION, type JsonBounds, type Message } from '@sallyport/protocol';
import { present, presentNotice, type LinkCredential } from '../credential.ts';
import { InFlight } from '../in-flight.ts';
import { LinkBase, UNKNOWN_PEER } from '../link-base.ts';
import { troubleIn, type LinkAnswer, type LinkFailure, type LinkListener, type LinkRequest } from '../link.ts';
import type { OpenOptions } from '../options.ts';
import type { Timers } from '../ports.ts';
import { encodeNotification, encodeRequest } from '../wire.ts';
import type { Endpoint } from './endpoint.ts';
import { sendNotice } from './notice.ts';
import { Post, type PostOwner } from './post.ts';

/** A conversation with a modern HTTP upstream. */
export class ModernHttpLink extends LinkBase implements PostOwner {
  override readonly era = 'modern';
  override readonly revision = MODERN_REVISION;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly messageBytes: number;
  readonly bounds: JsonBounds;
  readonly redact: (text: string) => string;
  readonly #endpoint: Endpoint;
  readonly #headers: readonly string[];
  readonly #posts = new InFlight<Post>();
  readonly #credential: LinkCredential | undefined;

  constructor(endpoint: Endpoint, options: OpenOptions) {
    super('http', options);
    this.#endpoint = endpoint;
    this.timers = endpoint.ports.timers;
    this.clock = endpoint.ports.clock;
    this.messageBytes = endpoint.tuning.messageBytes;
    this.bounds = endpoint.bounds;
    this.redact = endpoint.redact;
    this.#credential = options.credential;
    this.#headers = [...endpoint.headers, 'mcp-protocol-version', MODERN_REVISION, 'mcp-method'];
  }

  get pending(): number {
    return this.#posts.size;
  }

  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    const credential = this.#credential;
    if (credential === undefined) return this.#send(request, listener, undefined);
    return present(credential, (headers) => this.#send(request, listener, headers));
  }

  #send(request: LinkRequest, listener: LinkListener, presented: readonly string[] | undefined): Promise<LinkAnswer> {
    if (this.state === 'closed') return Promise.resolve({ kind: 'failure', failure: this.endedFailure() });
    return new Promise((resolve) => {
      const post: Post = new Post(this, request, listener, (answer) => {
        this.#posts.delete(request.id);
        resolve(answer);
        // What fails while the conversation begins is the opener's to judge: a legacy server refuses the question.
        const trouble = this.peer === UNKNOWN_PEER ? undefined : troubleIn(this.name, this.era, answer);
        if (trouble !== undefined) this.emit(trouble);
      });
      this.#posts.add(request.id, post);
      const { calls, streams, path } = this.#endpoint;
      const client = request.timeoutMs === Infinity ? streams : calls;
      const headers = this.#headersOf(request);
      if (presented !== undefined) headers.push(...presented);
      post.send(client, path, headers, encodeRequest(request.id, request.method, request.params));
    });
  }

  notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    if (this.state === 'closed') return Promise.resolve(this.endedFailure());
    const send = (presented: readonly string[]): Promise<LinkFailure | undefined> =>
      sendNotice(this.#endpoint, [...this.#headers, method, ...presented], encodeNotification(method, params));
    return this.#credential === undefined ? send([]) : presentNotice(this.#credential, send);
  }

  close(reason?: string): Promise<void> {
    if (this.state === 'closed') return Promise.resolve();
    this.state = 'closed';
    const failure = this.endedFailure(reason);
    for (const post of this.#posts.values()) post.end(failure);
    this.emit({ kind: 'closed', failure });
    return Promise.resolve();
  }

  /** Modern servers ask through `input_required`, never by a request of their own. */
  onServerRequest(_post: Post, message: Message): void {
    this.emit({ kind: 'dropped', detail: `a request of a modern server: ${String(message.method)}` });
  }

  onStreamCut(): boolean {
    return false;
  }

  onAbandoned(): void {
    // Cutting the connection, which the post does next, is the cancellation.
  }

  onErrorStatus(): undefined {
    return undefined;
  }

  #headersOf(request: LinkRequest): string[] {
    const headers = this.#headers.concat(request.method);
    if (request.name !== undefined) headers.push('mcp-name', encodeHeaderValue(request.name));
    if (request.headers !== undefined) {
      for (const name of Object.keys(request.headers)) {
        const value = request.headers[name];
        if (value !== undefined) headers.push(name, value);
      }
    }
    return headers;
  }
}
