/**
 * The resources that callers want to hear of, one table for each conversation with a server: subscribed to once however
 * many want it, by `resources/subscribe` at a legacy server and by one `subscriptions/listen` at a modern one, and again
 * when the conversation begins anew.
 */
import { createCanceller, type Canceller, type Random } from '@sallyport/guard';
import { isObject, type Message } from '@sallyport/protocol';
import { ownParams } from '../own-request.ts';
import type { Server } from '../servers.ts';
import { backoffMs } from '../upstreams/backoff.ts';
import type { Link, LinkFailure, LinkListener } from '../upstreams/link.ts';
import type { Timer, Timers } from '../upstreams/ports.ts';
import type { AcquireWish } from '../upstreams/upstream.ts';

/** Told that a resource may have changed. */
export type Hearer = () => void;

/** How a wish to hear of a resource went. */
export type Watching =
  | { readonly kind: 'watching'; readonly stop: () => void }
  /** The server answered with an error. */
  | { readonly kind: 'error'; readonly message: Message; readonly link: Link }
  | { readonly kind: 'failure'; readonly failure: LinkFailure }
  /** The server did not confirm it. */
  | { readonly kind: 'unconfirmed' };

/** The resources that somebody wants to hear of. */
export interface Watches {
  /**
   * Wants to hear of a resource; resolves once the server has confirmed it.
   *
   * @param wish - whose conversation is used
   * @param uri - as the server knows it
   */
  add(server: Server, wish: AcquireWish, uri: string, hear: Hearer): Promise<Watching>;
  /** A legacy server said that a resource has changed. */
  changed(link: Link, uri: string): void;
}

/** Resources watched over one conversation. */
const mostWatched = 10_000;
/** How often a conversation is looked after: one that is watched over stays open and is followed when replaced. */
const careMs = 30_000;
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;

/**
 * Makes an empty table.
 *
 * @param heard - told of each change before those who wanted to hear of it
 */
export function createWatches(
  timers: Timers,
  random: Random,
  heard: (server: string, uri: string) => void = () => undefined,
): Watches {
  const conversations = new WeakMap<Link, Conversation>();

  function conversationOf(link: Link, server: Server, wish: AcquireWish): Conversation {
    const known = conversations.get(link);
    if (known !== undefined) return known;
    const made: Conversation = new Conversation(
      link,
      server,
      wish,
      timers,
      random,
      (next) => conversationOf(next, server, wish),
      (uri) => heard(server.name, uri),
    );
    conversations.set(link, made);
    return made;
  }

  return {
    async add(server, wish, uri, hear) {
      const acquired = await server.upstream.acquire(wish);
      if (acquired.kind === 'failure') return acquired;
      return conversationOf(acquired.link, server, wish).add(uri, { hear, place: undefined });
    },
    changed: (link, uri) => conversations.get(link)?.changed(uri),
  };
}

/** One who hears, and the conversation that it hears through now. */
interface Entry {
  readonly hear: Hearer;
  place: Conversation | undefined;
}

type Confirmation = Exclude<Watching, { kind: 'watching' }> | undefined;

interface Watched {
  readonly entries: Set<Entry>;
  /** How asking the server went, or will go. */
  readonly confirmed: Promise<Confirmation>;
}

class Conversation {
  readonly #link: Link;
  readonly #server: Server;
  readonly #wish: AcquireWish;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #moveTo: (link: Link) => Conversation;
  readonly #heard: (uri: string) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #turns = new Map<string, Promise<Confirmation>>();
  readonly #listening: Listening | undefined;
  #care: Timer | undefined;
  #isLost = false;

  constructor(
    link: Link,
    server: Server,
    wish: AcquireWish,
    timers: Timers,
    random: Random,
    moveTo: (link: Link) => Conversation,
    heard: (uri: string) => void,
  ) {
    this.#link = link;
    this.#server = server;
    this.#wish = wish;
    this.#timers = timers;
    this.#random = random;
    this.#moveTo = moveTo;
    this.#heard = heard;
    if (link.era === 'modern') {
      this.#listening = new Listening(link, server.timeoutMs, timers, random, (uri) => this.changed(uri));
    }
    link.onEvent((event) => {
      if (event.kind === 'closed') void this.#move(0);
    });
  }

  async add(uri: string, entry: Entry): Promise<Watching> {
    let watched = this.#watched.get(uri);
    if (watched === undefined) {
      if (this.#watched.size >= mostWatched) return { kind: 'unconfirmed' };
      watched = { entries: new Set(), confirmed: this.#ask(uri) };
      this.#watched.set(uri, watched);
    }
    watched.entries.add(entry);
    entry.place = this;
    this.#takeCare();
    const refused = await watched.confirmed;
    // While the server was asked, the conversation may have been replaced and the wish moved on with it.
    if (refused === undefined || entry.place !== this) {
      return { kind: 'watching', stop: () => entry.place?.remove(uri, entry) };
    }
    this.remove(uri, entry);
    return refused;
  }

  remove(uri: string, entry: Entry): void {
    entry.place = undefined;
    const watched = this.#watched.get(uri);
    if (watched?.entries.delete(entry) !== true || watched.entries.size > 0) return;
    this.#watched.delete(uri);
    if (this.#watched.size === 0) {
      this.#care?.cancel();
      this.#care = undefined;
    }
    if (this.#listening === undefined) void this.#tell('resources/unsubscribe', uri);
    else this.#listening.remove(uri);
  }

  changed(uri: string): void {
    this.#heard(uri);
    for (const { hear } of [...(this.#watched.get(uri)?.entries ?? [])]) hear();
  }

  #ask(uri: string): Promise<Confirmation> {
    return this.#listening === undefined ? this.#tell('resources/subscribe', uri) : this.#listening.add(uri);
  }

  /** One request for a resource at a time, so that the last word is what the server heard last. */
  #tell(method: string, uri: string): Promise<Confirmation> {
    const before = this.#turns.get(uri);
    const told = before === undefined ? this.#send(method, uri) : before.then(() => this.#send(method, uri));
    this.#turns.set(uri, told);
    void told.then(() => {
      if (this.#turns.get(uri) === told) this.#turns.delete(uri);
    });
    return told;
  }

  async #send(method: string, uri: string): Promise<Confirmation> {
    const { timeoutMs } = this.#server;
    const answer = await this.#link.request(
      {
        id: this.#link.mint(),
        method,
        params: ownParams(this.#link, { uri }),
        timeoutMs,
        maxTimeMs: timeoutMs,
        cancellation: createCanceller(),
      },
      silent,
    );
    if (answer.kind === 'failure') return answer;
    if (answer.message.spans.error === undefined) return undefined;
    return { kind: 'error', message: answer.message, link: this.#link };
  }

  /** Keeps the conversation in use, and finds out when callers are given another. */
  #takeCare(): void {
    this.#care ??= this.#timers.after(careMs, () => {
      this.#care = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const acquired = await this.#server.upstream.acquire(this.#wish);
    if (acquired.kind === 'open' && acquired.link !== this.#link) await this.#move(0);
    else if (this.#watched.size > 0 && !this.#isLost) this.#takeCare();
  }

  /** Goes on over the conversation that callers have now. What changed meanwhile is unknown, so everybody is told. */
  async #move(tries: number): Promise<void> {
    this.#isLost = true;
    this.#listening?.close();
    this.#care?.cancel();
    this.#care = undefined;
    if (this.#watched.size === 0) return;
    const acquired = await this.#server.upstream.acquire(this.#wish);
    if (acquired.kind === 'failure' || acquired.link === this.#link) {
      const wait = backoffMs(tries, firstWaitMs, longestWaitMs, this.#random);
      this.#timers.after(wait, () => void this.#move(tries + 1));
      return;
    }
    const next = this.#moveTo(acquired.link);
    const moving = [...this.#watched];
    this.#watched.clear();
    for (const [uri, { entries }] of moving) {
      for (const entry of entries) {
        void next.add(uri, entry).then(({ kind }) => {
          if (kind === 'watching') entry.hear();
        });
      }
    }
  }
}

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
class Listening {
  readonly #link: Link;
  readonly #timeoutMs: number;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #onChanged: (uri: string) => void;
  readonly #wanted = new Map<string, ((confirmation: Confirmation) => void) | undefined>();
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

  add(uri: string): Promise<Confirmation> {
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
      confirm(undefined);
    }
  }

  /** What still waits for its confirmation gets none, and is not wanted any more. */
  #refuse(uris: Iterable<string>): void {
    for (const uri of uris) {
      const confirm = this.#wanted.get(uri);
      if (confirm === undefined) continue;
      this.#wanted.delete(uri);
      confirm({ kind: 'unconfirmed' });
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

const nobody = { kind: 'error' as const, body: Buffer.from('{"code":-32601,"message":"Nobody can be asked here"}') };

const silent: LinkListener = { onMessage: () => undefined, onRequest: () => Promise.resolve(nobody) };
