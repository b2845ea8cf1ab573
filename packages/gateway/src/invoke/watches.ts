/**
 * The resources that callers want to hear of, one table for each conversation with a server: subscribed to once however
 * many want it, by `resources/subscribe` at a legacy server and by one `subscriptions/listen` at a modern one, and again
 * when the conversation begins anew.
 */
import { createCanceller, createConcurrency, type Lease, type Random } from '@sallyport/guard';
import type { Message } from '@sallyport/protocol';
import { ownParams } from '../own-request.ts';
import type { Server } from '../servers.ts';
import { backoffMs } from '../upstreams/backoff.ts';
import type { Link, LinkFailure, LinkListener } from '../upstreams/link.ts';
import type { Timer, Timers } from '../upstreams/ports.ts';
import type { AcquireWish } from '../upstreams/upstream.ts';
import { firstWaitMs, longestWaitMs, ResourceStream } from './resource-stream.ts';

/** Told that a resource may have changed. */
export type Hearer = () => void;

/** How a wish to hear of a resource went. */
export type Watching =
  | { readonly kind: 'watching'; readonly stop: () => void }
  /** The server answered with an error. */
  | { readonly kind: 'error'; readonly message: Message; readonly link: Link }
  | { readonly kind: 'failure'; readonly failure: LinkFailure }
  /** The server did not confirm it. */
  | { readonly kind: 'unconfirmed' }
  /** The caller has all the places it may have. */
  | { readonly kind: 'full' }
  /** Nobody watches the resource yet, and the caller's tokens do not suffice for asking the server. */
  | { readonly kind: 'unpaid' };

/** The resources that somebody wants to hear of. */
export interface Watches {
  /**
   * Wants to hear of a resource; resolves once the server has confirmed it.
   *
   * @param wish - whose conversation is used
   * @param uri - as the server knows it
   * @param pay - asked before the server is: false leaves it alone. Default: it is paid for already.
   */
  add(server: Server, wish: AcquireWish, uri: string, hear: Hearer, pay?: () => boolean): Promise<Watching>;
  /** A legacy server said that a resource has changed. */
  changed(link: Link, uri: string): void;
}

/** Resources watched over one conversation. */
const mostWatched = 10_000;
/** Places of one caller in a conversation that it shares with others: none can take them all. */
const mostOfSharer = mostWatched / 8;
/** Places of one caller in all conversations. */
const mostOfCaller = 5000;
/** How often a conversation is looked after: one that is watched over stays open and is followed when replaced. */
const careMs = 30_000;

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
  const places = createConcurrency();

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
    async add(server, wish, uri, hear, pay = isPaid) {
      const acquired = await server.upstream.acquire(wish);
      if (acquired.kind === 'failure') return acquired;
      const place = places.acquire(wish.owner, mostOfCaller);
      if (place === undefined) return { kind: 'full' };
      const entry: Entry = { owner: wish.owner, hear, place: undefined, share: undefined };
      const watching = await conversationOf(acquired.link, server, wish).add(uri, entry, pay);
      if (watching.kind !== 'watching') {
        place.release();
        return watching;
      }
      const stop = (): void => {
        place.release();
        watching.stop();
      };
      return { kind: 'watching', stop };
    },
    changed: (link, uri) => conversations.get(link)?.changed(uri),
  };
}

const isPaid = (): boolean => true;

/** One who hears, and the conversation that it hears through now. */
interface Entry {
  /** The principal who wants it. */
  readonly owner: string;
  readonly hear: Hearer;
  place: Conversation | undefined;
  /** What it takes of that conversation. */
  share: Lease | undefined;
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
  readonly #shares = createConcurrency();
  readonly #turns = new Map<string, Promise<Confirmation>>();
  readonly #listening: ResourceStream | undefined;
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
      this.#listening = new ResourceStream(link, server.timeoutMs, timers, random, (uri) => this.changed(uri));
    }
    link.onEvent((event) => {
      if (event.kind === 'closed') void this.#move(0);
    });
  }

  async add(uri: string, entry: Entry, pay: () => boolean): Promise<Watching> {
    let watched = this.#watched.get(uri);
    if (watched === undefined && this.#watched.size >= mostWatched) return { kind: 'full' };
    const share = this.#shares.acquire(entry.owner, this.#server.share === 'all' ? mostOfSharer : mostWatched);
    if (share === undefined) return { kind: 'full' };
    if (watched === undefined) {
      if (!pay()) {
        share.release();
        return { kind: 'unpaid' };
      }
      watched = { entries: new Set(), confirmed: this.#ask(uri) };
      this.#watched.set(uri, watched);
    }
    watched.entries.add(entry);
    entry.place = this;
    entry.share = share;
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
    entry.share?.release();
    entry.share = undefined;
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
    return this.#listening === undefined ? this.#tell('resources/subscribe', uri) : this.#confirm(this.#listening, uri);
  }

  async #confirm(stream: ResourceStream, uri: string): Promise<Confirmation> {
    return (await stream.add(uri)) ? undefined : { kind: 'unconfirmed' };
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
        entry.share?.release();
        entry.share = undefined;
        void next.add(uri, entry, isPaid).then(({ kind }) => {
          if (kind === 'watching') entry.hear();
        });
      }
    }
  }
}

const nobody = { kind: 'error' as const, body: Buffer.from('{"code":-32601,"message":"Nobody can be asked here"}') };

const silent: LinkListener = { onMessage: () => undefined, onRequest: () => Promise.resolve(nobody) };
