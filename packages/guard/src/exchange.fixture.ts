/** Exchanges, rules and ports for tests: a frozen clock, an audit trail in memory, and a policy of one role. */
import { readMessage, type Message } from '@sallyport/protocol';
import type { RecordDraft } from './audit/record.ts';
import { createCanceller } from './cancellation.ts';
import type {
  Answer,
  CallerSession,
  CallerStream,
  HttpHead,
  Identified,
  Parsed,
  Principal,
  Received,
  Resolved,
  Target,
} from './exchange.ts';
import { createBuckets } from './limits/buckets.ts';
import { createConcurrency } from './limits/concurrency.ts';
import { compilePolicy, type Policy } from './policy/compile.ts';
import type { Grant, Role } from './policy/model.ts';
import type { AuditPort, Clock, Ports } from './ports.ts';
import type { Refusal } from './refusals.ts';
import type { Limits, Rules } from './rules.ts';

/** A clock that stands still until it is told to go on. */
export interface FrozenClock extends Clock {
  advance(ms: number): void;
}

/** Makes a clock that stands at a fixed moment. */
export function frozenClock(): FrozenClock {
  let passed = 0;
  return {
    now: () => Date.UTC(2026, 7, 1) + passed,
    monotonic: () => 1000 + passed,
    advance: (ms) => {
      passed += ms;
    },
  };
}

/** A grant as a file would write it. */
export function grantOf(pattern: string, more: Partial<Grant> = {}): Grant {
  const isSubtraction = pattern.startsWith('!');
  const origin = { file: 'sallyport.yaml', line: 3, column: 7 };
  return { pattern: isSubtraction ? pattern.slice(1) : pattern, isSubtraction, origin, ...more };
}

/** A policy with the role `reader`. */
export function policyOf(reader: Partial<Role>, denied: readonly string[] = []): Policy {
  const origin = { file: 'sallyport.yaml', line: 1, column: 1 };
  const role: Role = { name: 'reader', tools: [], resources: [], prompts: [], deny: [], origin, ...reader };
  return compilePolicy({ deny: denied.map((pattern) => ({ pattern, origin })), roles: [role] });
}

/** Rules under which `reader` may do everything on the server `files`. */
export function makeRules(more: Partial<Omit<Rules, 'limits'>> & { readonly limits?: Partial<Limits> } = {}): Rules {
  const all = [grantOf('files.*')];
  return {
    policy: policyOf({ tools: all, resources: all, prompts: all }),
    callers: { keys: true },
    hosts: new Set(['localhost:8848']),
    origins: new Set(['http://localhost:8848']),
    upstreamLimits: new Map(),
    doors: { websocket: true, sse: true },
    servers: new Set(['files']),
    refusals: 'result',
    keptArguments: () => undefined,
    ...more,
    limits: {
      body: 1024,
      message: 1024,
      depth: 16,
      requestTimeoutMs: 1000,
      perAddress: { tokens: 50, perMs: 1000, burst: 100 },
      failedLogins: { tokens: 3, perMs: 60_000, burst: 3 },
      concurrentPerCaller: 32,
      openPerCaller: 64,
      openPerAddress: 1024,
      ...more.limits,
    },
  };
}

/** An audit trail that keeps what it takes in memory. */
export interface MemoryAudit extends AuditPort {
  readonly drafts: RecordDraft[];
  durability: AuditPort['durability'];
  /** Set to a reason to make `append` refuse. */
  refuses: string | undefined;
  /** What `durable` answers; on disk already by default. */
  durable: AuditPort['durable'];
}

/** Makes an empty trail. */
export function memoryAudit(): MemoryAudit {
  const drafts: RecordDraft[] = [];
  return {
    drafts,
    durability: 'intent',
    refuses: undefined,
    append(draft) {
      if (this.refuses !== undefined) return { refused: this.refuses };
      return drafts.push(draft);
    },
    durable: () => undefined,
  };
}

/** Ports with what tests look at. */
export interface TestPorts extends Ports {
  readonly clock: FrozenClock;
  readonly audit: MemoryAudit;
  readonly concurrency: ReturnType<typeof createConcurrency>;
  readonly buckets: ReturnType<typeof createBuckets>;
}

/** The answer of a tool that said `ok`. */
export const okAnswer: Answer = {
  kind: 'result',
  body: Buffer.from('{"content":[]}'),
  isToolError: false,
  interim: 0,
};

/** What the fixture's messages aim at. */
export const readTarget: Target = { kind: 'tool', upstream: 'files', name: 'read', key: 'files.read' };

/** Ports of a healthy process. */
export function makePorts(more: Partial<Omit<Ports, 'clock' | 'audit' | 'buckets' | 'concurrency'>> = {}): TestPorts {
  const clock = frozenClock();
  return {
    clock,
    credentials: { verify: () => 'invalid' },
    blocks: { isBlocked: () => false },
    buckets: createBuckets({ clock }),
    concurrency: createConcurrency(),
    sessions: { find: () => undefined },
    audit: memoryAudit(),
    unrecorded: { count: () => undefined },
    digest: (bytes) => `digest of ${bytes.length} bytes`,
    resolve: () => readTarget,
    invoke: () => okAnswer,
    observe: () => undefined,
    isDraining: () => false,
    ...more,
  };
}

/** The head of a sound POST. `undefined` leaves a header out. */
export function makeHead(
  headers: Readonly<Record<string, string | undefined>> = {},
  more: Partial<Omit<HttpHead, 'headers'>> = {},
): HttpHead {
  const all = { host: 'localhost:8848', 'content-type': 'application/json', ...headers };
  return {
    version: '1.1',
    method: 'POST',
    target: '/mcp',
    isKnownPath: true,
    repeated: new Set(),
    ...more,
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
  };
}

/** A stream that keeps what was sent. */
export interface TestStream extends CallerStream {
  readonly sent: string[];
  readonly opened: () => number;
}

/** Makes a stream that a caller has accepted. */
export function makeStream(isOpenable = true): TestStream {
  const sent: string[] = [];
  let opened = 0;
  return {
    sent,
    opened: () => opened,
    isOpenable,
    open: () => {
      opened += 1;
    },
    send: (message) => void sent.push(Buffer.from(message).toString()),
  };
}

/** An exchange as the HTTP door hands it over. */
export function received(more: Partial<Received> & { readonly body?: string | Uint8Array | Refusal } = {}): Received {
  const { body = '', ...rest } = more;
  return {
    id: 'x7Qe',
    door: 'http',
    path: { kind: 'all' },
    rules: makeRules(),
    time: Date.UTC(2026, 7, 1),
    started: 1000,
    address: '192.0.2.7',
    head: makeHead(),
    cancellation: createCanceller(),
    caller: makeStream(),
    readBody: () =>
      typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : Promise.resolve(body),
    marks: [],
    ...rest,
  };
}

/** An exchange as a stdio door hands it over. */
export function receivedOnStdio(
  connection: CallerSession,
  more: Partial<Received> & { readonly body?: string } = {},
): Received {
  const { head: _, ...exchange } = received({ door: 'stdio', address: 'local', localUser: 'ada', connection, ...more });
  return exchange;
}

/** A principal of the role `reader` under these rules. */
export function makePrincipal(rules: Rules, more: Partial<Principal> = {}): Principal {
  const roles = more.roles ?? ['reader'];
  return { id: 'key:ada', kind: 'key', ...more, roles, access: rules.policy.access(roles, more.scopes) };
}

/** An exchange after `identify`. */
export function identified(more: Parameters<typeof received>[0] & { readonly principal?: Principal } = {}): Identified {
  const { principal, ...rest } = more ?? {};
  const exchange = received(rest);
  return Object.assign(exchange, { principal: principal ?? makePrincipal(exchange.rules) });
}

/** Reads a message that must be sound; `jsonrpc` is filled in. */
export function messageOf(value: object | string): Message {
  const text = typeof value === 'string' ? value : JSON.stringify({ jsonrpc: '2.0', ...value });
  const reading = readMessage(Buffer.from(text));
  if (reading.kind === 'fault') throw new Error(`not a message: ${reading.fault.name}`);
  return reading.message;
}

/** A call of the tool `read`. */
export const readCall = { id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: 'a' } } };

const methods: Readonly<Record<string, { needsIntent: boolean; target: 'name' | 'uri' | 'ref' | undefined }>> = {
  'tools/call': { needsIntent: true, target: 'name' },
  'prompts/get': { needsIntent: true, target: 'name' },
  'resources/read': { needsIntent: true, target: 'uri' },
  'completion/complete': { needsIntent: true, target: 'ref' },
};

/** An exchange after `parse`. */
export function parsed(
  more: Parameters<typeof identified>[0] & Partial<Parsed> & { readonly value?: object | string } = {},
): Parsed {
  const { value = readCall, era = 'modern', message = messageOf(value), revision, method, session, ...rest } = more;
  const name = message.method ?? '';
  const facts = methods[name] ?? { needsIntent: false, target: undefined };
  const entry: Parsed['method'] = {
    name,
    kind: message.kind === 'notification' ? 'notification' : 'request',
    direction: 'client-to-server',
    revisions: ['2026-07-28', '2025-11-25'],
    eras: ['modern', 'legacy'],
    isCacheable: false,
    ...facts,
  };
  return Object.assign(identified(rest), {
    message,
    era,
    revision: revision ?? (era === 'modern' ? '2026-07-28' : '2025-11-25'),
    method: 'method' in more ? method : message.kind === 'response' ? undefined : entry,
    ...(session === undefined ? {} : { session }),
  });
}

/** An exchange after `resolve`. */
export function resolved(more: Parameters<typeof parsed>[0] & { readonly target?: Target } = {}): Resolved {
  const { target = readTarget, ...rest } = more ?? {};
  return Object.assign(parsed(rest), { target });
}

/** A reply's body as JSON. */
export function bodyOf(reply: { readonly body?: Uint8Array }): unknown {
  return reply.body === undefined ? undefined : JSON.parse(Buffer.from(reply.body).toString());
}
