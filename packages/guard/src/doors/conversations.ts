/** Every connection that is open at the stdio, WebSocket and SSE doors: who may open one more, and who has to leave. */
import type { Identified, Lease } from '../exchange.ts';
import { createConcurrency } from '../limits/concurrency.ts';
import { senderOf } from '../addresses.ts';
import type { Clock, Ports } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';
import { judgeCaller } from '../stages/resolve.ts';
import type { Conversation } from './conversation.ts';
import type { Session } from './session.ts';
import { pathKey } from './session-id.ts';

/** Bounds on open connections. Times in milliseconds. */
export interface ConversationsOptions {
  readonly clock: Clock;
  /** How long a connection from the network may stay. Default 24 h. */
  readonly maxAgeMs?: number;
  /** Connections from the network of all callers. Default 20,000. */
  readonly total?: number;
}

/** The open connections of one process. */
export interface Conversations {
  /** Judges whoever wants to open a connection from the network. */
  admit(exchange: Identified, ports: Pick<Ports, 'blocks' | 'isDraining'>): Lease | Refusal;
  /** Keeps a connection until it has closed, and gives its place back then. */
  add(conversation: Conversation, place?: Lease): void;
  /** The connection at the SSE door with this session id, if it is this caller's and this path's. */
  find(id: string, exchange: Identified): Session | undefined;
  /** The connection that a session belongs to. */
  of(session: { readonly id: string }): Conversation | undefined;
  list(): Iterable<Conversation>;
  /** Judges something else that is held open whenever connections are judged again; returns how to forget it. */
  watch(judge: () => void): () => void;
  /** Closes every connection that the rules in force would not let in any more. */
  reauthorize(): void;
  /** Closes all and resolves when they are closed. */
  closeAll(reason: string): Promise<void>;
}

/** Connections that are judged again in one turn. */
const atOnce = 500;

/** Makes the table of connections. */
export function createConversations(options: ConversationsOptions): Conversations {
  const { clock } = options;
  const maxAge = options.maxAgeMs ?? 24 * 3_600_000;
  const total = options.total ?? 20_000;
  const table = new Map<string, Conversation>();
  const callers = createConcurrency();
  const addresses = createConcurrency();
  const everybody = createConcurrency();

  const watched = new Set<() => void>();

  /** Judges some, then lets others have a turn: with thousands of connections it would take too long at once. */
  function judge(open: readonly (() => void)[], from: number): void {
    for (const judgeOne of open.slice(from, from + atOnce)) judgeOne();
    if (from + atOnce < open.length) setImmediate(() => judge(open, from + atOnce));
  }

  function judgeConversation(conversation: Conversation): void {
    const isOld = conversation.door !== 'stdio' && clock.now() - conversation.session.created > maxAge;
    if (isOld) conversation.close('expired');
    else conversation.reauthorize();
  }

  return {
    admit(exchange, ports) {
      if (ports.isDraining()) return refuse('draining', { retryAfterMs: 1000 });
      const refused = judgeCaller(exchange, ports);
      if (refused !== undefined) return refused;
      const { openPerCaller, openPerAddress } = exchange.rules.limits;
      const tooMany = (limit: number, kind: string): Refusal => refuse('too-many-open', { fill: { limit, kind } });
      const ofCaller = callers.acquire(exchange.principal.id, openPerCaller);
      if (ofCaller === undefined) return tooMany(openPerCaller, 'caller');
      const ofAddress = addresses.acquire(senderOf(exchange.address), openPerAddress);
      const ofAll = ofAddress === undefined ? undefined : everybody.acquire('', total);
      if (ofAddress === undefined || ofAll === undefined) {
        ofCaller.release();
        ofAddress?.release();
        return ofAddress === undefined ? tooMany(openPerAddress, 'address') : tooMany(total, 'gateway');
      }
      return {
        release() {
          for (const lease of [ofCaller, ofAddress, ofAll]) lease.release();
        },
      };
    },
    add(conversation, place) {
      table.set(conversation.session.id, conversation);
      void conversation.closed.then(() => {
        table.delete(conversation.session.id);
        place?.release();
      });
    },
    find(id, exchange) {
      const conversation = table.get(id);
      if (conversation?.door !== 'sse' || conversation.session.isClosed) return undefined;
      const { session } = conversation;
      if (session.owner !== exchange.principal.id || pathKey(session.path) !== pathKey(exchange.path)) return undefined;
      return session;
    },
    of: ({ id }) => table.get(id),
    list: () => table.values(),
    watch(judgeIt) {
      // Of its own, so that the same function may be here twice.
      const watching = (): void => judgeIt();
      watched.add(watching);
      return () => void watched.delete(watching);
    },
    reauthorize() {
      const open = [...table.values()].map((conversation) => () => judgeConversation(conversation));
      judge([...open, ...watched], 0);
    },
    async closeAll(reason) {
      const all = [...table.values()];
      for (const conversation of all) conversation.close(reason);
      await Promise.all(all.map(({ closed }) => closed));
    },
  };
}
