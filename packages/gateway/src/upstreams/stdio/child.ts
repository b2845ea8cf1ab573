/** A child process as links use it: three pipes, one end, and signals that reach its whole family. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { familyWatch } from './family-watch.ts';
import { familyOf, MARK_NAME, type ProcessRow } from './family.ts';
import { cpuVerdict, type ResourceLimits } from './limits.ts';
import { processScanner } from './process-scan.ts';

/** What to start. */
export interface SpawnRequest {
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment, except for the mark. */
  readonly env: Readonly<Record<string, string>>;
  /** Tells this child and its descendants from all others; they see it as `SALLYPORT_UPSTREAM`. */
  readonly mark: string;
  readonly cwd: string;
  /** What it may use. `program` sees to those of the kernel; the others are watched from here. */
  readonly limits?: ResourceLimits | undefined;
  /** Processes below it that are not the server's. Default 0. */
  readonly helpers?: number;
}

/** How a child ended; `error` when it never began. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error: Error | undefined;
  /** The limit that it exceeded, for the operator. */
  readonly verdict?: string | undefined;
}

/** A child process. */
export interface Child {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the child itself has ended or could not be started. Its family may live on. */
  readonly exited: Promise<ChildExit>;
  /**
   * Sends a signal to the child's family.
   *
   * @returns how many living processes were found; 0 when none is left
   */
  signalFamily(signal: 'SIGTERM' | 'SIGKILL'): Promise<number>;
}

/** Starts a child process, without a shell, as the leader of a session of its own. Does not throw. */
export type SpawnChild = (request: SpawnRequest) => Child;

const kill = (target: number, signal: 'SIGTERM' | 'SIGKILL'): boolean => {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
};

/** Starts a real child process. */
export const spawnChild: SpawnChild = (request) => {
  const isWindows = process.platform === 'win32';
  const child = spawn(request.program, [...request.args], {
    cwd: request.cwd,
    env: { ...request.env, [MARK_NAME]: request.mark },
    shell: false,
    detached: !isWindows,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { limits } = request;
  let verdict: string | undefined;
  let unwatch: () => void = () => {};
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      unwatch();
      resolve({ code, signal, error: undefined, verdict: verdict ?? cpuVerdict(limits, { code, signal }) });
    });
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
  // A pipe breaks when the child ends; its exit says the same and is what counts.
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});

  let hasExited = false;
  void exited.then(() => {
    hasExited = true;
  });

  const known = new Map<number, ProcessRow>();
  const signalFamily = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number> => {
    const { pid } = child;
    if (pid === undefined) return 0;
    if (isWindows) return !hasExited && child.kill(signal) ? 1 : 0;
    const scan = await processScanner.scan();
    const { rows } = scan;
    if (rows.length === 0) return kill(-pid, signal) ? 1 : 0;
    const marked = scan.bearers(request.mark);
    // A number is not given out again while a group or session bears it. So one that lives after the child's end is
    // another program's, and then nothing of ours bears it any more.
    const isReused = hasExited && rows.some((row) => row.pid === pid && !row.isZombie);
    const family = isReused ? rows.filter((row) => marked.has(row.pid)) : familyOf(pid, rows, marked);
    for (const row of family) known.set(row.pid, row);
    const living = rows.filter((row) => !row.isZombie && known.get(row.pid)?.started === row.started);
    if (living.some((row) => row.group === pid)) kill(-pid, signal);
    for (const row of living) {
      if (row.group !== pid) kill(row.pid, signal);
    }
    return living.length;
  };
  if (child.pid !== undefined && (limits?.memory !== undefined || limits?.processes !== undefined)) {
    const onExceeded = (text: string): void => {
      verdict = text;
      void signalFamily('SIGKILL');
    };
    const { mark, helpers = 0 } = request;
    unwatch = familyWatch.add({ leader: child.pid, mark, limits, helpers, onExceeded });
  }
  return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited, signalFamily };
};
