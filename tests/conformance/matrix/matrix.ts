/** The matrix of callers and servers: its cells, what each step of a cell has to end as, and how a cell is run. */

import { join } from 'node:path';
import { bridgings } from '@sallyport/gateway';
import type { Bridging } from '@sallyport/gateway';
import type { Era } from '@sallyport/protocol';
import { createKey, postModern, readAudit, runSallyport, startGateway, waitFor } from '@sallyport/testkit';
import type { AuditLine, Gateway } from '@sallyport/testkit';
import { callerKinds, openCaller } from './caller.ts';
import type { Caller, CallerKind } from './caller.ts';
import { journey } from './journey.ts';
import type { StepName } from './journey.ts';
import type { Destination, Line } from './lines.ts';
import { serverKinds, startServer } from './servers.ts';
import type { MatrixServer, ServerName } from './servers.ts';

/** The kinds of servers, and the servers that stand for each. */
export const upstreamKinds = {
  'modern HTTP': ['http-modern'],
  'legacy HTTP': ['http-legacy'],
  'modern stdio': ['stdio-modern'],
  'legacy stdio': ['stdio-legacy'],
  SSE: ['sse'],
  WebSocket: ['websocket-modern', 'websocket-legacy'],
} as const satisfies Readonly<Record<string, readonly ServerName[]>>;

/** A kind of server. */
export type UpstreamKind = keyof typeof upstreamKinds;

const keysOf = <Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] => Object.keys(table) as Key[];

/** The steps, in order. */
export const steps: readonly StepName[] = keysOf(journey);

/** Every cell, row by row. */
export const cells: readonly (readonly [CallerKind, UpstreamKind])[] = keysOf(callerKinds).flatMap((caller) =>
  keysOf(upstreamKinds).map((upstream) => [caller, upstream] as const),
);

type Crossing = 'legacy to modern' | 'modern to legacy';

const both = (what: string): Readonly<Record<Crossing, string>> => ({
  'legacy to modern': what,
  'modern to legacy': what,
});

/** What each step is called in the table of what crosses the eras (docs/bridging.md). */
const crossings: Readonly<Record<StepName, Readonly<Record<Crossing, string>>>> = {
  list: both('results'),
  call: both('requests'),
  progress: { 'legacy to modern': 'requests', 'modern to legacy': 'progress' },
  cancel: { 'legacy to modern': 'notifications/cancelled', 'modern to legacy': 'closing the connection' },
  resource: both('results'),
  subscribe: {
    'legacy to modern': 'resources/subscribe and unsubscribe',
    'modern to legacy': 'subscriptions/listen: resources',
  },
  prompt: both('results'),
  completion: both('requests'),
  elicitation: both('questions (elicitation, sampling, roots)'),
  sampling: both('questions (elicitation, sampling, roots)'),
  error: both('a resource that is not there'),
  'big result': both('results'),
};

/**
 * The row of the bridge's table that says what becomes of a step between two eras.
 * @returns `undefined` where the table has no such row.
 */
export function rowOf(step: StepName, from: Era, to: Era): Bridging | undefined {
  const what = crossings[step][from === 'legacy' ? 'legacy to modern' : 'modern to legacy'];
  return bridgings.find((row) => row.from === from && row.to === to && row.what === what);
}

/** How a step of a cell ended. */
export interface StepResult {
  readonly step: StepName;
  /** What was wrong, and between which eras; absent when it passed. */
  readonly failure?: string;
}

/** A gateway with every door open and every server behind it. */
export interface Matrix {
  readonly gateway: Gateway;
  /** Takes the whole journey from one caller to one kind of server, once for each pair of their eras. */
  run(caller: CallerKind, upstream: UpstreamKind): Promise<readonly StepResult[]>;
  /** Holds the audit trail against every request that was sent. */
  audit(): Promise<AuditCheck>;
  close(): Promise<void>;
}

/** What the audit trail says. */
export interface AuditCheck {
  /** Requests that have to leave an intent before anything happens. */
  readonly sent: number;
  /** Callers, servers and methods whose number of intents is another than that of their requests. */
  readonly differences: readonly string[];
  /** Intents that did not end in exactly one record. */
  readonly open: number;
  /** Code and output of `audit verify`. */
  readonly verified: { readonly code: number; readonly stdout: string };
}

const asksIntent = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
]);

/** Starts it all. */
export async function openMatrix(): Promise<Matrix> {
  const names = keysOf(serverKinds);
  const servers = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await startServer(name)] as const)),
  ) as Record<ServerName, MatrixServer>;
  const share = { share: 'caller', ask: ['elicitation', 'sampling'] };
  const gateway = await startGateway({
    config: {
      admin: false,
      doors: { websocket: 'on', sse: 'on' },
      callers: { keys: true, local: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: Object.fromEntries(names.map((name) => [name, { ...servers[name].entry, ...share }])),
    },
  });
  const key = await createKey(gateway.dir, { name: 'matrix', role: 'everyone' });
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key })).status === 200, {
    what: 'the key to work',
  });
  const origin = `http://${gateway.host}:${gateway.port}`;
  const sent = new Map<string, number>();
  let journeys = 0;

  async function travel(
    kind: CallerKind,
    open: (to: Destination) => Promise<Line>,
    name: ServerName,
  ): Promise<readonly (readonly [StepName, string | undefined])[]> {
    const to = { origin, server: name, key, configPath: gateway.configPath, dir: gateway.dir };
    const caller = await openCaller(open, to, kind === 'stdio');
    const mark = `journey-${(journeys += 1)}`;
    try {
      const ends: (readonly [StepName, string | undefined])[] = [];
      for (const step of steps) ends.push([step, await take(step, caller, servers[name], mark)]);
      return ends;
    } finally {
      await caller.close();
      for (const [method, count] of caller.sent) {
        if (asksIntent.has(method)) add(sent, keyOf(kind === 'stdio' ? 'local' : 'key', name, method), count);
      }
    }
  }

  return {
    gateway,
    async run(kind, upstream) {
      const ends: (readonly [StepName, string | undefined])[] = [];
      for (const open of Object.values<(to: Destination) => Promise<Line>>(callerKinds[kind])) {
        for (const name of upstreamKinds[upstream]) ends.push(...(await travel(kind, open, name)));
      }
      return steps.map((step) => {
        const failures = ends.flatMap(([name, failure]) => (name === step && failure !== undefined ? [failure] : []));
        return failures.length === 0 ? { step } : { step, failure: failures.join('; ') };
      });
    },
    audit: () => checkAudit(gateway, sent),
    async close() {
      await gateway.stop();
      await Promise.all(names.map((name) => servers[name].close()));
    },
  };
}

/** Takes one step. Gives what was wrong. */
async function take(step: StepName, caller: Caller, server: MatrixServer, mark: string): Promise<string | undefined> {
  const eras = `${caller.era} to ${server.era}`;
  try {
    await journey[step](caller, server, mark);
    return undefined;
  } catch (error) {
    return `${eras}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** How many intents did not end in exactly one record: an outcome, or a refusal where the caller called it off. */
function openIn(lines: readonly AuditLine[]): number {
  const ends = new Map<string, number>();
  for (const { kind, exchange = '', target } of lines) {
    // What a server asked meanwhile has a record of its own.
    if ((kind === 'outcome' || kind === 'refusal') && target?.kind !== 'caller') add(ends, exchange, 1);
  }
  return lines.filter(({ kind, exchange = '' }) => kind === 'intent' && ends.get(exchange) !== 1).length;
}

/** Who asked which server for what. A listening may be for many servers, so its record names none. */
function keyOf(caller: string | undefined, server: string | undefined, method: string | undefined): string {
  return method === 'subscriptions/listen' ? `${caller} ${method}` : `${caller} ${server} ${method}`;
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

async function checkAudit(gateway: Gateway, sent: ReadonlyMap<string, number>): Promise<AuditCheck> {
  const read = () => readAudit(join(gateway.dir, 'state', 'audit'));
  // Endings are written behind the answers. What stays away shows below.
  await waitFor(async () => openIn(await read()) === 0, { what: 'every ending' }).catch(() => undefined);
  const lines = await read();
  const found = new Map<string, number>();
  for (const { kind, principal, target, method } of lines) {
    if (kind !== 'intent') continue;
    add(found, keyOf(principal?.id?.split(':')[0], target?.upstream, method), 1);
  }
  const keys = new Set([...sent.keys(), ...found.keys()]);
  const differences = [...keys]
    .filter((key) => sent.get(key) !== found.get(key))
    .map((key) => `${key}: ${sent.get(key) ?? 0} sent, ${found.get(key) ?? 0} intents`);
  const verified = await runSallyport(['audit', 'verify', '-c', gateway.configPath], gateway.dir, {
    isFailureFine: true,
  });
  return {
    sent: [...sent.values()].reduce((sum, count) => sum + count, 0),
    differences,
    open: openIn(lines),
    verified,
  };
}
