// A gateway that is stopped and killed again and again while callers of both eras call servers of several kinds: who goes
// on without a new handshake, who is sent to begin anew, and whose answer anybody gets.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createKey,
  createRandom,
  freePorts,
  LegacySession,
  postModern,
  readAudit,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type HttpAnswer,
} from '@sallyport/testkit';

/** How much of it. */
export interface RestartOptions {
  /** Restarts; every second one by SIGKILL, the others by SIGTERM. */
  readonly restarts: number;
  /** Sessions of each kind and modern callers, for each of three principals. */
  readonly each: number;
  /** Milliseconds between a start and the next end. */
  readonly upMs: number;
  readonly seed: number;
  readonly onProgress?: (restarts: number) => void;
}

/** What came of it. */
export interface RestartResult {
  readonly restarts: number;
  /** Calls answered with what they asked for. */
  readonly answered: number;
  /** Of them, by sessions that an earlier process began. */
  readonly goneOn: number;
  /** Sessions that an earlier process began and that were answered in every process since. */
  readonly survivors: number;
  /** Sessions that should have been. */
  readonly plain: number;
  /** 404 for a session whose conversation with a server was gone. */
  readonly begunAnew: number;
  /** Calls whose connection broke, or that found nobody. */
  readonly broken: number;
  /** Calls that were told that the gateway stops, or that a server is not there. */
  readonly refused: number;
  /** Answers that were another call's, and answers that are not explained. */
  readonly wrong: readonly string[];
  /** Sessions that should go on and heard 404. */
  readonly lost: number;
  /** Answers by a server of `share: session` to a session from before. */
  readonly forgotten: number;
  /** Processes of `share: session` that spoke with two sessions. */
  readonly shared: number;
  /** Answered calls without a record of their intent. */
  readonly unrecorded: number;
}

const SERVER = fileURLToPath(new URL('../fixtures/upstreams/echo-server.sh', import.meta.url));
const CALLERS = ['ada', 'bob', 'cyd'];

interface Caller {
  readonly key: string;
  /** `plain` keeps to servers that keep nothing for a session. */
  readonly kind: 'plain' | 'bound' | 'modern';
  session: LegacySession | undefined;
  /** The process that began the session. */
  since: number;
  /** The processes that answered. */
  readonly answeredIn: Set<number>;
}

/** Runs it in a folder of its own. */
export async function runRestarts(options: RestartOptions): Promise<RestartResult> {
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-restart-'));
  const legacy = await startRecordingUpstream({ era: 'legacy', isForgetful: true });
  const modern = await startRecordingUpstream({ era: 'modern', isForgetful: true });
  const [port = 0, adminPort = 0] = await freePorts(2);
  const command = ['/bin/sh', SERVER];
  const start = (): Promise<Gateway> =>
    startGateway({
      dir,
      config: {
        listen: `127.0.0.1:${port}`,
        admin: { listen: `127.0.0.1:${adminPort}` },
        callers: { keys: true },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: '100000/s burst 100000' },
        upstreams: {
          shared: { command, share: 'all' },
          own: { url: legacy.url },
          modern: { url: modern.url },
          kept: { command, share: 'session' },
        },
      },
    });
  let gateway = await start();
  try {
    const keys: string[] = [];
    for (const name of CALLERS) keys.push(await createKey(dir, { name, role: 'everyone' }));
    const callers: Caller[] = keys.flatMap((key) =>
      (['plain', 'bound', 'modern'] as const).flatMap((kind) =>
        Array.from({ length: options.each }, () => makeCaller(key, kind)),
      ),
    );
    const run = createRun(gateway.url, options.seed);
    const over = new AbortController();
    const working = Promise.all(callers.map((caller) => run.work(caller, over.signal)));
    for (let count = 1; count <= options.restarts; count += 1) {
      await pause(options.upMs);
      if (count % 2 === 0) await gateway.kill9();
      else await gateway.stop();
      run.ended();
      gateway = await start();
      run.started();
      options.onProgress?.(count);
    }
    await pause(options.upMs);
    over.abort();
    await working;
    await gateway.stop();
    const plain = callers.filter(({ kind }) => kind === 'plain');
    const intents = new Set(
      (await readAudit(join(dir, 'state', 'audit'))).flatMap(({ kind, exchange }) =>
        kind === 'intent' && exchange !== undefined ? [exchange] : [],
      ),
    );
    return {
      ...run.sum(),
      restarts: options.restarts,
      plain: plain.length,
      survivors: plain.filter(({ answeredIn }) => answeredIn.size === options.restarts + 1).length,
      unrecorded: run.exchanges().filter((id) => !intents.has(id)).length,
    };
  } finally {
    await gateway.stop();
    await legacy.close();
    await modern.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function makeCaller(key: string, kind: Caller['kind']): Caller {
  return { key, kind, session: undefined, since: 0, answeredIn: new Set() };
}

function createRun(url: string, seed: number) {
  const random = createRandom(seed);
  /** Counts processes; `isUp` tells whether the last one is there. */
  let [generation, isUp] = [0, true];
  let [answered, goneOn, begunAnew, broken, refused, lost, forgotten, marks] = [0, 0, 0, 0, 0, 0, 0, 0];
  const wrong: string[] = [];
  const exchanges: string[] = [];
  const spokeWith = new Map<string, Set<string>>();

  async function begin(caller: Caller): Promise<boolean> {
    const before = generation;
    const session = await LegacySession.open(url, { key: caller.key });
    if (session.id === undefined) return false;
    // Begun in the one or the other: the older is told, so that nothing is expected that cannot be.
    caller.since = before;
    caller.session = session;
    caller.answeredIn.clear();
    return true;
  }

  function judge(caller: Caller, server: string, mark: string, answer: HttpAnswer, began: number): void {
    if (answer.status === 404) {
      if (caller.kind === 'bound' && server === 'kept' && caller.since < generation) begunAnew += 1;
      else lost += 1;
      caller.session = undefined;
      return;
    }
    if (/"reason":"(?:unavailable|draining|limited)"/.test(answer.text)) {
      refused += 1;
      return;
    }
    const text = answer.response?.result?.['content'];
    const said = Array.isArray(text) ? String((text[0] as { text?: unknown }).text) : '';
    const found = /mark-\d+-end/.exec(said)?.[0];
    if (answer.status !== 200 || answer.response?.result?.['isError'] === true || found !== mark) {
      wrong.push(`${caller.kind} ${server} ${mark}: ${answer.status} ${answer.text.slice(0, 300)}`);
      return;
    }
    answered += 1;
    exchanges.push(answer.headers['sallyport-exchange'] ?? '');
    if (began === generation) caller.answeredIn.add(began);
    if (caller.kind !== 'modern' && caller.since < began) {
      goneOn += 1;
      if (server === 'kept') forgotten += 1;
    }
    if (server === 'kept') {
      const process = said.split(' ')[0] ?? '';
      spokeWith.set(process, (spokeWith.get(process) ?? new Set()).add(caller.session?.id ?? caller.key));
    }
  }

  return {
    /** From here on only the next process answers. */
    ended(): void {
      generation += 1;
      isUp = false;
    },
    started: (): void => void (isUp = true),
    async work(caller: Caller, signal: AbortSignal): Promise<void> {
      const servers = caller.kind === 'bound' ? ['kept', 'shared', 'own'] : ['shared', 'own', 'modern'];
      while (!signal.aborted) {
        const began = generation;
        const server = servers[random.integer(servers.length)] ?? '';
        const mark = `mark-${(marks += 1)}-end`;
        const params = { name: server === 'shared' || server === 'kept' ? `${server}__who` : `${server}__echo` };
        const request = { ...params, arguments: { mark } };
        try {
          if (caller.kind !== 'modern' && caller.session === undefined && !(await begin(caller))) {
            refused += 1;
          } else {
            const answer =
              caller.session === undefined
                ? await postModern(url, { method: 'tools/call', params: request, key: caller.key })
                : await caller.session.request('tools/call', request);
            judge(caller, server, mark, answer, began);
          }
        } catch {
          broken += 1;
        }
        await pause(isUp ? 5 + random.integer(20) : 50);
      }
    },
    exchanges: () => exchanges,
    sum: () => ({
      ...{ answered, goneOn, begunAnew, broken, refused, wrong, lost, forgotten },
      shared: [...spokeWith.values()].filter((sessions) => sessions.size > 1).length,
    }),
  };
}
