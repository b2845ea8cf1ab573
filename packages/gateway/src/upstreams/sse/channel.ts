/**
 * An HTTP+SSE server as a channel (2024-11-05 transports): messages come on one stream of events and go by POST to the
 * endpoint that the stream names first. The stream is the session: when it ends, so does the channel.
 */
import type { Channel, ChannelListener, Sent } from '../channel.ts';
import { presentNotice, type LinkCredential } from '../credential.ts';
import { Heartbeat } from '../heartbeat.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { EventGet, type EventGetEnd } from '../http/event-get.ts';
import { sendNotice } from '../http/notice.ts';
import { connectionFailure, statusFailure } from '../http/trouble.ts';
import { linkFailure, type LinkFailure } from '../link.ts';
import type { Timer } from '../ports.ts';
import { readPostTarget } from './post-target.ts';

/** An HTTP+SSE server. */
export class SseChannel implements Channel {
  readonly carrier = 'sse';
  readonly pid = undefined;
  /** Where the stream is. */
  readonly #endpoint: Endpoint;
  readonly #heartbeat: Heartbeat;
  readonly #credential: LinkCredential | undefined;
  /** Where messages go, once the stream has said it. */
  #posts: Endpoint | undefined;
  #get: EventGet | undefined;
  #listener: ChannelListener | undefined;
  #timer: Timer | undefined;
  #onOpened: (failure: LinkFailure | undefined) => void = () => {};
  #unsent = 0;
  #isOver = false;

  /** @param credential what is presented besides fixed headers */
  constructor(endpoint: Endpoint, credential?: LinkCredential) {
    this.#endpoint = endpoint;
    this.#credential = credential;
    const { name, tuning, ports } = endpoint;
    this.#heartbeat = new Heartbeat(ports.timers, tuning.quietMs, {
      onQuiet: () => this.#listener?.onQuiet(),
      onDead: () => {
        this.#end(linkFailure('unreachable', `${name} answers no more.`, { detail: 'nothing came for a long time' }));
      },
    });
  }

  get unsent(): number {
    return this.#unsent;
  }

  lastWords(): undefined {
    return undefined;
  }

  open(listener: ChannelListener): Promise<LinkFailure | undefined> {
    const { name, credentials, tuning, ports } = this.#endpoint;
    if (this.#isOver) return Promise.resolve(linkFailure('closed', `${name} is being stopped.`));
    this.#listener = listener;
    return new Promise((resolve) => {
      this.#onOpened = resolve;
      this.#timer = ports.timers.after(tuning.handshakeMs, () => {
        this.#end(linkFailure('timeout', `${name} did not answer in time.`, { detail: 'no endpoint event' }));
      });
      const presented = this.#credential?.headers() ?? [];
      this.#get = new EventGet(this.#endpoint, ['accept', 'text/event-stream', ...credentials, ...presented], {
        onOpen: () => {},
        onSign: () => this.#heartbeat.heard(),
        onEndpoint: (data) => this.#named(data),
        onMessage: (bytes) => this.#receive(bytes),
        onEnd: (end) => this.#end(this.#streamFailure(end)),
      });
    });
  }

  send(message: Buffer): Sent {
    const posts = this.#posts;
    if (posts === undefined) return linkFailure('closed', `${this.#endpoint.name} is being stopped.`);
    const { length } = message;
    this.#unsent += length;
    const post = (presented: readonly string[]): Promise<LinkFailure | undefined> =>
      sendNotice(posts, [...posts.headers, ...presented], message, posts.calls);
    const sending = this.#credential === undefined ? post([]) : presentNotice(this.#credential, post);
    return sending.then((failure) => {
      this.#unsent -= length;
      if (failure?.httpStatus !== 404) return failure;
      // The server does not know the session, so it has not looked at the message.
      return linkFailure('session-lost', `${posts.name} lost the session.`, { detail: 'HTTP 404 to POST' });
    });
  }

  close(): Promise<void> {
    this.#stop();
    this.#onOpened(linkFailure('closed', `${this.#endpoint.name} is being stopped.`));
    return Promise.resolve();
  }

  /** Only the first `endpoint` counts: a stream cannot send our messages elsewhere later. */
  #named(data: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#posts !== undefined) {
      this.#listener?.onDropped('another endpoint event');
      return;
    }
    const { name, url } = this.#endpoint;
    const target = readPostTarget(name, url, data);
    if (target.kind === 'refused') {
      this.#end(linkFailure('bad-answer', target.text, { detail: target.detail }));
      return;
    }
    this.#posts = { ...this.#endpoint, path: target.path };
    this.#timer?.cancel();
    this.#heartbeat.start();
    this.#onOpened(undefined);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#posts === undefined) this.#listener?.onDropped('a message before the endpoint event');
    else this.#listener?.onMessage(bytes);
  }

  #streamFailure({ status, isStream, error }: EventGetEnd): LinkFailure {
    const { name, ports, redact } = this.#endpoint;
    if (isStream) {
      const what = error === undefined ? 'it ended' : error.message;
      return linkFailure('closed', `${name} lost the session.`, { detail: `the event stream: ${what}`, cause: error });
    }
    if (status === 0) return connectionFailure(name, error, false);
    const failure = statusFailure(name, status, {}, ports.clock.now(), redact);
    if (failure.reason !== 'bad-answer' || (status >= 300 && status < 400)) return failure;
    return { ...failure, text: `${name} offers no event stream at this URL.` };
  }

  #end(failure: LinkFailure): void {
    if (this.#isOver) return;
    this.#stop();
    this.#onOpened(failure);
    this.#listener?.onEnd(failure);
  }

  #stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#heartbeat.stop();
    this.#get?.stop();
  }
}
