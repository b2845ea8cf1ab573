// A made-up person's machine: a home with the configuration files of MCP client programs, and secrets made for one run.
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The program under test, as a person starts it. */
export const program = join(root, 'packages', 'sallyport', 'bin', 'sallyport');

/** The script of the reference server. */
export const everything = join(root, 'node_modules', '@modelcontextprotocol', 'server-everything', 'dist', 'index.js');

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A person's machine: a home, and a folder in which they work. */
export interface Machine {
  readonly home: string;
  readonly work: string;
  /** Environment of every program that is started here. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs `sallyport` in the working folder to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** Starts a program in the working folder and leaves it running; it ends with the machine. */
  start(command: string, args: readonly string[]): ChildProcessWithoutNullStreams;
  /** Writes a file below home or the working folder, with its folders. */
  write(path: string, text: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  remove(): Promise<void>;
}

/** Makes a machine on which nothing was ever installed. */
export async function makeMachine(variables: NodeJS.ProcessEnv = {}): Promise<Machine> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-machine-')));
  const home = join(folder, 'home');
  const work = join(folder, 'work');
  await Promise.all([mkdir(home), mkdir(work)]);
  const env = { PATH: process.env['PATH'], HOME: home, ...variables };
  const children = new Set<ChildProcessWithoutNullStreams>();
  return {
    home,
    work,
    env,
    run: (...args) =>
      new Promise((resolve) => {
        const child = execFile(program, args, { cwd: work, env }, (_, stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, stdout, stderr });
        });
        child.stdin?.end();
      }),
    start: (command, args) => {
      const child = spawn(command, args, { cwd: work, env });
      children.add(child);
      return child;
    },
    write: async (path, text) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    },
    chmod,
    remove: async () => {
      await Promise.all([...children].map(ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** The folder in which desktop programs keep settings on this system. */
export function settingsFolder(home: string): string {
  return process.platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.config');
}

/** Secrets that look like real ones and were made just now. */
export function makeSecrets() {
  const random = (length: number) =>
    randomBytes(length)
      .toString('base64url')
      .replace(/[^A-Za-z0-9]/g, 'x')
      .slice(0, length);
  return {
    token: ['ghp', `${random(30)}a1b2c3`].join('_'),
    bearer: random(40),
    password: random(16),
    apiKey: random(24),
  };
}

/** Speaks newline-delimited JSON-RPC with a child and waits for each answer by its id. */
export function createTalk(child: ChildProcessWithoutNullStreams) {
  const answers = new Map<number, (message: Record<string, unknown>) => void>();
  const stray: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      try {
        const message: Record<string, unknown> = JSON.parse(line);
        if (typeof message['id'] === 'number' && !('method' in message)) answers.get(message['id'])?.(message);
      } catch {
        stray.push(line);
      }
    }
  });
  let id = 0;
  return {
    /** Lines on stdout that are no JSON: there must be none. */
    stray,
    request: (method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> => {
      id += 1;
      const answer = new Promise<Record<string, unknown>>((resolve) => answers.set(id, resolve));
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
      return answer;
    },
    notify: (method: string) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method })}\n`),
  };
}
