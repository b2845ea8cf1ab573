// Runs one program of the repository's own tools, or of the system, and waits for it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tree.ts';

/** How a program ended. */
export interface Ended {
  /** Exit status; 128 when a signal ended it, 127 when it could not be started. */
  readonly code: number;
  /** What it wrote to both streams, when it was captured. */
  readonly output: string;
}

/** How to run a program. */
export interface RunOptions {
  /** True hands our own streams on; false captures them. Default false. */
  readonly isShown?: boolean;
  /** Working folder; default the repository's root. */
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end. Tools of `node_modules/.bin` are found by their bare name.
 * @param name program name.
 * @param args argument vector; no shell is involved.
 */
export function run(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const local = join(root, 'node_modules', '.bin', name);
  return new Promise((resolve) => {
    const child = spawn(existsSync(local) ? local : name, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: options.isShown === true ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', (error) => resolve({ code: 127, output: `${name}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 128, output }));
  });
}
