/**
 * The walls around a local server, built by bubblewrap (bwrap(1)) from namespaces of the kernel: the system read-only,
 * no home, a /tmp and processes of its own, and what its entry lists.
 */
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, sep } from 'node:path';

/** What a server behind walls may reach. All paths are absolute. */
export interface SandboxOptions {
  readonly network: boolean;
  /** Files and folders that it may read, besides the system and its working directory. */
  readonly read: readonly string[];
  /** Files and folders that it may change. */
  readonly write: readonly string[];
  /** What it must not see even where it could: keys, secrets, the store. */
  readonly hide: readonly string[];
  /** What it must not change even where it could: the configuration, and the folders in which it is looked for. */
  readonly protect: readonly string[];
}

/** What there is at a path. */
export interface PathFacts {
  /** The path without symbolic links. */
  readonly real: string;
  readonly isFolder: boolean;
}

/** What the plan of a sandbox depends on. */
export interface SandboxMachine {
  /** Home folders, and folders in which they lie. */
  readonly homes: readonly string[];
  /** The gateway's own PATH. */
  readonly path: string;
  look(path: string): Promise<PathFacts | undefined>;
}

/** The machine that this process runs on. */
export const thisMachine: SandboxMachine = {
  homes: ['/home', '/root', homedir()],
  path: process.env['PATH'] ?? '',
  async look(path) {
    try {
      const real = await realpath(path);
      return { real, isFolder: (await stat(real)).isDirectory() };
    } catch {
      return undefined;
    }
  },
};

/** A command behind walls, or why there cannot be one. */
export type SandboxPlan =
  | { readonly kind: 'command'; readonly command: readonly [string, ...string[]] }
  | { readonly kind: 'fault'; readonly message: string; readonly wayOut: string };

/** Folders that everybody writes to, or that hold the sockets of other programs. */
const COMMON = ['/tmp', '/var/tmp', '/run', '/mnt', '/media'];

/** Says whether `path` is `folder` or lies in it. */
export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

/** Looks a program up as the system does; undefined when it is not there. */
export const findProgram = async (
  program: string,
  path: string,
  { look }: Pick<SandboxMachine, 'look'>,
): Promise<string | undefined> => {
  if (program.includes('/')) return (await look(program)) === undefined ? undefined : program;
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, program);
    if (isAbsolute(folder) && (await look(candidate))?.isFolder === false) return candidate;
  }
  return undefined;
};

/**
 * Plans the walls around a command.
 *
 * @param command - what runs behind them
 * @param server - the program that the entry names, where `command` wraps it, and the PATH that it is looked up in
 * @param cwd - readable, and writable only where `write` says so
 */
export const planSandbox = async (
  bwrap: string,
  command: readonly [string, ...string[]],
  server: { readonly program: string; readonly path: string },
  cwd: string,
  options: SandboxOptions,
  machine: SandboxMachine = thisMachine,
): Promise<SandboxPlan> => {
  const place = await machine.look(cwd);
  if (place === undefined) {
    return { kind: 'fault', message: `the working directory ${cwd} is not there`, wayOut: 'make it, or correct cwd' };
  }
  const writable: string[] = [];
  const readable = [place.real, ...(await programFolders(server, place.real, machine))];
  for (const [paths, found] of [
    [options.write, writable],
    [options.read, readable],
  ] as const) {
    for (const path of paths) {
      const facts = await machine.look(path);
      if (facts === undefined) {
        const key = paths === options.write ? 'write' : 'read';
        return { kind: 'fault', message: `${path} is not there`, wayOut: `make it, or correct sandbox.${key}` };
      }
      found.push(facts.real);
    }
  }
  const walls = await planWalls(writable, readable, options, machine);
  if ('kind' in walls) return walls;
  return {
    kind: 'command',
    command: [
      bwrap,
      ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
      ...(options.network ? [] : ['--unshare-net']),
      ...['--die-with-parent', '--cap-drop', 'ALL'],
      ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
      ...walls,
      ...['--chdir', place.real, '--', ...command],
    ],
  };
};

const planWalls = async (
  writable: readonly string[],
  readable: readonly string[],
  { network, hide, protect }: SandboxOptions,
  machine: SandboxMachine,
): Promise<string[] | (SandboxPlan & { kind: 'fault' })> => {
  const args: string[] = [];
  const empty = new Set<string>();
  for (const folder of [...COMMON, ...machine.homes]) {
    const facts = await machine.look(folder);
    if (facts?.isFolder === true && facts.real !== '/' && ![...empty].some((other) => isWithin(facts.real, other))) {
      empty.add(facts.real);
    }
  }
  for (const folder of empty) args.push('--tmpfs', folder);
  const names = network ? await machine.look('/etc/resolv.conf') : undefined;
  if (names !== undefined && isWithin(names.real, '/run')) args.push('--ro-bind', names.real, names.real);
  // The outermost first: what is bound later lies on top.
  const opened = [
    ...readable.filter((path) => !writable.includes(path)).map((path) => ({ path, how: '--ro-bind' })),
    ...writable.map((path) => ({ path, how: '--bind' })),
  ].toSorted((one, other) => one.path.length - other.path.length);
  for (const { path, how } of opened) args.push(how, path, path);
  for (const path of protect) {
    const facts = await machine.look(path);
    if (facts === undefined || !writable.some((open) => isWithin(facts.real, open))) continue;
    if (facts.isFolder && writable.includes(facts.real)) {
      const message = `the server could change the configuration, which is looked for in ${facts.real}`;
      return { kind: 'fault', message, wayOut: 'let it write to a folder below' };
    }
    args.push('--ro-bind', facts.real, facts.real);
    // What was opened below it is opened again.
    for (const open of opened) {
      if (facts.isFolder && open.path !== facts.real && isWithin(open.path, facts.real)) {
        args.push(open.how, open.path, open.path);
      }
    }
  }
  for (const path of hide) {
    const facts = await machine.look(path);
    if (facts === undefined) continue;
    const inside = opened.find((open) => isWithin(open.path, facts.real));
    if (inside !== undefined) {
      const message = `${inside.path} lies in ${facts.real}, which no server may see`;
      return { kind: 'fault', message, wayOut: 'keep what servers need elsewhere' };
    }
    args.push(...(facts.isFolder ? ['--tmpfs'] : ['--ro-bind', '/dev/null']), facts.real);
  }
  return args;
};

/** What a program needs that may lie in a home: itself, its folder of programs, and the modules that it is part of. */
const programFolders = async (
  { program, path }: { readonly program: string; readonly path: string },
  cwd: string,
  machine: SandboxMachine,
): Promise<string[]> => {
  const named = program.includes('/') && !isAbsolute(program) ? join(cwd, program) : program;
  const found = await findProgram(named, path, machine);
  const facts = found === undefined ? undefined : await machine.look(found);
  if (found === undefined || facts === undefined) return [];
  const folders = [facts.real];
  const modules = /^(?<folder>.*?\/node_modules)\//.exec(facts.real)?.groups?.['folder'];
  if (modules !== undefined) folders.push(modules);
  const folder = await machine.look(dirname(found));
  if (folder !== undefined && /^\.?bin$/.test(basename(folder.real))) folders.push(folder.real);
  return folders;
};
