/** Talks to `sallyport run --stdio`, or any stdio MCP server, line by line and byte by byte. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { sallyportBin, baseEnvironment } from './gateway-process.ts';
import type { Ending } from './gateway-process.ts';
import { waitFor, within } from './wait.ts';
import type { WireMessage } from './http-client.ts';

/** A process behind its standard input and output. */
export interface StdioPeer {
  readonly process: ChildProcess;
  /** Everything received so far, oldest first. Lines that are not JSON objects are in `noise`. */
  readonly messages: readonly WireMessage[];
  /** Lines on standard output that were not JSON objects; a stdio door has none. */
  readonly noise: readonly string[];
  stderr(): string;
  /** Writes bytes as they are, without a line end. */
  write(bytes: string | Uint8Array): void;
  /** Sends one message and waits for the answer with the same id. */
  request(message: Readonly<Record<string, unknown>> & { readonly id: string | number }): Promise<WireMessage>;
  /** Closes its input and waits for its end; SIGKILL after 20 s. */
  stop(): Promise<Ending>;
}

/**
 * Starts a stdio door of the gateway.
 * @param configPath the configuration file.
 * @param dir working directory and home.
 * @param args further arguments.
 */
export function startStdioDoor(configPath: string, dir: string, args: readonly string[] = []): StdioPeer {
  return startStdioPeer([sallyportBin, 'run', '--stdio', '-c', configPath, ...args], dir);
}

/**
 * Starts a program that speaks JSON-RPC lines.
 * @param command program and arguments.
 * @param dir working directory and home.
 */
export function startStdioPeer([program, ...args]: readonly [string, ...string[]], dir: string): StdioPeer {
  const child = spawn(program, args, { cwd: dir, env: baseEnvironment(dir), stdio: ['pipe', 'pipe', 'pipe'] });
  const messages: WireMessage[] = [];
  const noise: string[] = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (errors += text));
  // The peer may end while we still write; `ended` tells.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = parseObject(line);
    if (message === undefined) noise.push(line);
    else messages.push(message);
  });
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve((ending = { code, signal })));
  });

  return {
    process: child,
    messages,
    noise,
    stderr: () => errors,
    write: (bytes) => void child.stdin.write(bytes),
    async request(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      return await waitFor(
        () => {
          const found = messages.find(({ id, method }) => id === message.id && method === undefined);
          if (found === undefined && ending !== undefined) throw new Error(`the peer ended\n${errors}`);
          return found;
        },
        { everyMs: 5, what: `the answer to ${message.id}` },
      );
    },
    async stop() {
      child.stdin.end();
      return await within(ended, 20_000, 'the peer to end').catch(() => {
        child.kill('SIGKILL');
        return ended;
      });
    },
  };
}

function parseObject(line: string): WireMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
