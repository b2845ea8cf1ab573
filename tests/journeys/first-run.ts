/** A newcomer's first minutes: start, read what is printed, run it word for word, ask why, press Ctrl-C. */

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { baseEnvironment, freePorts, waitFor, within } from '@sallyport/testkit';
import type { Ending } from '@sallyport/testkit';

/** How a program ended and what it said. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

/** What the newcomer saw. */
export interface FirstRun {
  /** Everything that the gateway printed. */
  readonly printed: string;
  /** Milliseconds from the start to the first guarded answer. */
  readonly toAnswerMs: number;
  /** What the call that should be allowed gave. */
  readonly allowed: string;
  /** What the call that should be refused gave. */
  readonly refused: Said;
  /** What `explain` says of the refused call. */
  readonly explained: Said;
  readonly ending: Ending;
  /** Milliseconds from Ctrl-C to the end. */
  readonly toEndMs: number;
}

/**
 * The environment of somebody who has nothing: an empty HOME, and of this machine only how it reaches the network.
 * @param home the empty folder.
 * @param programs folders that come first on PATH; none by default, so that the machine's own Node is used.
 */
export function emptyEnvironment(home: string, programs: readonly string[] = []): Record<string, string> {
  const network = /^(?:https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(?:registry|cafile|strict_ssl))$/i;
  const kept = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && network.test(name) ? [[name, value]] : [],
  );
  const { PATH = '' } = baseEnvironment(home);
  const system = PATH.slice(PATH.indexOf(':') + 1);
  return {
    ...Object.fromEntries(kept),
    PATH: [...programs, system].join(':'),
    HOME: home,
    LANG: 'C.UTF-8',
    NO_UPDATE_NOTIFIER: '1',
  };
}

/** Writes a file that moves the gateway to free ports, for a further `-c`. */
export async function writePorts(folder: string): Promise<string> {
  const [data, admin] = await freePorts(2);
  const path = join(folder, 'ports.yaml');
  await writeFile(path, `listen: 127.0.0.1:${data}\nadmin: { listen: 127.0.0.1:${admin} }\n`, { mode: 0o600 });
  return path;
}

/** Runs a program to its end and returns its code and both its streams. */
export function say(
  command: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
  ceilingMs = 300_000,
): Promise<Said> {
  const [program, ...words] = command;
  return new Promise((resolve) => {
    const options = { cwd, env, timeout: ceilingMs, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, words, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
      resolve({ code, text: stdout + stderr });
    });
  });
}

/** As `say`, for what has to go well. */
export async function must(
  command: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
  ceilingMs?: number,
): Promise<string> {
  const { code, text } = await say(command, cwd, env, ceilingMs);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${text}`);
  return text;
}

/**
 * Starts the gateway and does what it says.
 * @param command what starts it, in the foreground.
 * @param readyCeilingMs milliseconds until it has printed what to try.
 */
export async function firstRun(
  command: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
  readyCeilingMs: number,
): Promise<FirstRun> {
  const started = performance.now();
  const [program, ...words] = command;
  // A group of its own, so that Ctrl-C can be sent to all of it as a terminal does.
  const child = spawn(program, words, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (printed += text));
  let hasEnded = false;
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve({ code, signal });
    });
  });
  try {
    const tries = await waitFor(
      () => {
        if (hasEnded) throw new Error(`it ended\n${printed}`);
        return printedTries(printed);
      },
      { ceilingMs: readyCeilingMs, everyMs: 50, what: 'the gateway to say what to try' },
    ).catch((cause: unknown) => {
      throw new Error(`the first run printed\n${printed}`, { cause });
    });
    const allowed = await must(['sh', '-c', tries.allowed], cwd, env, 30_000);
    const toAnswerMs = performance.now() - started;
    const refused = await say(['sh', '-c', tries.refused], cwd, env, 30_000);
    const id = await waitFor(() => refusedId(printed), { what: 'the line of the refused call' });
    const explained = await say(['sh', '-c', tries.explain.replace(/<[^>]*>/, id)], cwd, env, 60_000);
    const pressed = performance.now();
    signalGroup(child, 'SIGINT');
    const ending = await within(ended, 30_000, 'the end after Ctrl-C');
    return { printed, toAnswerMs, allowed, refused, explained, ending, toEndMs: performance.now() - pressed };
  } finally {
    if (!hasEnded) signalGroup(child, 'SIGKILL');
  }
}

/** The commands of the banner word for word, once all are there: the curl with its continued lines, and two of our own. */
function printedTries(printed: string): { allowed: string; refused: string; explain: string } | undefined {
  const own = (command: string) => new RegExp(`^ *((?:npx )?sallyport ${command} .*)\n`, 'm').exec(printed)?.[1];
  const allowed = /^ *(curl (?:.*\\\n)*.*)\n/m.exec(printed)?.[1];
  const refused = own('call');
  const explain = own('explain');
  if (allowed === undefined || refused === undefined || explain === undefined) return undefined;
  return { allowed, refused, explain };
}

/** The exchange id at the end of the refused call's line. */
function refusedId(printed: string): string | undefined {
  return /^\d\d:\d\d:\d\d +(?:✗|refused).*\s(\S+)$/m.exec(printed)?.[1];
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}
