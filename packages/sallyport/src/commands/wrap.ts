/** `sallyport wrap`: guards one server without a configuration, for a client program that starts it on stdin and stdout. */
import { basename, join, win32 } from 'node:path';
import { loadConfig, systemConfigPorts, type Config, type RunningGateway, type ServerStatus } from '@sallyport/gateway';
import { withoutName } from '../banner.ts';
import { legalName } from '../clients/import-servers.ts';
import { isSecretName } from '../clients/secrets.ts';
import { showProblems } from '../configuration.ts';
import { scalar } from '../config-text.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { findProgram } from '../find-program.ts';
import { makePrivateFolder, writeWhole } from '../files.ts';
import { startFailure, tryStartGateway, untilSignal } from '../gateway.ts';
import type { Host } from '../host.ts';
import { clip, plain } from '../terminal.ts';

/** Options of `wrap`. */
export interface WrapOptions extends CommonOptions {
  readonly name?: string;
  /** Names of variables to pass. */
  readonly env: readonly string[];
}

/** How many wrapped servers of one name may run at once. */
const mostAtOnce = 64;
/** How many names that were not passed are listed. */
const mostListed = 12;
/** What every server gets: how to find programs, and where its caches are. */
const alwaysPassed = new Set(['PATH', 'HOME']);
/** What shells set for themselves. */
const shellNoise = new Set(['_', 'PWD', 'OLDPWD', 'SHLVL']);

/** Serves one client on stdin and stdout with one server behind the guard, until the client hangs up. */
export async function wrap(command: readonly string[], options: WrapOptions, context: Context): Promise<number> {
  const { terminal, host } = context;
  const [program, ...args] = command;
  if (program === undefined)
    throw usageFailure('no command to wrap', 'write it behind --:  sallyport wrap -- npx -y some-server');
  if (options.config.length > 0)
    throw usageFailure('wrap needs no configuration', 'use:  sallyport run --stdio -c FILE');
  const name = serverName(command, options.name);
  for (const variable of options.env) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable))
      throw usageFailure(
        `-e "${variable}" is no name of a variable`,
        'give its name only; the value comes from the environment',
      );
    if (host.env[variable] === undefined)
      throw new Failure(`${variable} is not set`, `set it, or leave out -e ${variable}`);
  }
  if ((await findProgram(program, host.cwd, host.env['PATH'] ?? '', host)) === undefined)
    throw new Failure(`the program ${program} is not found`, 'install it, or write its full path');
  const gateway = await startWrapped(name, [program, ...args], options, context);
  const held = heldBack(options.env, host.env);
  if (held !== undefined) terminal.note(`sallyport: ${name} does not get ${held}; pass what it needs with -e NAME`);
  const stopped = untilSignal();
  // A client that is let in to a server that is not there would take it for one without tools.
  await Promise.race([gateway.settled, stopped]);
  const failure = startingFailure(name, gateway.status().servers);
  if (failure === undefined) {
    const door = gateway.openStdio(process.stdin, process.stdout, { path: { kind: 'server', server: name } });
    await Promise.race([door.closed, stopped]);
  }
  await gateway.close(2_000);
  process.stdin.destroy();
  if (failure !== undefined) throw failure;
  return exitCodes.fine;
}

/** Says why the wrapped server did not start; nothing when it did, or is still at it. */
export function startingFailure(name: string, servers: readonly ServerStatus[]): Failure | undefined {
  const server = servers.find((one) => one.name === name);
  if (server?.state !== 'sick') return undefined;
  const why = withoutName(name, server.lastError ?? 'no reason is known');
  const said = server.stderr.at(-1);
  return new Failure(
    `${name} did not start: ${plain(why)}`,
    said === undefined ? 'try its command by itself' : `it last said: ${clip(plain(said), 200)}`,
  );
}

/** Each wrapped server that runs has a state folder of its own, so that each has an audit trail of its own. */
async function startWrapped(
  name: string,
  command: readonly [string, ...string[]],
  options: WrapOptions,
  context: Context,
): Promise<RunningGateway> {
  for (let count = 1; count <= mostAtOnce; count++) {
    const folder = join(stateFolder(context.host), count === 1 ? name : `${name}-${count}`);
    const config = await wrapConfig(name, command, folder, options, context);
    const started = await tryStartGateway(config, {
      files: [],
      opensDoors: false,
      onLog: ({ level, text }) => {
        if (level !== 'info') context.terminal.note(`${name}: ${plain(text)}`);
      },
    });
    if (!('fault' in started)) return started;
    if (started.fault !== 'locked') throw startFailure(started);
  }
  throw new Failure(
    `${mostAtOnce} servers called ${name} are wrapped already`,
    'stop some of them, or give another --name',
  );
}

async function wrapConfig(
  name: string,
  command: readonly [string, ...string[]],
  folder: string,
  options: WrapOptions,
  context: Context,
): Promise<Config> {
  await makePrivateFolder(folder);
  const file = join(folder, 'sallyport.yaml');
  const env = [...new Set(['HOME', ...options.env])].filter((variable) => context.host.env[variable] !== undefined);
  await writeWhole(file, configText(name, env), 0o600, true);
  const loaded = await loadConfig([file], systemConfigPorts());
  if (!loaded.ok) {
    showProblems(loaded.problems, false, context);
    throw new Failure('the state folder cannot be used', `look at ${folder}`);
  }
  // The command as it was typed: nothing in it is a reference.
  const upstreams = loaded.config.upstreams.map((upstream) =>
    upstream.kind === 'stdio' ? { ...upstream, command, cwd: context.host.cwd } : upstream,
  );
  return { ...loaded.config, upstreams };
}

function configText(name: string, env: readonly string[]): string {
  return `# Written by sallyport wrap at each start. What it guards is the command that it was given.
version: 1
admin: off
store: sqlite:sallyport.db
master: file:master.key
audit: { directory: audit }
callers: { local: owner, keys: off }
roles:
  owner: { tools: ['*'], resources: ['*'], prompts: ['*'] }
upstreams:
  ${name}:
    command: [given]
    env: { ${env.map((variable) => `${scalar(variable)}: inherit`).join(', ')} }
`;
}

function stateFolder({ env, home, platform }: Host): string {
  const base = platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_STATE_HOME'];
  return join(base || join(home, '.local', 'state'), 'sallyport');
}

/** The server's name: as given, or after the package or script that the command starts. */
export function serverName(command: readonly string[], given: string | undefined): string {
  if (given !== undefined) {
    if (/^[a-z][a-z0-9-]{0,23}$/.test(given)) return given;
    throw usageFailure(`--name "${given}" is no name`, `write it like ${legalName(given)}`);
  }
  const [program = '', ...args] = command;
  const runner = win32.basename(basename(program)).replace(/\.(?:exe|cmd)$/i, '');
  const isRunner = /^(?:npx|bunx|uvx|pnpx|pipx|dlx|node|bun|deno|python[0-9.]*|tsx|sh|bash)$/.test(runner);
  const word = isRunner ? (args.find((arg) => !arg.startsWith('-')) ?? runner) : program;
  const last =
    word
      .replace(/(?<=.)@[^@/]*$/, '')
      .split(/[\\/]/)
      .at(-1) ?? word;
  return legalName(last.replace(/\.(?:m?[jt]s|cjs|py|exe|cmd|sh)$/i, ''));
}

/** Lists the variables that the server does not get, those that look needed first. */
export function heldBack(
  passed: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const names = Object.keys(env)
    .filter((name) => !passed.includes(name) && !alwaysPassed.has(name) && !shellNoise.has(name))
    .toSorted((one, other) => Number(isSecretName(other)) - Number(isSecretName(one)) || (one < other ? -1 : 1));
  if (names.length === 0) return undefined;
  const rest = names.length - mostListed;
  return names.slice(0, mostListed).join(', ') + (rest > 0 ? ` and ${rest} more variables` : '');
}
