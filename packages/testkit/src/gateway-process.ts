/** Runs the real command line in a folder of its own, as a person would, and ends only what it started. */

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitFor, within } from './wait.ts';

/** The program under test. */
export const sallyportBin = fileURLToPath(new URL('../../sallyport/bin/sallyport', import.meta.url));

const run = promisify(execFile);

/** What to start. */
export interface GatewayOptions {
  /**
   * The configuration: an object, to which `version`, `listen` and `admin` are added where they are missing, or the
   * text of a file, in which `LISTEN` and `ADMIN` stand for free loopback addresses.
   */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** Further environment; PATH and a HOME inside the folder are always set, nothing else is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; the folder by default. */
  readonly cwd?: string;
  /** Folder to run in, kept afterwards; a new one, removed at `stop`, by default. */
  readonly dir?: string;
  /** Further arguments after `run -c <file>`. */
  readonly args?: readonly string[];
  /** Milliseconds to wait until it is ready; 30,000 by default. */
  readonly readyCeilingMs?: number;
}

/** A folder with a configuration, ready to start something in. */
export interface GatewayFolder {
  readonly dir: string;
  readonly configPath: string;
  /** Where the configuration listens. */
  readonly host: string;
  readonly port: number;
  readonly adminUrl: string | undefined;
  /** Removes the folder, if it was made here. */
  remove(): Promise<void>;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running gateway. */
export interface Gateway {
  /** Endpoint of all servers, `http://127.0.0.1:<port>/mcp`; one server is at `<url>/<name>`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Base URL of the admin port; `undefined` when the configuration turns it off. */
  readonly adminUrl: string | undefined;
  /** The folder that holds `sallyport.yaml` and `state/`. */
  readonly dir: string;
  readonly configPath: string;
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves once the process is gone. */
  readonly ended: Promise<Ending>;
  /** Ends it with SIGTERM, or SIGKILL after 20 s, and removes the folder if it made it. */
  stop(): Promise<Ending>;
  /** Ends it at once with SIGKILL; the folder stays until `stop`. */
  kill9(): Promise<Ending>;
}

/**
 * Writes a configuration that only its owner can read.
 * @param config as in `GatewayOptions`.
 * @param given folder to write into and to keep; a new one by default.
 */
export async function prepareFolder(config: GatewayOptions['config'], given?: string): Promise<GatewayFolder> {
  const dir = given ?? (await mkdtemp(join(tmpdir(), 'sallyport-test-')));
  const [dataPort, adminPort] = await freePorts(2);
  const written = toText(config, `127.0.0.1:${dataPort}`, `127.0.0.1:${adminPort}`);
  const configPath = join(dir, 'sallyport.yaml');
  await writeFile(configPath, written.text, { mode: 0o600 });
  const [host, port] = splitAddress(written.listen);
  return {
    dir,
    configPath,
    host,
    port,
    adminUrl: written.admin === undefined ? undefined : `http://${written.admin}`,
    async remove() {
      if (given === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Starts `sallyport run` and waits until it answers.
 * @throws with its output when it ends or does not become ready in time.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { env = {}, args = [], readyCeilingMs = 30_000 } = options;
  const folder = await prepareFolder(options.config, options.dir);
  const { dir, configPath, host, port, adminUrl } = folder;

  const child = spawn(sallyportBin, ['run', '-c', configPath, ...args], {
    cwd: options.cwd ?? dir,
    env: { ...baseEnvironment(dir), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (output.stderr += text));
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => void (output.stderr += String(error)));
    child.once('close', (code, signal) => resolve((ending = { code, signal })));
  });

  const finish = async (signal: NodeJS.Signals) => {
    if (ending === undefined) child.kill(signal);
    return await within(ended, 20_000, `the gateway to end after ${signal}`).catch(() => {
      child.kill('SIGKILL');
      return ended;
    });
  };
  const gateway: Gateway = {
    url: `http://${host}:${port}/mcp`,
    host,
    port,
    adminUrl,
    dir,
    configPath,
    process: child,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async stop() {
      const how = await finish('SIGTERM');
      await folder.remove();
      return how;
    },
    kill9: () => finish('SIGKILL'),
  };

  try {
    await waitFor(
      () => {
        if (ending !== undefined) throw new Error(`it ended with ${ending.code ?? ending.signal}`);
        return adminUrl === undefined ? isListening(host, port) : isReady(adminUrl);
      },
      { ceilingMs: readyCeilingMs, everyMs: 50, what: 'the gateway to become ready' },
    );
  } catch (cause) {
    await gateway.kill9();
    await folder.remove();
    throw new Error(`the gateway did not start\n${output.stdout}\n${output.stderr}`, { cause });
  }
  return gateway;
}

/** A key to create. */
export interface KeyRequest {
  readonly name: string;
  readonly role: string;
}

/**
 * Creates an API key with the command line.
 * @param dir folder that holds `sallyport.yaml`.
 * @returns the key itself.
 */
export async function createKey(dir: string, { name, role }: KeyRequest): Promise<string> {
  const config = join(dir, 'sallyport.yaml');
  const { stdout } = await runSallyport(
    ['keys', 'create', '--name', name, '--role', role, '--json', '-c', config],
    dir,
  );
  const created: unknown = JSON.parse(stdout);
  if (typeof created === 'object' && created !== null && 'key' in created && typeof created.key === 'string') {
    return created.key;
  }
  throw new Error(`keys create printed no key: ${stdout}`);
}

/** What a command printed. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one command to its end.
 * @param args arguments of `sallyport`.
 * @param dir working directory and home.
 * @returns its output; a code other than 0 rejects unless `isFailureFine`.
 */
export async function runSallyport(
  args: readonly string[],
  dir: string,
  { env = {}, isFailureFine = false }: { env?: Readonly<Record<string, string>>; isFailureFine?: boolean } = {},
): Promise<CommandResult> {
  try {
    const options = {
      cwd: dir,
      env: { ...baseEnvironment(dir), ...env },
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    };
    return { code: 0, ...(await run(sallyportBin, args, options)) };
  } catch (error) {
    const failed = error as Partial<CommandResult> & Error;
    if (isFailureFine && typeof failed.code === 'number') {
      return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
    }
    throw new Error(`sallyport ${args.join(' ')} failed\n${failed.stdout ?? ''}${failed.stderr ?? ''}`, {
      cause: error,
    });
  }
}

/** The environment of everything started here: the running Node first on PATH, and a HOME that is nobody's. */
export function baseEnvironment(dir: string): Record<string, string> {
  return { PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: dir, LANG: 'C.UTF-8' };
}

/** Finds loopback ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((each) => new Promise<void>((done) => each.listen(0, '127.0.0.1', done))));
  const ports = servers.map((each) => (each.address() as AddressInfo).port);
  await Promise.all(servers.map((each) => new Promise<void>((done) => each.close(() => done()))));
  return ports;
}

function toText(
  config: GatewayOptions['config'],
  listen: string,
  admin: string,
): { readonly text: string; readonly listen: string; readonly admin: string | undefined } {
  if (typeof config === 'string') {
    const text = config.replaceAll(/\bLISTEN\b/g, listen).replaceAll(/\bADMIN\b/g, admin);
    return { text, listen, admin: /\bADMIN\b/.test(config) ? admin : undefined };
  }
  const whole = { version: 1, listen, admin: { listen: admin }, ...config };
  return {
    // JSON is YAML, so nothing has to be written in two ways.
    text: `${JSON.stringify(whole, undefined, 2)}\n`,
    listen: whole.listen,
    admin: typeof whole.admin === 'object' ? whole.admin.listen : undefined,
  };
}

function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}

async function isReady(adminUrl: string): Promise<boolean> {
  try {
    const response = await fetch(`${adminUrl}/health/ready`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
