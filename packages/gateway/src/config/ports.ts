/** The outside world as the configuration sees it: files, environment, commands. Tests pass their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import type { Secret } from './secret.ts';

/** What the safety of a file depends on. */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  /** Permission bits, sticky bit included: `mode & 0o7777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Differs whenever the file, its content or its permissions do. */
  readonly stamp: string;
}

/** Why something could not be read. */
export type DiskFault = 'absent' | 'forbidden' | 'too-large' | 'failed';

/** Who this process is. */
export interface Identity {
  readonly uid: number;
  /** The process's own group and its supplementary ones. */
  readonly groups: ReadonlySet<number>;
}

/** What a command printed, or why there is nothing to use. */
export type CommandOutcome =
  | { readonly ok: true; readonly output: Uint8Array }
  | { readonly ok: false; readonly reason: string };

/** Everything `loadConfig` needs from outside. */
export interface ConfigPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `undefined` where files have no POSIX owner and mode. */
  readonly identity: Identity | undefined;
  /** The running Node executable: a bare `node` in a command means this one. */
  readonly nodePath: string;
  /** The folder that relative `-c` paths start from. */
  readonly workingFolder: string;
  /** Wall time, milliseconds since the epoch; that of this machine when absent. */
  readonly now?: () => number;
  /** Follows symbolic links. */
  facts(path: string): Promise<FileFacts | DiskFault>;
  /** Reads a whole file of at most `limit` bytes. */
  read(path: string, limit: number): Promise<Uint8Array | DiskFault>;
  /** Names of the entries of a folder, in no order. */
  list(folder: string): Promise<readonly string[] | DiskFault>;
  /**
   * Runs a program without a shell and collects at most `limit` bytes of its standard output. It has its own process
   * group, which ends with it when it takes too long or prints too much.
   */
  run(argv: readonly [string, ...string[]], options: RunOptions): Promise<CommandOutcome>;
}

/** Bounds for `ConfigPorts.run`. */
export interface RunOptions {
  readonly cwd: string;
  /** Milliseconds. */
  readonly timeout: number;
  /** Bytes. */
  readonly limit: number;
}

/** A value that a reference led to. */
export type Resolution =
  | { readonly ok: true; readonly secret: Secret }
  | {
      readonly ok: false;
      readonly code: 'secret' | 'unsafe-file';
      readonly message: string;
      readonly suggestion: string;
    };

/** Returns the ports of this process. */
export function systemConfigPorts(): ConfigPorts {
  return {
    env: process.env,
    identity: ownIdentity(),
    nodePath: process.execPath,
    workingFolder: process.cwd(),
    facts: readFacts,
    read: readBounded,
    list: async (folder) => {
      try {
        return await readdir(folder);
      } catch (cause) {
        return faultOf(cause);
      }
    },
    run: runCommand,
  };
}

function ownIdentity(): Identity | undefined {
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  if (uid === undefined || gid === undefined) return undefined;
  return { uid, groups: new Set([gid, ...(process.getgroups?.() ?? [])]) };
}

async function readFacts(path: string): Promise<FileFacts | DiskFault> {
  try {
    const found = await stat(path, { bigint: true });
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    const { uid, gid, size, mode } = found;
    const stamp = [found.dev, found.ino, size, found.mtimeNs, found.ctimeNs].join(':');
    return { kind, mode: Number(mode & 0o7777n), uid: Number(uid), gid: Number(gid), size: Number(size), stamp };
  } catch (cause) {
    return faultOf(cause);
  }
}

/** Never waits for a pipe and never reads more than the limit, whatever `stat` said before. */
async function readBounded(path: string, limit: number): Promise<Uint8Array | DiskFault> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      if (!found.isFile()) return 'failed';
      if (found.size > limit) return 'too-large';
      const buffer = new Uint8Array(limit + 1);
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled > limit ? 'too-large' : buffer.slice(0, filled);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    return faultOf(cause);
  }
}

function faultOf(cause: unknown): DiskFault {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent';
  return code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'failed';
}

/** How long output that a program printed before it ended may take to arrive, milliseconds. */
const drainMs = 100;

const hasGroups = process.platform !== 'win32';

function runCommand(argv: readonly [string, ...string[]], options: RunOptions): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: false,
      detached: hasGroups,
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let drain: NodeJS.Timeout | undefined;
    const settle = (outcome: CommandOutcome): void => {
      clearTimeout(timer);
      clearTimeout(drain);
      child.stdout.destroy();
      resolve(outcome);
    };
    const stop = (reason: string): void => {
      // Once it has ended, its id may be another's.
      if (child.exitCode === null && child.signalCode === null) killAll(child);
      settle({ ok: false, reason });
    };
    const timer = setTimeout(() => stop(`did not finish within ${options.timeout / 1000} s`), options.timeout);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > options.limit) stop(`printed more than ${options.limit} bytes`);
      else chunks.push(chunk);
    });
    child.on('error', (cause) => {
      const isAbsent = 'code' in cause && cause.code === 'ENOENT';
      settle({ ok: false, reason: isAbsent ? 'program not found' : 'could not be started' });
    });
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (code === 0) settle({ ok: true, output: Buffer.concat(chunks) });
      else settle({ ok: false, reason: signal === null ? `exit code ${code}` : `ended by ${signal}` });
    };
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      // Whatever it left running may keep the pipe open for ever. A turn of the event loop reads what is in it already.
      drain = setTimeout(() => setImmediate(() => finish(code, signal)), drainMs);
    });
    child.on('close', finish);
  });
}

/** Ends a program and all that it started and that did not leave its group. */
function killAll(child: ChildProcess): void {
  if (!hasGroups || child.pid === undefined) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
