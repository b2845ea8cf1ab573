// Child processes on a core of their own, and what Linux says about the time and memory that they used.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';

/** Which core a process runs on: `subject` is what is measured, `load` everything else. */
export type Core = 'subject' | 'load';

const taskset = ['/usr/bin/taskset', '/bin/taskset'].find((path) => existsSync(path));

/** True when processes can be tied to cores and there are two of them. */
export const isPinned: boolean = taskset !== undefined && availableParallelism() > 1;

const coreNumbers: Readonly<Record<Core, string>> = { subject: '0', load: '1' };

/** The words that run a command on a core; the command as it is where that cannot be had. */
export function onCore(core: Core, command: readonly string[]): readonly string[] {
  return isPinned && taskset !== undefined ? [taskset, '-c', coreNumbers[core], ...command] : command;
}

/** The words that run a TypeScript file of this folder with this Node. */
export function nodeCommand(file: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', file, ...args];
}

/** A running child process. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it wrote so far to its output and error output. */
  output(): string;
  stop(): Promise<void>;
}

/** How to start one. */
export interface StartOptions {
  readonly core: Core;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Adds a channel for messages. */
  readonly hasChannel?: boolean;
}

/** Starts a command; it never outlives `stop`. */
export function start(command: readonly string[], { core, cwd, env, hasChannel = false }: StartOptions): Running {
  const [program = '', ...args] = onCore(core, command);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe', hasChannel ? 'ipc' : 'ignore'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      // Peers that log each call would fill memory.
      if (output.length < 100_000) output += text;
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      output += String(error);
      resolve();
    });
  });
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Waits until a probe gives a value.
 *
 * @param probe - tried every 50 ms; `undefined` means not yet
 * @param running - whose end or silence of two minutes is an error
 */
export async function until<T>(running: Running, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    const isGone = running.child.exitCode !== null || running.child.signalCode !== null;
    if (isGone || performance.now() > deadline) {
      await running.stop();
      throw new Error(`${running.child.spawnargs.join(' ')} did not start\n${running.output().slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The port that a process prints on a line of its own. */
export function printedPort(running: Running): Promise<number> {
  return until(running, () => {
    const port = /^(\d+)$/m.exec(running.output())?.[1];
    return port === undefined ? undefined : Number(port);
  });
}

/** CPU time that all threads of a process used so far, milliseconds; 0 where the system does not say. */
export function cpuMs(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    }
  } catch {
    return 0;
  }
  return nanoseconds / 1e6;
}

/** Memory of a process that is in RAM, MiB; 0 where the system does not say. */
export function rssMib(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
