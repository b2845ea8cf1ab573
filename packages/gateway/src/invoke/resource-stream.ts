/** The one `subscriptions/listen` stream for all resources that are watched over a conversation with a modern server. */
import { createCanceller, type Canceller, type Random } from '@sallyport/guard';
import { isObject, type Message } from '@sallyport/protocol';
import { ownParams } from '../own-request.ts';
import { backoffMs } from '../upstreams/backoff.ts';
import type { Link, LinkListener } from '../upstreams/link.ts';
import type { Timer, Timers } from '../upstreams/ports.ts';

/** First wait before a stream or subscription that broke is made again, milliseconds; it doubles. */
export const firstWaitMs = 1_000;
/** Longest such wait, milliseconds. */
export const longestWaitMs = 60_000;

const nobody = { kind: 'error' as const, body: Buffer.from('{"code":-32601,"message":"Nobody can be asked here"}') };

/** One opening of a listen stream. */
interface Stream {
  readonly cancellation: Canceller;
  readonly uris: ReadonlySet<string>;
  /** What the server has acknowledged of them. */
  honoured: ReadonlySet<string>;
}

/**
 * One `subscriptions/listen` for all resources of a conversation. A wider one is open before the narrower is ended, and
 * only the newest is heard, so that nothing is missed and nothing is heard twice.
 */
export class ResourceStream {
  readonly #link: Link;
  readonly #timeoutMs: number;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #onChanged: (uri: string) => void;
  readonly #wanted = new Map<string, ((isConfirmed: boolean) => void) | undefined>();
  #current: Stream | undefined;
  #opening: Stream | undefined;
  #failures = 0;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(link: Link, timeoutMs: number, timers: Timers, random: Random, onChanged: (uri: string) => void) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
    this.#timers = timers;
    this.#random = random;
    this.#onChanged = onChanged;
  }

  /** Wants to hear of a resource; true once the server has acknowledged it, false when it does not. */
  add(uri: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#wanted.set(uri, resolve);
      // What is wanted in one go is asked for in one go.
      queueMicrotask(() => this.#open());
    });
  }

  /** What is not wanted any more is left out at the next opening; the last one ends the stream. */
  remove(uri: string): void {
    this.#wanted.delete(uri);
    if (this.#wanted.size === 0) this.#end('nobody listens any more');
  }

  /** Ends the stream for good. */
  close(): void {
    this.#isClosed = true;
    this.#end('the conversation is replaced');
  }

  #end(reason: string): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    const [current, opening] = [this.#current, this.#opening];
    this.#current = undefined;
    this.#opening = undefined;
    current?.cancellation.cancel(reason);
    opening?.cancellation.cancel(reason);
    this.#refuse([...this.#wanted.keys()]);
  }

  #open(): void {
    if (this.#isClosed || this.#opening !== undefined) return;
    if (this.#current !== undefined) this.#confirm(this.#wanted.keys(), this.#current.honoured);
    if (this.#wanted.size === 0 || (this.#current !== undefined && !this.#isAnyPending())) return;
    const uris = new Set(this.#wanted.keys());
    const stream: Stream = { cancellation: createCanceller(), uris, honoured: new Set() };
    this.#opening = stream;
    const late = this.#timers.after(this.#timeoutMs, () => {
      if (this.#opening === stream) stream.cancellation.cancel('no acknowledgement in time');
    });
    const listener: LinkListener = {
      onRequest: () => Promise.resolve(nobody),
      onMessage: (message) => this.#heard(stream, message),
    };
    const request = {
      id: this.#link.mint(),
      method: 'subscriptions/listen',
      params: ownParams(this.#link, { notifications: { resourceSubscriptions: [...uris] } }),
      timeoutMs: Number.POSITIVE_INFINITY,
      maxTimeMs: Number.POSITIVE_INFINITY,
      cancellation: stream.cancellation,
    };
    void this.#link.request(request, listener).then(() => {
      late.cancel();
      this.#ended(stream);
    });
  }

  #heard(stream: Stream, { method, params }: Message): void {
    if (method === 'notifications/subscriptions/acknowledged' && stream === this.#opening) {
      this.#acknowledged(stream, honouredUris(params?.['notifications']));
      return;
    }
    if (method !== 'notifications/resources/updated' || stream !== this.#current) return;
    const uri = params?.['uri'];
    if (typeof uri === 'string') this.#onChanged(uri);
  }

  #acknowledged(stream: Stream, honoured: ReadonlySet<string>): void {
    stream.honoured = honoured;
    const before = this.#current;
    const isAgain = this.#failures > 0;
    this.#opening = undefined;
    this.#current = stream;
    this.#failures = 0;
    before?.cancellation.cancel('replaced by a wider one');
    const known = [...stream.uris].filter((uri) => this.#wanted.has(uri) && this.#wanted.get(uri) === undefined);
    this.#confirm(stream.uris, honoured);
    this.#refuse(stream.uris);
    // What changed while there was no stream is unknown.
    if (isAgain) for (const uri of known) this.#onChanged(uri);
    this.#open();
  }

  #confirm(uris: Iterable<string>, honoured: ReadonlySet<string>): void {
    for (const uri of uris) {
      const confirm = this.#wanted.get(uri);
      if (confirm === undefined || !honoured.has(uri)) continue;
      this.#wanted.set(uri, undefined);
      confirm(true);
    }
  }

  /** What still waits for its confirmation gets none, and is not wanted any more. */
  #refuse(uris: Iterable<string>): void {
    for (const uri of uris) {
      const confirm = this.#wanted.get(uri);
      if (confirm === undefined) continue;
      this.#wanted.delete(uri);
      confirm(false);
    }
  }

  #isAnyPending(): boolean {
    for (const confirm of this.#wanted.values()) if (confirm !== undefined) return true;
    return false;
  }

  #ended(stream: Stream): void {
    if (stream !== this.#current && stream !== this.#opening) return;
    if (stream === this.#opening) {
      this.#opening = undefined;
      this.#refuse(stream.uris);
      if (this.#isAnyPending()) queueMicrotask(() => this.#open());
    } else {
      this.#current = undefined;
    }
    if (this.#isClosed || this.#link.state === 'closed' || this.#wanted.size === 0) return;
    if (this.#current !== undefined || this.#opening !== undefined) return;
    const wait = backoffMs(this.#failures, firstWaitMs, longestWaitMs, this.#random);
    this.#failures += 1;
    this.#retry = this.#timers.after(wait, () => this.#open());
  }
}

function honouredUris(notifications: unknown): ReadonlySet<string> {
  const listed = isObject(notifications) ? notifications['resourceSubscriptions'] : undefined;
  const uris = Array.isArray(listed) ? (listed as readonly unknown[]) : [];
  return new Set(uris.filter((uri): uri is string => typeof uri === 'string'));
}
