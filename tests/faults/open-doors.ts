// The doors on a real socket, in front of a product that does what the test says: for callers that stop reading or die.
import {
  compilePolicy,
  createBuckets,
  createConcurrency,
  createConversations,
  createExchangeIds,
  createSeal,
  createSessions,
  openListener,
  type Answer,
  type Conversations,
  type Grant,
  type Intended,
  type ListenerOptions,
  type Ports,
  type Refusal,
  type Rules,
  type Sessions,
} from '@sallyport/guard';
import { createRandom } from '@sallyport/testkit';

/** Does what a request asks for. */
export type Doing = (exchange: Intended) => Answer | Refusal | Promise<Answer | Refusal>;

/** Open doors. */
export interface OpenDoors {
  readonly url: string;
  readonly conversations: Conversations;
  readonly sessions: Sessions;
  /** Status of every record so far. */
  readonly recorded: string[];
  close(): Promise<void>;
}

const origin = { file: 'sallyport.yaml', line: 1, column: 1 };
const everything: Grant = { pattern: '*', isSubtraction: false, origin };
const role = { name: 'everyone', tools: [everything], resources: [], prompts: [], deny: [], origin };
const ample = { tokens: 1_000_000, perMs: 1, burst: 1_000_000 };
const clock = { now: Date.now, monotonic: () => performance.now() };

/** An answer that holds nothing but the given result. */
export function answerOf(result: object): Answer {
  return { kind: 'result', body: Buffer.from(JSON.stringify(result)), isToolError: false, interim: 0 };
}

/**
 * Opens every door for anonymous callers.
 *
 * @param doing - the product; `initialize` is answered for it
 * @param options - bounds of the doors
 */
export async function openDoors(doing: Doing, options: Partial<ListenerOptions> = {}): Promise<OpenDoors> {
  const sessions = createSessions({ clock, seal: createSeal([createRandom(1).bytes(32)], clock, createRandom(2)) });
  const conversations = createConversations({ clock });
  const recorded: string[] = [];
  const hosts = new Set<string>();
  const rules: Rules = {
    policy: compilePolicy({ deny: [], roles: [role] }),
    limits: {
      body: 1_000_000,
      message: 64_000_000,
      depth: 64,
      requestTimeoutMs: 30_000,
      perAddress: ample,
      failedLogins: ample,
      // So many that what is unread is the only bound on what is taken.
      concurrentPerCaller: 10_000,
      openPerCaller: 100,
      openPerAddress: 100,
    },
    callers: { anonymous: 'everyone', keys: false },
    hosts,
    origins: new Set(),
    upstreamLimits: new Map(),
    doors: { websocket: true, sse: true },
    servers: new Set(),
    refusals: 'result',
    keptArguments: () => undefined,
  };
  const ports: Ports = {
    clock,
    credentials: { verify: () => 'invalid' },
    blocks: { isBlocked: () => false },
    buckets: createBuckets({ clock }),
    concurrency: createConcurrency(),
    sessions: {
      find: (id, exchange) =>
        exchange.door === 'sse' ? conversations.find(id, exchange) : sessions.find(id, exchange),
    },
    audit: {
      durability: 'interval',
      append: ({ outcome, kind }) => recorded.push(`${kind} ${outcome?.reason ?? outcome?.status ?? ''}`),
      durable: () => undefined,
    },
    unrecorded: { count: () => undefined },
    digest: () => '',
    resolve: () => ({ kind: 'tool', upstream: 'own', name: 'tool', key: 'own.tool' }),
    invoke: (exchange) => (exchange.message.method === 'initialize' ? greet(exchange, sessions) : doing(exchange)),
    observe: () => undefined,
    isDraining: () => false,
  };
  const context = { ports, rules: () => rules, nextId: createExchangeIds(createRandom(3)), sessions, conversations };
  const listener = await openListener(context, { host: '127.0.0.1', port: 0, ...options });
  hosts.add(`127.0.0.1:${listener.port}`);
  return {
    url: `http://127.0.0.1:${listener.port}/mcp`,
    conversations,
    sessions,
    recorded,
    async close() {
      sessions.closeAll('the test is over');
      await conversations.closeAll('draining');
      await listener.close(100);
    },
  };
}

function greet(exchange: Intended, sessions: Sessions): Answer {
  const handshake = { revision: '2025-11-25', clientCapabilities: {}, clientInfo: undefined };
  const answer = answerOf({ protocolVersion: handshake.revision, capabilities: {}, serverInfo: { name: 'own' } });
  if (exchange.connection === undefined) {
    const session = sessions.create(exchange, handshake);
    return { ...answer, headers: ['Mcp-Session-Id', session?.id ?? ''] };
  }
  Object.assign(exchange.connection, { handshake });
  return answer;
}
