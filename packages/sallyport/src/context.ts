/** What every command is given: where to print and the machine it runs on. */
import { resolve } from 'node:path';
import { shellQuote } from './shell.ts';
import type { Host } from './host.ts';
import type { Terminal } from './terminal.ts';

/** The surroundings of a command. */
export interface Context {
  readonly terminal: Terminal;
  readonly host: Host;
}

/** Options that every command takes. */
export interface CommonOptions {
  /** Files given with `-c`, in order; empty for the default. */
  readonly config: readonly string[];
  readonly json: boolean;
}

/** Returns the configuration files that a command works on, absolute: those named, or `sallyport.yaml` here. */
export function configFiles(options: CommonOptions, host: Host): [string, ...string[]] {
  const [first, ...others] = options.config.map((file) => resolve(host.cwd, file));
  return [first ?? resolve(host.cwd, 'sallyport.yaml'), ...others];
}

/**
 * Writes a command of this program as it can be typed into a shell in this folder, about the same configuration.
 *
 * @param words the command and what follows it, quoted already
 */
export function ownCommand(command: string, words: string, options: CommonOptions, host: Host): string {
  // npm and npx leave their mark; there the program is not on the search path.
  const program = host.env['npm_execpath'] === undefined ? 'sallyport' : 'npx sallyport';
  const files = options.config.map((file) => `-c ${shellQuote(file)}`);
  return [program, command, ...files, words].filter((part) => part !== '').join(' ');
}

/**
 * Adds the files that were named with `-c` to the commands of this program that a text suggests; the default needs none.
 */
export function withFiles(text: string, files: readonly string[]): string {
  if (files.length === 0 || text.includes(' -c ')) return text;
  const named = files.map((file) => ` -c ${shellQuote(file)}`).join('');
  return text.replace(
    /\bsallyport ((?:keys|audit) [a-z]+|block|call|check|connect|doctor|explain|init|run|status|unblock)\b/g,
    (command) => command + named,
  );
}

/** Writes a path as short as a person would: from here, or from home. */
export function shortPath(path: string, host: Host): string {
  if (path === host.cwd) return '.';
  if (path.startsWith(`${host.cwd}/`)) return path.slice(host.cwd.length + 1);
  return path.startsWith(`${host.home}/`) ? `~${path.slice(host.home.length)}` : path;
}
