// The stages over a real audit trail whose disk fails at one chosen operation: nothing may happen without a record.
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compilePolicy,
  createBuckets,
  createCanceller,
  createConcurrency,
  createDigest,
  createDisk,
  createExchangeIds,
  deriveKeys,
  openTrail,
  runExchange,
  trailPublicKeys,
  trailSources,
  verifyTrail,
  type AuditDisk,
  type Durability,
  type Grant,
  type Intended,
  type Ports,
  type Received,
  type Replied,
  type Rules,
  type Trail,
} from '@sallyport/guard';
import { createRandom, readAudit, waitFor } from '@sallyport/testkit';

/** What the disk is asked to do. */
export const diskOperations = ['open', 'append', 'sync', 'syncDirectory', 'freeBytes'] as const;

/** One of them. */
export type DiskOperation = (typeof diskOperations)[number];

/** One failure: the `nth` operation of its kind, counted from 1, and `times` - 1 more. */
export interface DiskFailure {
  readonly operation: DiskOperation;
  readonly nth: number;
  readonly times: number;
  /** Error code, e.g. ENOSPC. */
  readonly code: string;
}

/** What came of one session. */
export interface FailingDiskResult {
  /** Operations that the session asked for, by kind. */
  readonly counts: Readonly<Record<DiskOperation, number>>;
  readonly answered: number;
  /** Calls refused as `unrecorded`. */
  readonly refused: number;
  /** Calls that ended in any other way. */
  readonly other: readonly string[];
  /** Calls that ran while no intent of theirs was on disk. */
  readonly unrecorded: number;
  /** Calls that were refused as `unrecorded` and ran all the same. */
  readonly ranThoughRefused: number;
  /** Calls that ran without exactly one intent and one outcome at the end. */
  readonly incomplete: number;
  /** Verdict on the trail at the end. */
  readonly verdict: string;
}

/** Rounds of a session, and calls at once in each. */
const rounds = 5;
const atOnce = 3;

const origin = { file: 'sallyport.yaml', line: 1, column: 1 };
const everything: Grant = { pattern: '*', isSubtraction: false, origin };
const role = { name: 'everyone', tools: [everything], resources: [], prompts: [], deny: [], origin };
const ample = { tokens: 1_000_000, perMs: 1, burst: 1_000_000 };

const rules: Rules = {
  policy: compilePolicy({ deny: [], roles: [role] }),
  limits: {
    body: 1_000_000,
    message: 1_000_000,
    depth: 64,
    requestTimeoutMs: 1000,
    perAddress: ample,
    failedLogins: ample,
    concurrentPerCaller: 100,
    openPerCaller: 64,
    openPerAddress: 64,
  },
  callers: { local: 'everyone', keys: false },
  hosts: new Set(),
  origins: new Set(),
  upstreamLimits: new Map(),
  doors: { websocket: false, sse: false },
  servers: new Set(),
  refusals: 'status',
  keptArguments: () => undefined,
};

const clock = { now: Date.now, monotonic: () => performance.now() };

/**
 * Runs one session of calls over a disk that fails once, then waits until calls pass again.
 *
 * @param durability - when records are synced
 * @param failure - what fails; nothing by default
 */
export async function runFailingDisk(durability: Durability, failure?: DiskFailure): Promise<FailingDiskResult> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-disk-'));
  const counts = { open: 0, append: 0, sync: 0, syncDirectory: 0, freeBytes: 0 };
  const disk = failingDisk(counts, failure);
  try {
    const trail = await open(directory, durability, disk);
    const tally = await runSession(trail, directory);
    await waitFor(() => trail.state === 'healthy' && trail.stats().queued === 0, {
      everyMs: 2,
      what: 'the last record',
    });
    await trail.close();
    // What a failure at the very end left behind is repaired by the next start.
    await (await open(directory, durability, createDisk())).close();
    return { counts, ...tally, ...(await inspectTrail(directory, tally.ran)) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Runs one call whose doing throws, which is a bug of ours.
 *
 * @returns kind and reason of each of its records, and the HTTP status of the answer
 */
export async function runThrowing(): Promise<{ readonly records: readonly string[]; readonly status: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-throw-'));
  try {
    const trail = await open(directory, 'intent', createDisk());
    const ports = makePorts(trail, () => {
      throw new Error('a bug');
    });
    const replied = await runExchange(receiveCall('thrown'), ports);
    await trail.close();
    const own = (await readAudit(directory)).filter(({ exchange }) => exchange === 'thrown');
    return {
      records: own.map(({ kind, outcome }) => `${kind} ${outcome?.reason ?? ''}`.trimEnd()),
      status: replied.reply.status,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function open(directory: string, durability: Durability, disk: AuditDisk): Promise<Trail> {
  const trail = await openTrail({
    directory,
    durability,
    disk,
    clock,
    signing: deriveKeys({ current: createRandom(1).bytes(32) }).current.auditSigning,
    processName: 'failing',
    rotateBytes: 4096,
    checkpointEvery: { ms: 60_000, records: 6 },
    // Looks for a disk that works again a hundred times as often as usual, so that the session is short.
    schedule: (ms, task) => {
      const timer = setTimeout(task, ms / 100);
      return () => clearTimeout(timer);
    },
  });
  if ('fault' in trail) throw new Error(trail.message, { cause: trail.cause });
  return trail;
}

/** The real disk, counting what it is asked, and failing when told to. */
function failingDisk(counts: Record<DiskOperation, number>, failure: DiskFailure | undefined): AuditDisk {
  const real = createDisk();
  const fails = (operation: DiskOperation): Error | undefined => {
    counts[operation] += 1;
    const after = counts[operation] - (failure?.nth ?? 0);
    if (failure?.operation !== operation || after < 0 || after >= failure.times) return undefined;
    return Object.assign(new Error(`${failure.code}: ${operation} fails on purpose`), { code: failure.code });
  };
  const attempt = async <T>(operation: DiskOperation, work: () => Promise<T>): Promise<T> => {
    const error = fails(operation);
    if (error !== undefined) throw error;
    return work();
  };
  return {
    ...real,
    openAppend: (path) =>
      attempt('open', async () => {
        const file = await real.openAppend(path);
        return {
          append: async (bytes) => {
            const error = fails('append');
            // A failing write may leave a part behind.
            await file.append(error === undefined ? bytes : bytes.subarray(0, bytes.length >> 1));
            if (error !== undefined) throw error;
          },
          sync: () => attempt('sync', () => file.sync()),
          close: () => file.close(),
        };
      }),
    syncDirectory: (path) => attempt('syncDirectory', () => real.syncDirectory(path)),
    freeBytes: (path) => attempt('freeBytes', () => real.freeBytes(path)),
  };
}

interface Tally {
  readonly answered: number;
  readonly refused: number;
  readonly other: readonly string[];
  readonly unrecorded: number;
  readonly ranThoughRefused: number;
  /** Exchange ids of the calls that ran. */
  readonly ran: ReadonlySet<string>;
}

async function runSession(trail: Trail, directory: string): Promise<Tally> {
  const nextId = createExchangeIds(createRandom(2));
  const ran = new Set<string>();
  let unrecorded = 0;
  const ports = makePorts(trail, ({ id }) => {
    ran.add(id);
    if (!isOnDisk(directory, id)) unrecorded += 1;
  });
  let [answered, refused, ranThoughRefused] = [0, 0, 0];
  const other: string[] = [];
  const note = (replied: Replied): void => {
    if (!('refusal' in replied)) {
      answered += 1;
    } else if (replied.refusal.name === 'unrecorded' && replied.reply.status === 503) {
      refused += 1;
      if (ran.has(replied.id)) ranThoughRefused += 1;
    } else {
      other.push(`${replied.refusal.name} ${replied.reply.status}`);
    }
  };
  for (let round = 0; round < rounds; round++) {
    const calls = Array.from({ length: atOnce }, () => runExchange(receiveCall(nextId()), ports));
    for (const replied of await Promise.all(calls)) note(replied);
  }
  await waitFor(
    async () => {
      const before = answered;
      note(await runExchange(receiveCall(nextId()), ports));
      return answered > before;
    },
    { everyMs: 2, what: 'calls to be taken again' },
  );
  return { answered, refused, other, unrecorded, ranThoughRefused, ran };
}

/** What the operating system would give to somebody who looks right now. */
function isOnDisk(directory: string, exchange: string): boolean {
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  const intent = `"exchange":"${exchange}","kind":"intent"`;
  return names.some((name) =>
    readIfThere(join(directory, name))
      .split('\n')
      .slice(0, -1)
      .some((line) => line.includes(intent) && line.endsWith('"}')),
  );
}

/** A repair may remove a file that a failed write has made between listing and reading; such a file holds nothing. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function makePorts(trail: Trail, onInvoke: (exchange: Intended) => void): Ports {
  return {
    clock,
    credentials: { verify: () => 'invalid' },
    blocks: { isBlocked: () => false },
    buckets: createBuckets({ clock }),
    concurrency: createConcurrency(),
    sessions: { find: () => undefined },
    audit: trail,
    unrecorded: { count: () => undefined },
    digest: createDigest(createRandom(3).bytes(32)),
    resolve: () => ({ kind: 'tool', upstream: 'files', name: 'write', key: 'files.write' }),
    invoke: (exchange) => {
      onInvoke(exchange);
      return { kind: 'result', body: Buffer.from('{"content":[]}'), isToolError: false, interim: 0 };
    },
    observe: () => undefined,
    isDraining: () => false,
  };
}

const call = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'files__write',
      arguments: {},
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  }),
);

function receiveCall(id: string): Received {
  return {
    id,
    door: 'stdio',
    path: { kind: 'all' },
    rules,
    time: clock.now(),
    started: clock.monotonic(),
    address: 'local',
    localUser: 'tester',
    cancellation: createCanceller(),
    caller: { isOpenable: true, open: () => undefined, send: () => undefined },
    readBody: () => call,
    marks: [],
  };
}

async function inspectTrail(
  directory: string,
  ran: ReadonlySet<string>,
): Promise<{ readonly incomplete: number; readonly verdict: string }> {
  const verified = await verifyTrail(await trailSources(directory), await trailPublicKeys(directory));
  const records = Map.groupBy(await readAudit(directory), ({ exchange }) => exchange ?? '');
  let incomplete = 0;
  for (const id of ran) {
    const kinds = (records.get(id) ?? []).map(({ kind }) => kind).join(' ');
    if (kinds !== 'intent outcome') incomplete += 1;
  }
  return { incomplete, verdict: verified.verdict };
}
