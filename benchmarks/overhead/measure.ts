// Measures a line-up of arms: all are started, then each gets its turn in every round, so that what disturbs the machine
// disturbs all of them alike.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotServe, fileOf, type Arm, type RunningArm } from './arms/arm.ts';
import type { CallShape } from './call-template.ts';
import type { EchoEra } from './echo.ts';
import type { Answer, LoadOrder, LoadResult, UpstreamOrder } from './load-order.ts';
import { nodeCommand, rssMib, start, type Running } from './process.ts';

/** One arm in one setting. */
export interface Subject {
  /** What it is called in the report; one of its kind in a line-up. */
  readonly label: string;
  readonly arm: Arm;
  readonly tools: number;
  readonly keys: number;
  /** What is asked for; default: a tools/call. */
  readonly request?: CallShape['request'];
}

/** How the calls are. */
export interface Calls {
  readonly callers: number;
  /** Bytes of a call's body; the answer has about as many. */
  readonly bytes: number;
  /** Calls a second; without it, as many as can be had. */
  readonly rate?: number;
  /** Keeps the load's core from sleeping; see README. */
  readonly isAwake: boolean;
}

/** How long. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** One subject's turn in one round. */
export interface Turn extends LoadResult {
  readonly rssMib: number;
}

/** What was found about a subject; either rounds or why there are none. */
export interface Finding {
  readonly subject: Subject;
  readonly turns: readonly Turn[];
  readonly cannot?: string;
}

/** Started subjects with a load generator; measure as often as you like, then stop. */
export interface LineUp {
  /** One finding for each subject, in their order. */
  run(calls: Calls, effort: Effort): Promise<readonly Finding[]>;
  /** The process of a subject; undefined when it cannot serve. */
  running(label: string): RunningArm | undefined;
  stop(): Promise<void>;
}

type Started = { readonly subject: Subject; readonly arm?: RunningArm; readonly cannot?: string };

/**
 * Starts subjects.
 *
 * @param subjects - who takes part
 * @param note - told what happens, for people
 */
export async function startLineUp(subjects: readonly Subject[], note: (line: string) => void): Promise<LineUp> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-overhead-'));
  const load = start(nodeCommand(fileOf('load.ts')), { core: 'load', hasChannel: true });
  const upstreams = new Map<string, number>();
  const started: Started[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map(async ({ arm }) => arm?.stop()));
    await load.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const subject of subjects) {
      const { tools, arm } = subject;
      const { upstreamEra = 'both' } = arm;
      const kind = `${tools} ${upstreamEra}`;
      const upstream = upstreams.get(kind) ?? (await startUpstream(load, tools, upstreamEra));
      upstreams.set(kind, upstream);
      note(`starting ${subject.label}`);
      started.push(await startSubject(subject, upstream, await mkdtemp(join(folder, 'arm-'))));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async run(calls, effort) {
      const turns = started.map((): Turn[] => []);
      const failures = new Map<string, string>();
      for (let round = 0; round < effort.rounds; round += 1) {
        for (const [index, { subject, arm }] of started.entries()) {
          if (arm === undefined || failures.has(subject.label)) continue;
          const found = await measureTurn(load, arm, subject, calls, effort);
          if (typeof found === 'string') {
            failures.set(subject.label, found);
            note(`${subject.label}: ${found}`);
            continue;
          }
          turns[index]?.push(found);
          note(`round ${round + 1}/${effort.rounds} ${subject.label}: ${Math.round(found.calls / found.seconds)}/s`);
        }
      }
      return started.map(({ subject, cannot }, index) => {
        const reason = cannot ?? failures.get(subject.label);
        return { subject, turns: turns[index] ?? [], ...(reason === undefined ? {} : { cannot: reason }) };
      });
    },
    running: (label) => started.find(({ subject }) => subject.label === label)?.arm,
    stop,
  };
}

async function startSubject(subject: Subject, upstreamPort: number, folder: string): Promise<Started> {
  const { tools, keys } = subject;
  try {
    return { subject, arm: await subject.arm.start({ tools, keys, upstreamPort, folder }) };
  } catch (error) {
    if (error instanceof CannotServe) return { subject, cannot: error.message };
    throw error;
  }
}

async function measureTurn(
  load: Running,
  arm: RunningArm,
  subject: Subject,
  calls: Calls,
  effort: Effort,
): Promise<Turn | string> {
  const answer = await order(load, {
    kind: 'load',
    port: arm.port,
    dialect: arm.dialect,
    shape: {
      bytes: calls.bytes,
      tools: subject.tools,
      keys: arm.keys,
      ...(subject.request === undefined ? {} : { request: subject.request }),
    },
    callers: calls.callers,
    ...(calls.rate === undefined ? {} : { rate: calls.rate }),
    isAwake: calls.isAwake,
    warmupMs: effort.warmupSeconds * 1000,
    ms: effort.seconds * 1000,
    pid: arm.pid,
  });
  if ('failed' in answer) return answer.failed;
  if ('port' in answer) throw new Error('the load generator answered another order');
  return { ...answer.found, rssMib: rssMib(arm.pid) };
}

async function startUpstream(load: Running, tools: number, era: EchoEra): Promise<number> {
  const answer = await order(load, { kind: 'upstream', tools, era });
  if ('port' in answer) return answer.port;
  throw new Error(`the load generator opened no upstream: ${'failed' in answer ? answer.failed : ''}`);
}

/** Gives the load generator an order; one at a time. */
function order(load: Running, wanted: LoadOrder | UpstreamOrder): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { child } = load;
    const onEnd = () => reject(new Error(`the load generator ended\n${load.output()}`));
    child.once('exit', onEnd);
    child.once('message', (answer: Answer) => {
      child.off('exit', onEnd);
      resolve(answer);
    });
    child.send(wanted);
  });
}
