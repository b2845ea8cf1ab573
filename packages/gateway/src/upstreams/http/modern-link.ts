/**
 * A conversation with a modern HTTP upstream (2026-07-28, Streamable HTTP): every request is a POST of its own, nothing
 * else exists between two requests, and closing the connection is how a request is called off.
 */
import { encodeHeaderValue, MODERN_REVISION, type JsonBounds, type Message } from '@sallyport/protocol';
import {
  linkFailure,
  troubleIn,
  type Link,
  type LinkAnswer,
  type LinkEvent,
  type LinkFailure,
  type LinkListener,
  type LinkPeer,
  type LinkRequest,
} from '../link.ts';
import { Listeners } from '../listeners.ts';
import type { Clock } from '@sallyport/guard';
import type { OpenOptions } from '../options.ts';
import type { Timers } from '../ports.ts';
import { encodeNotification, encodeRequest } from '../wire.ts';
import type { Channel } from './channel.ts';
import { sendNotice } from './notice.ts';
import { InFlight } from '../in-flight.ts';
import { Post, type PostOwner } from './post.ts';

/** A conversation with a modern HTTP upstream. */
export class ModernHttpLink implements Link, PostOwner {
  readonly era = 'modern';
  readonly revision = MODERN_REVISION;
  readonly name: string;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly messageBytes: number;
  readonly bounds: JsonBounds;
  peer: LinkPeer = {
    serverInfo: undefined,
    capabilities: {},
    instructions: undefined,
    supportedRevisions: [],
    discover: undefined,
  };
  state: 'open' | 'closed' = 'open';
  readonly #channel: Channel;
  readonly #headers: readonly string[];
  readonly #posts = new InFlight<Post>();
  readonly #listeners = new Listeners<LinkEvent>();
  #lastId = 0;

  constructor(channel: Channel, options: OpenOptions) {
    this.#channel = channel;
    this.name = channel.name;
    this.timers = channel.ports.timers;
    this.clock = channel.ports.clock;
    this.messageBytes = channel.tuning.messageBytes;
    this.bounds = channel.bounds;
    this.#listeners.add((event) => options.onEvent(this, event));
    this.#headers = [...channel.headers, 'mcp-protocol-version', MODERN_REVISION, 'mcp-method'];
  }

  get pending(): number {
    return this.#posts.size;
  }

  mint(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer> {
    if (this.state === 'closed') return Promise.resolve({ kind: 'failure', failure: this.#closedFailure() });
    return new Promise((resolve) => {
      const post: Post = new Post(this, request, listener, (answer) => {
        this.#posts.delete(request.id);
        resolve(answer);
        const trouble = troubleIn(this.name, answer);
        if (trouble !== undefined) this.#listeners.emit({ kind: 'trouble', failure: trouble });
      });
      this.#posts.add(request.id, post);
      const { calls, streams, path } = this.#channel;
      const client = request.timeoutMs === Infinity ? streams : calls;
      post.send(client, path, this.#headersOf(request), encodeRequest(request.id, request.method, request.params));
    });
  }

  notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined> {
    if (this.state === 'closed') return Promise.resolve(this.#closedFailure());
    return sendNotice(this.#channel, [...this.#headers, method], encodeNotification(method, params));
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  close(reason?: string): Promise<void> {
    if (this.state === 'closed') return Promise.resolve();
    this.state = 'closed';
    const failure = this.#closedFailure(reason);
    for (const post of this.#posts.values()) post.end(failure);
    this.#listeners.emit({ kind: 'closed', failure });
    return Promise.resolve();
  }

  /** Modern servers ask through `input_required`, never by a request of their own. */
  onServerRequest(_post: Post, message: Message): void {
    this.#listeners.emit({ kind: 'dropped', detail: `a request of a modern server: ${String(message.method)}` });
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

  #closedFailure(reason?: string): LinkFailure {
    const more = reason === undefined ? {} : { detail: reason };
    return linkFailure('closed', `${this.name} is being stopped.`, more);
  }
}
