// Ever new callers, credentials and addresses against the stages of the core, on a clock that moves when told to, while
// a few known ones take whatever their limits let through.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  compilePolicy,
  createBuckets,
  createCanceller,
  createConcurrency,
  createUnrecorded,
  runExchange,
  type Grant,
  type Ports,
  type Received,
  type Replied,
  type Rules,
} from '@sallyport/guard';
import { createRandom, type SeededRandom } from '@sallyport/testkit';

/** One caller or address that takes all that its limit lets through. */
export interface Watched {
  /** Which limit. */
  readonly name: string;
  readonly allowed: number;
  /** Burst plus rate times time. */
  readonly expected: number;
  /** True when a request passed after the time that its refusal promised, and one a millisecond earlier did not. */
  readonly isPromiseKept: boolean;
}

/** What came of it. */
export interface StrangersResult {
  readonly identities: number;
  /** Simulated time, seconds. */
  readonly seconds: number;
  readonly watched: readonly Watched[];
  /** Callers that had used what they had for the day before the strangers came, and got something afterwards. */
  readonly refilled: number;
  /** Strangers' requests, by how they ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** Buckets at the end. */
  readonly buckets: number;
  /** Memory in use more than before, and in all, bytes. */
  readonly grown: number;
  readonly used: number;
}

const origin = { file: 'sallyport.yaml', line: 1, column: 1 };
const grant = (pattern: string, more: Partial<Grant> = {}): Grant => ({
  pattern,
  isSubtraction: false,
  origin,
  ...more,
});
const role = (name: string, tools: readonly Grant[], more: object = {}) => ({
  ...{ name, tools, resources: [], prompts: [], deny: [], origin },
  ...more,
});

const minute = 60_000;
const rates = {
  address: { tokens: 100, perMs: 1000, burst: 200 },
  caller: { tokens: 90, perMs: minute, burst: 5 },
  grant: { tokens: 120, perMs: minute, burst: 7 },
  effect: { tokens: 60, perMs: minute, burst: 3 },
  upstream: { tokens: 5, perMs: 1000, burst: 10 },
  login: { tokens: 30, perMs: minute, burst: 3 },
  'bad-requests': { tokens: 4, perMs: 1000, burst: 9 },
} as const;

type LimitName = keyof typeof rates;

const rules: Rules = {
  policy: compilePolicy({
    deny: [],
    roles: [
      role('plain', [grant('files.*'), grant('slow.*')]),
      role('limited', [grant('files.*')], { limit: rates.caller }),
      role('granted', [grant('files.*', { limit: rates.grant })]),
      role('daily', [grant('files.*')], { limit: { tokens: 2, perMs: 24 * 60 * minute, burst: 2 } }),
    ],
  }),
  limits: {
    ...{ body: 100_000, message: 100_000, depth: 64, requestTimeoutMs: 1000, concurrentPerCaller: 32 },
    ...{ openPerCaller: 64, openPerAddress: 64 },
    perAddress: rates.address,
    failedLogins: rates.login,
    badRequests: rates['bad-requests'],
    effects: { destructive: rates.effect },
  },
  callers: { keys: true },
  hosts: new Set(['gateway.example']),
  origins: new Set(),
  upstreamLimits: new Map([['slow', rates.upstream]]),
  doors: { websocket: false, sse: false },
  servers: new Set(['files', 'slow']),
  refusals: 'status',
  keptArguments: () => undefined,
};

/** Strangers that come between two looks at the known ones. */
const atOnce = 20;

/** Callers that spend what they have for the day first. */
const spentCallers = 100;

/** Runs it. The result follows from the seed, memory aside. */
export async function runStrangers(identities: number, seed = 6): Promise<StrangersResult> {
  const random = createRandom(seed);
  let now = 5000;
  const clock = { now: () => now, monotonic: () => now };
  const buckets = createBuckets({ clock });
  const unrecorded = createUnrecorded();
  const ports = makePorts(clock, buckets, unrecorded);
  const send = (what: Sent): Promise<Replied> => runExchange(receive(what, now), ports);
  const watchers = watchedSenders(send);
  for (let index = 0; index < spentCallers; index += 1) await spend(() => send(daily(index)));
  const allowed = new Map<LimitName, number>();
  const take = async (): Promise<void> => {
    for (const { name, attempt } of watchers) {
      const passed = await spend(attempt);
      allowed.set(name, (allowed.get(name) ?? 0) + passed);
    }
  };
  await take();
  const began = now;
  const before = memory();
  const ends: Record<string, number> = {};
  for (let stranger = 0; stranger < identities; stranger += atOnce) {
    for (let index = 0; index < atOnce; index += 1) {
      const end = endOf(await send(strange(stranger + index, random)));
      ends[end] = (ends[end] ?? 0) + 1;
    }
    now += random.integer(40);
    await take();
    unrecorded.flush(ports.audit);
  }
  const after = memory();
  const elapsed = now - began;
  const watched: Watched[] = [];
  for (const { name, attempt } of watchers) {
    const { tokens, perMs, burst } = rates[name];
    const expected = burst + (tokens * elapsed) / perMs;
    // The clock has gone on for those before.
    await spend(attempt);
    const refused = await attempt();
    const promised = 'refusal' in refused ? (refused.refusal.retryAfterMs ?? 0) : 0;
    now += promised - 1;
    const isTooEarly = !isPassed(await attempt());
    now += 1;
    const isPromiseKept = promised > 0 && isTooEarly && isPassed(await attempt());
    watched.push({ name, allowed: allowed.get(name) ?? 0, expected, isPromiseKept });
  }
  let refilled = 0;
  for (let index = 0; index < spentCallers; index += 1) if (isPassed(await send(daily(index)))) refilled += 1;
  return {
    ...{ identities, seconds: elapsed / 1000, watched, refilled, ends },
    ...{ buckets: buckets.size, grown: after - before, used: after },
  };
}

/** A request: where from, with which credential, for which tool, and whether its body can be read. */
interface Sent {
  readonly address: string;
  /** `<role>-<name>`; anything else is no credential. */
  readonly token: string;
  readonly tool?: string;
  readonly isBroken?: boolean;
}

function watchedSenders(
  send: (what: Sent) => Promise<Replied>,
): { name: LimitName; attempt: () => Promise<Replied> }[] {
  const sent: Readonly<Record<LimitName, Sent>> = {
    address: { address: '192.0.2.1', token: 'plain-a' },
    caller: { address: '192.0.2.2', token: 'limited-b' },
    grant: { address: '192.0.2.3', token: 'granted-c' },
    effect: { address: '192.0.2.4', token: 'plain-d', tool: 'files__delete' },
    upstream: { address: '192.0.2.5', token: 'plain-e', tool: 'slow__read' },
    login: { address: '192.0.2.6', token: 'nobody' },
    'bad-requests': { address: '192.0.2.7', token: 'plain-f', isBroken: true },
  };
  return (Object.keys(sent) as LimitName[]).map((name) => ({ name, attempt: () => send(sent[name]) }));
}

function daily(index: number): Sent {
  return { address: `198.51.100.${index}`, token: `daily-spent${index}` };
}

/** A caller that nobody has seen: half of them with a good credential, of IPv4 and IPv6. */
function strange(index: number, random: SeededRandom): Sent {
  const groups = (count: number) => Array.from({ length: count }, () => random.integer(65_536).toString(16)).join(':');
  const isOld = random.chance();
  // 10/8 and 2001:db8::/32 are nobody else's here.
  const address = isOld
    ? `10.${random.integer(256)}.${random.integer(256)}.${random.integer(256)}`
    : `2001:db8:${groups(6)}`;
  return random.chance() ? { address, token: `daily-stranger${index}` } : { address, token: `wrong ${index}` };
}

/** Sends until the first refusal; returns how many passed. */
async function spend(attempt: () => Promise<Replied>): Promise<number> {
  let passed = 0;
  while (isPassed(await attempt())) passed += 1;
  return passed;
}

const limiting: ReadonlySet<string> = new Set(['limited', 'address-limited', 'login-limited', 'bad-requests-limited']);

/** Answered, or refused for another reason than a limit. */
function isPassed(replied: Replied): boolean {
  return !('refusal' in replied) || !limiting.has(replied.refusal.name);
}

function endOf(replied: Replied): string {
  return 'refusal' in replied ? replied.refusal.name : 'answered';
}

function makePorts(clock: Ports['clock'], buckets: Ports['buckets'], unrecorded: Ports['unrecorded']): Ports {
  return {
    ...{ clock, buckets, unrecorded },
    credentials: {
      verify(token) {
        const [name = ''] = token.split('-', 1);
        return rules.policy.roles.has(name) ? { name: token, roles: [name] } : 'invalid';
      },
    },
    blocks: { isBlocked: () => false },
    concurrency: createConcurrency(),
    sessions: { find: () => undefined },
    audit: { durability: 'interval', append: () => 1, durable: () => undefined },
    digest: () => '',
    resolve: ({ message }) => {
      const [upstream = '', name = ''] = String(message.params?.['name']).split('__');
      const target = { kind: 'tool', upstream, name, key: `${upstream}.${name}` } as const;
      return name === 'delete' ? { ...target, effect: 'destructive' } : target;
    },
    invoke: (exchange) => {
      exchange.lease.release();
      return { kind: 'result', body: Buffer.from('{"content":[]}'), isToolError: false, interim: 0 };
    },
    observe: () => undefined,
    isDraining: () => false,
  };
}

const bodies = new Map<string, Buffer>();

function bodyOf(tool: string): Buffer {
  let body = bodies.get(tool);
  if (body === undefined) {
    const capabilities = { 'io.modelcontextprotocol/clientCapabilities': {} };
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', ...capabilities };
    const params = { name: tool, arguments: {}, _meta };
    body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
    bodies.set(tool, body);
  }
  return body;
}

function receive({ address, token, tool = 'files__read', isBroken = false }: Sent, now: number): Received {
  return {
    id: 'x',
    door: 'http',
    path: { kind: 'all' },
    rules,
    time: now,
    started: now,
    address,
    head: {
      version: '1.1',
      method: 'POST',
      target: '/mcp',
      isKnownPath: true,
      repeated: new Set(),
      headers: {
        host: 'gateway.example',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      },
    },
    cancellation: createCanceller(),
    caller: { isOpenable: false, open: () => undefined, send: () => undefined },
    readBody: () => (isBroken ? Buffer.from('{') : bodyOf(tool)),
    marks: [],
  };
}

let collect: (() => void) | undefined;

/** Bytes in use, after what is not has been given back. */
function memory(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
