/**
 * Makes of a server's entry the command that starts it within its bounds, or says why this machine cannot hold them. A
 * server is never started without a bound that its entry asks for.
 */
import { execFile } from 'node:child_process';
import { isUnlimited, limitedCommand } from './limits.ts';
import type { StdioOptions } from './options.ts';
import { findProgram, planSandbox, thisMachine, type SandboxMachine } from './sandbox.ts';

/** What is to be started. */
export type Prepared =
  | {
      readonly kind: 'command';
      readonly command: readonly [string, ...string[]];
      /** Processes that hold the sandbox and are not the server's. */
      readonly helpers: number;
    }
  | Inability;

/** What this machine cannot do, and what would help. */
export interface Inability {
  readonly kind: 'fault';
  /** The key of the entry that asks for it. */
  readonly key: 'limits' | 'sandbox';
  readonly message: string;
  readonly wayOut: string;
}

/** What preparing needs from the machine. */
export interface PreparePorts {
  readonly platform: string;
  readonly machine: SandboxMachine;
  /** Runs a program to its end; undefined when it went well, else what it said. */
  tryOut(argv: readonly [string, ...string[]]): Promise<string | undefined>;
}

const TRY_MS = 10_000;

/** The machine that this process runs on. */
export const preparePorts: PreparePorts = {
  platform: process.platform,
  machine: thisMachine,
  tryOut: ([program, ...args]) =>
    new Promise((resolve) => {
      execFile(program, args, { timeout: TRY_MS, env: {} }, (error, _stdout, stderr) => {
        if (error === null) resolve(undefined);
        else resolve(stderr.trim().split('\n')[0] || error.message.split('\n')[0] || 'it failed');
      });
    }),
};

/** bwrap itself, and the first process inside, which buries the others. */
const SANDBOX_HELPERS = 2;

/** Prepares the start of a server. Servers without bounds cost nothing here. */
export const prepareCommand = async (options: StdioOptions, ports: PreparePorts = preparePorts): Promise<Prepared> => {
  const { command, limits, sandbox } = options;
  const limited = limitedCommand(command, limits);
  if (sandbox === undefined && isUnlimited(limits)) return { kind: 'command', command, helpers: 0 };
  const inability = await findInability(options, ports);
  if (inability !== undefined) return inability;
  if (sandbox === undefined) return { kind: 'command', command: limited, helpers: 0 };
  const bwrap = (await findBwrap(ports)) ?? 'bwrap';
  const path = options.env['PATH'] ?? ports.machine.path;
  const server = { program: command[0], path };
  const plan = await planSandbox(bwrap, limited, server, options.cwd, sandbox, ports.machine);
  return plan.kind === 'fault' ? { ...plan, key: 'sandbox' } : { ...plan, helpers: SANDBOX_HELPERS };
};

/** Says what an entry asks for that this machine cannot do; undefined when it can all of it. */
export const findInability = async (
  { limits, sandbox }: Pick<StdioOptions, 'limits' | 'sandbox'>,
  ports: PreparePorts = preparePorts,
): Promise<Inability | undefined> => {
  const isLinux = ports.platform === 'linux';
  if (!isUnlimited(limits) && !isLinux) {
    const isUnix = ports.platform !== 'win32';
    const unheld = ['memory', 'processes', ...(isUnix ? [] : ['files', 'cpu'])].filter(
      (name) => limits?.[name as keyof typeof limits] !== undefined,
    );
    if (unheld.length > 0) {
      const message = `${unheld.join(' and ')} cannot be limited on ${ports.platform}`;
      return { kind: 'fault', key: 'limits', message, wayOut: 'remove it, or run on Linux' };
    }
  }
  return sandbox === undefined ? undefined : findSandboxInability(sandbox.network, isLinux, ports);
};

const findBwrap = ({ machine }: PreparePorts): Promise<string | undefined> =>
  findProgram('bwrap', machine.path, machine);

/** Sandboxes that were built once on a machine: the next one is built without a rehearsal, and fails aloud. */
const rehearsed = new WeakMap<PreparePorts, Set<string>>();

const findSandboxInability = async (
  network: boolean,
  isLinux: boolean,
  ports: PreparePorts,
): Promise<Inability | undefined> => {
  const fault = (message: string, wayOut: string): Inability => ({ kind: 'fault', key: 'sandbox', message, wayOut });
  if (!isLinux) return fault(`there is no sandbox on ${ports.platform}`, 'write sandbox: off, or run on Linux');
  const bwrap = await findBwrap(ports);
  if (bwrap === undefined) {
    const packages = 'install bubblewrap (apt install bubblewrap, dnf install bubblewrap, apk add bubblewrap)';
    return fault('the sandbox needs the program bwrap, which is not on the PATH', packages);
  }
  const known = rehearsed.get(ports) ?? new Set();
  const kind = `${bwrap} ${network}`;
  if (known.has(kind)) return undefined;
  const said = await ports.tryOut([
    bwrap,
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', ...(network ? [] : ['--unshare-net'])],
    ...['--die-with-parent', '--cap-drop', 'ALL', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    ...['--', '/bin/sh', '-c', ':'],
  ]);
  if (said === undefined) {
    rehearsed.set(ports, known.add(kind));
    return undefined;
  }
  const wayOut = 'allow user namespaces to this user (in a container: to the container), or write sandbox: off';
  return fault(`bubblewrap cannot build a sandbox here: ${said.slice(0, 200)}`, wayOut);
};
