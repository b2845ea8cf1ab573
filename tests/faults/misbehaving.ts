// Stdio servers that misbehave behind the real gateway: what callers get, what it costs, and what is left at the end.
import { readFileSync, readdirSync } from 'node:fs';
import {
  postModern,
  runSallyport,
  startGateway,
  startRecordingSocket,
  startRecordingSse,
  startRecordingUpstream,
  stubStdioCommand,
  waitFor,
  type Gateway,
  type HttpAnswer,
} from '@sallyport/testkit';

/** How one call ended. */
export interface BadCall {
  /** From the trouble to the answer, milliseconds. */
  readonly ms: number;
  /** Reason of the refusal. */
  readonly reason: string | undefined;
  /** Whether a call right after it was answered. */
  readonly isBack: boolean;
}

/** What came of all of them. */
export interface StubbornResult {
  /** The server's process was killed while it worked on the call. */
  readonly killed: BadCall;
  /** The server never answers. */
  readonly silent: BadCall & { readonly deadlineMs: number };
  /** The server prints without a line end. `grown`: the gateway's resident memory, bytes, at its most. */
  readonly flooded: BadCall & { readonly grown: number };
  /** Processes of servers before the gateway was stopped. */
  readonly family: number;
  /** How many of them are alive after it. */
  readonly orphans: number;
  readonly stopMs: number;
}

const deadlineMs = 1500;

/**
 * Runs all of them behind one gateway.
 *
 * @param floodBytes - how much is printed without a line end
 */
export async function runStubborn(floodBytes: number): Promise<StubbornResult> {
  const gateway = await startGateway({
    config: {
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: {
        mortal: { command: stubStdioCommand() },
        silent: { command: stubStdioCommand(), timeout: `${deadlineMs}ms`, maxTime: `${deadlineMs}ms` },
        loud: { command: stubStdioCommand(), timeout: '3s' },
        stubborn: { command: stubStdioCommand({ ignoresTerm: true, forks: true }) },
      },
    },
  });
  try {
    const killed = await killMidCall(gateway);
    const silent = { ...(await timeCall(gateway, 'silent', 'never', {})), deadlineMs };
    const flooded = await flood(gateway, floodBytes);
    const { pid, childPid } = await pidsOf(gateway, 'stubborn');
    const family = new Set([...descendantsOf(gateway.process.pid ?? 0), pid, childPid]);
    const started = performance.now();
    await gateway.stop();
    const stopMs = performance.now() - started;
    return { killed, silent, flooded, family: family.size, orphans: [...family].filter(isAlive).length, stopMs };
  } finally {
    await gateway.stop();
  }
}

/** What callers of a healthy server notice of the sick ones beside it. */
export interface SickResult {
  /** State of each server as `sallyport status` tells it. */
  readonly states: Readonly<Record<string, string>>;
  /** What `sallyport status` prints for people. */
  readonly printed: string;
  /** Whether the tools of the healthy server were listed. */
  readonly isListed: boolean;
  /** From the start of the first call to its answer, right after the gateway began to listen, milliseconds. */
  readonly firstCallMs: number;
  /** Reasons of the refusals of calls to those that are known to be sick. */
  readonly reasons: readonly (string | undefined)[];
  /** The slowest of those, milliseconds. */
  readonly refusalMs: number;
}

/** Runs a healthy server beside one that is absent, one that ends at once, one that never answers and one that lies. */
export async function runBesideSick(): Promise<SickResult> {
  const [live, older] = await Promise.all([startRecordingSocket(), startRecordingSse()]);
  const lying = await startRecordingUpstream({ script: () => ({ kind: 'raw', body: '<html>not MCP</html>' }) });
  const gateway = await startGateway({
    config: {
      // So that calling begins as soon as it listens, and not when every server is known to be well or sick.
      admin: false,
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: {
        well: { command: stubStdioCommand() },
        absent: { url: 'http://127.0.0.1:9/mcp' },
        broken: { command: [process.execPath, '-e', 'process.exit(1)'] },
        silent: { command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] },
        lying: { url: lying.url },
        deaf: { url: lying.url.replace('http:', 'ws:') },
        live: { url: live.url },
        older: { url: older.url },
      },
    },
  });
  try {
    const started = performance.now();
    await callTool(gateway, 'well', 'echo', { mark: 'first' });
    const firstCallMs = performance.now() - started;
    const isWell = await isBack(gateway, 'well');
    const list = await postModern(gateway.url, { method: 'tools/list' });
    const before = performance.now();
    const answers = await Promise.all(
      ['absent', 'broken', 'lying'].map((server) =>
        postModern(gateway.url, { method: 'resources/read', params: { uri: `mcp+${server}:test://one` } }),
      ),
    );
    const refusalMs = performance.now() - before;
    const { stdout } = await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir, {
      isFailureFine: true,
    });
    const printed = await runSallyport(['status', '-c', gateway.configPath], gateway.dir, { isFailureFine: true });
    return {
      states: statesIn(JSON.parse(stdout)),
      printed: printed.stdout,
      isListed: isWell && list.text.includes('"well__echo"'),
      firstCallMs,
      reasons: answers.map(reasonOf),
      refusalMs,
    };
  } finally {
    await gateway.stop();
    await Promise.all([lying, live, older].map((server) => server.close()));
  }
}

/** Finds `{ name, state }` wherever it stands. */
function statesIn(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  const own =
    'name' in value && 'state' in value && typeof value.name === 'string' && typeof value.state === 'string'
      ? { [value.name]: value.state }
      : {};
  return Object.assign(own, ...Object.values(value).map(statesIn));
}

function callTool(gateway: Gateway, server: string, name: string, args: object = {}): Promise<HttpAnswer> {
  return postModern(gateway.url, { method: 'tools/call', params: { name: `${server}__${name}`, arguments: args } });
}

function reasonOf({ text }: HttpAnswer): string | undefined {
  return /"reason":"([a-z-]+)"/.exec(text)?.[1];
}

async function isBack(gateway: Gateway, server: string): Promise<boolean> {
  const answer = await callTool(gateway, server, 'echo', { mark: 'again' });
  return reasonOf(answer) === undefined && answer.text.includes('again');
}

async function timeCall(gateway: Gateway, server: string, name: string, args: object): Promise<BadCall> {
  const started = performance.now();
  const answer = await callTool(gateway, server, name, args);
  const ms = performance.now() - started;
  return { ms, reason: reasonOf(answer), isBack: await isBack(gateway, server) };
}

async function killMidCall(gateway: Gateway): Promise<BadCall> {
  const { pid } = await pidsOf(gateway, 'mortal');
  const waiting = callTool(gateway, 'mortal', 'slow', { ms: 60_000 });
  // The call is on its way once another that was sent after it has been answered.
  await callTool(gateway, 'mortal', 'echo');
  const started = performance.now();
  process.kill(pid, 'SIGKILL');
  const answer = await waiting;
  return { ms: performance.now() - started, reason: reasonOf(answer), isBack: await isBack(gateway, 'mortal') };
}

async function flood(gateway: Gateway, bytes: number): Promise<BadCall & { readonly grown: number }> {
  const pid = gateway.process.pid ?? 0;
  const before = residentBytes(pid);
  let most = before;
  const sampler = setInterval(() => (most = Math.max(most, residentBytes(pid))), 20);
  const started = performance.now();
  const call = callTool(gateway, 'loud', 'flood', { bytes });
  // The flood never ends in an answer, and what the server says next still belongs to its endless line.
  const returned = await waitFor(() => isBack(gateway, 'loud'), { ceilingMs: 120_000, what: 'the flood to be over' });
  clearInterval(sampler);
  return { ms: performance.now() - started, reason: reasonOf(await call), isBack: returned, grown: most - before };
}

async function pidsOf(gateway: Gateway, server: string): Promise<{ readonly pid: number; readonly childPid: number }> {
  const { text } = await callTool(gateway, server, 'pid');
  const [pid, childPid] = [/"pid\\*":(\d+)/.exec(text)?.[1], /"childPid\\*":(\d+)/.exec(text)?.[1]];
  if (pid === undefined) throw new Error(`no process number in ${text}`);
  return { pid: Number(pid), childPid: Number(childPid ?? pid) };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(statusOf(pid))?.[1] ?? 0) * 1024;
}

/** Processes below a process, as the system lists them. */
function descendantsOf(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : undefined;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const found = [ancestor];
  for (const each of found) for (const [pid, parent] of parents) if (parent === each) found.push(pid);
  return found.slice(1);
}

function parentOf(pid: number): number | undefined {
  const status = statusOf(pid);
  const parent = /^PPid:\s+(\d+)$/m.exec(status)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
}

function isAlive(pid: number): boolean {
  const status = statusOf(pid);
  return status !== '' && !/^State:\s+[ZX]/m.test(status);
}
