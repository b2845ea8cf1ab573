// Sessions that are opened and dropped while the processes of servers are killed each second: who speaks with which
// process, what is left behind, and what it costs the gateway.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createKey,
  createRandom,
  LegacySession,
  startGateway,
  waitFor,
  type Gateway,
  type HttpAnswer,
} from '@sallyport/testkit';

/** How much of it. */
export interface ChurnOptions {
  readonly sessions: number;
  /** Sessions begun in a second, at most. */
  readonly perSecond: number;
  readonly seed: number;
  /** Told each second how far it is. */
  readonly onProgress?: (done: number) => void;
}

/** What came of it. */
export interface ChurnResult {
  readonly sessions: number;
  readonly seconds: number;
  readonly kills: number;
  /** Processes of servers that spoke. */
  readonly processes: number;
  readonly answered: number;
  /** Calls that met a killed server, or one that waits for its next try. */
  readonly refused: number;
  /** Answers that were another call's. */
  readonly wrong: number;
  /** Processes of `share: caller` that spoke with two callers. */
  readonly sharedByCallers: number;
  /** Processes of `share: session` that spoke with two sessions. */
  readonly sharedBySessions: number;
  /** Open descriptors of the gateway, once it was warm and after the last session. */
  readonly descriptors: readonly [before: number, after: number];
  /**
   * Resident memory of the gateway, bytes: its lowest in the first half, once it was warm, and in the second. What is
   * above is garbage that was not yet collected.
   */
  readonly memory: readonly [before: number, after: number];
  /** Its highest, bytes. */
  readonly peak: number;
  /** Processes below the gateway after the last session, besides one of each server. */
  readonly leftOver: number;
  /** Processes of servers that outlived the gateway. */
  readonly orphans: number;
}

const SERVER = fileURLToPath(new URL('../fixtures/upstreams/echo-server.sh', import.meta.url));
const SHARES = ['all', 'caller', 'session'] as const;
const CALLERS = ['ada', 'bob', 'cyd', 'dan'];
const WORKERS = 6;
/** Part of all sessions after which it counts as warm. */
const WARM = 0.1;

interface Sample {
  readonly done: number;
  readonly memory: number;
  readonly descriptors: number;
}

/** Runs the churn behind one gateway with a server of each kind of sharing. */
export async function runChurn(options: ChurnOptions): Promise<ChurnResult> {
  const gateway = await startGateway({
    config: {
      callers: { keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: Object.fromEntries(SHARES.map((share) => [share, { command: ['/bin/sh', SERVER], share }])),
    },
  });
  try {
    const keys: string[] = [];
    for (const name of CALLERS) keys.push(await createKey(gateway.dir, { name, role: 'everyone' }));
    return await churn(gateway, keys, options);
  } finally {
    await gateway.stop();
  }
}

async function churn(gateway: Gateway, keys: readonly string[], options: ChurnOptions): Promise<ChurnResult> {
  const random = createRandom(options.seed);
  const gatewayPid = gateway.process.pid ?? 0;
  const book = createBook();
  const samples: Sample[] = [];
  const started = performance.now();
  let [begun, done, kills] = [0, 0, 0];
  const open: LegacySession[] = [];

  const work = async (worker: number): Promise<void> => {
    for (let turn = begun++; turn < options.sessions; turn = begun++) {
      const due = started + (turn * 1000) / options.perSecond;
      await pause(Math.max(0, due - performance.now()));
      const caller = (worker + turn) % keys.length;
      const session = await LegacySession.open(gateway.url, { key: keys[caller] ?? '' });
      for (const share of SHARES) {
        const mark = `${turn}-${share}-${random.integer(1_000_000)}`;
        const params = { name: `${share}__who`, arguments: { mark } };
        book.note(share, mark, caller, turn, await session.request('tools/call', params));
      }
      // Every third is dropped as a program does that crashes.
      if (turn % 3 === 0) open.push(session);
      else await session.close();
      done += 1;
    }
  };
  const over = new AbortController();
  const disturb = async (): Promise<void> => {
    for (let second = 1; !over.signal.aborted; second += 1) {
      await pause(Math.max(0, started + second * 1000 - performance.now()));
      if (over.signal.aborted) return;
      const family = belowOf(gatewayPid);
      const victim = family[random.integer(Math.max(1, family.length))];
      if (victim !== undefined && kill(victim)) kills += 1;
      samples.push({ done, memory: residentBytes(gatewayPid), descriptors: descriptorsOf(gatewayPid) });
      options.onProgress?.(done);
    }
  };
  const disturbing = disturb();
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  over.abort();
  await disturbing;
  const seconds = (performance.now() - started) / 1000;

  const lowest = (from: number, to: number): number =>
    Math.min(
      ...samples
        .filter((sample) => sample.done >= options.sessions * from && sample.done <= options.sessions * to)
        .map((sample) => sample.memory),
    );
  for (const session of open) await session.close();
  const before = Math.min(...samples.map((sample) => sample.descriptors));
  await waitFor(() => belowOf(gatewayPid).length <= SHARES.length + CALLERS.length, {
    ...{ ceilingMs: 60_000, everyMs: 200, what: 'the processes of ended sessions to be gone' },
  }).catch(() => undefined);
  const left = belowOf(gatewayPid);
  const after = descriptorsOf(gatewayPid);
  await gateway.stop();
  return {
    ...book.sum(),
    sessions: done,
    seconds,
    kills,
    descriptors: [before, after],
    memory: [lowest(WARM, 0.5), lowest(0.5, 1)],
    peak: Math.max(...samples.map((sample) => sample.memory)),
    // One of each server is the gateway's own, and each caller keeps its one of `share: caller`.
    leftOver: Math.max(0, left.length - SHARES.length - CALLERS.length),
    orphans: [...left, ...book.pids()].filter(isServer).length,
  };
}

/** Keeps who spoke with which process. */
function createBook() {
  const owners = { all: new Map<string, Set<number>>(), caller: new Map<string, Set<number>>() };
  const sessions = new Map<string, Set<number>>();
  let [answered, refused, wrong] = [0, 0, 0];
  const add = (table: Map<string, Set<number>>, spoke: string, who: number): void => {
    const known = table.get(spoke) ?? new Set();
    table.set(spoke, known.add(who));
  };
  const several = (table: ReadonlyMap<string, ReadonlySet<number>>): number =>
    [...table.values()].filter((who) => who.size > 1).length;
  return {
    note(share: (typeof SHARES)[number], mark: string, caller: number, session: number, answer: HttpAnswer): void {
      const said = /"text":"(\d+-\d+) ([^"]*)"/.exec(answer.text);
      if (said === null || answer.text.includes('"isError":true')) {
        if (/"reason":"(?:unavailable|limited)"/.test(answer.text)) refused += 1;
        else wrong += 1;
        return;
      }
      answered += 1;
      if (said[2] !== mark) wrong += 1;
      const spoke = said[1] ?? '';
      if (share === 'session') add(sessions, spoke, session);
      else add(owners[share], spoke, caller);
    },
    pids: (): number[] =>
      [...owners.all.keys(), ...owners.caller.keys(), ...sessions.keys()].map((spoke) => Number(spoke.split('-')[0])),
    sum: () => ({
      processes: owners.all.size + owners.caller.size + sessions.size,
      answered,
      refused,
      wrong,
      sharedByCallers: several(owners.caller),
      sharedBySessions: several(sessions),
    }),
  };
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(fileOf(pid, 'status'))?.[1] ?? 0) * 1024;
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Living processes below one. */
function belowOf(ancestor: number): number[] {
  const rows = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), status: fileOf(Number(name), 'status') }))
    .filter(({ status }) => status !== '' && !/^State:\s+[ZX]/m.test(status));
  const found = [ancestor];
  for (const each of found) {
    for (const { pid, status } of rows) {
      if (Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) === each) found.push(pid);
    }
  }
  return found.slice(1);
}

/** A number may be another program's by now. */
function isServer(pid: number): boolean {
  return fileOf(pid, 'cmdline').includes(SERVER) && !/^State:\s+[ZX]/m.test(fileOf(pid, 'status'));
}

function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
}
