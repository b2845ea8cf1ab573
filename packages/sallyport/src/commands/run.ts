/** `sallyport run`: opens the gate and shows what passes; with `--stdio` it is the gate of one client program. */
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { compilePolicy, decide, type CreatedKey } from '@sallyport/guard';
import {
  toPolicyModel,
  type Config,
  type ExchangeSummary,
  type GatewayLogLine,
  type Problem,
  type RunningGateway,
} from '@sallyport/gateway';
import { banner, tryLines, withoutName, type BannerFacts, type Try } from '../banner.ts';
import { problemFacts, requireConfig, showProblems } from '../configuration.ts';
import { configFiles, ownCommand, shortPath, type CommonOptions, type Context } from '../context.ts';
import { exchangeLine } from '../exchange-line.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { requireGateway, untilSignal } from '../gateway.ts';
import { createMcpCaller } from '../mcp-caller.ts';
import { firstUsable, isUsable, namesOfStarting } from '../readiness.ts';
import { shellQuote } from '../shell.ts';
import { withStore } from '../store.ts';
import { plain } from '../terminal.ts';
import { curlCommand, keyOfWireName, listedTools, pickAllowed, pickRefused, type ListedTool } from '../try-out.ts';

/** Options of `run`. */
export interface RunOptions extends CommonOptions {
  readonly stdio: boolean;
  readonly verbose: boolean;
  /** A role: makes a key for trying things out. */
  readonly try?: string;
  /** A server or view, for the stdio door. */
  readonly at?: string;
}

/** The name of the key that `--try` makes. */
const tryKeyName = 'quickstart';
/** How long the first server may take, after the gateway itself waits no more, until the banner goes without; ms. */
const firstReadyTimeout = 20_000;
/** Time until the next look; it goes on after a stop, but keeps nothing alive. */
const nextLook = (ms: number) => wait(ms, undefined, { ref: false });

/** Runs until a signal asks to stop, then lets running calls end. */
export async function run(options: RunOptions, context: Context): Promise<number> {
  if (options.stdio) {
    if (options.try !== undefined) throw usageFailure('--try and --stdio exclude each other', 'give one of them');
    return (await import('../stdio-gate.ts')).runStdio(options, context);
  }
  if (options.at !== undefined)
    throw usageFailure('--at is for --stdio', 'callers over HTTP choose by the path: /mcp/NAME');
  const files = configFiles(options, context.host);
  const config = await requireConfig(options, context);
  const trial = options.try === undefined ? undefined : requireTrial(options.try, config);
  const live = liveView(options, context);
  const gateway = await requireGateway(config, {
    files,
    onExchange: live.exchange,
    onLog: live.log,
    onProblems: live.problems,
  });
  const stopped = untilSignal();
  const { err } = context.terminal;
  const progress = (text: string) => void (err.isTerminal && err.write(`\r\u001b[2K${text}`));
  progress(`starting ${config.upstreams.length} servers …`);
  const ready = gateway.settled.then(async () => {
    const servers = () => gateway.status().servers;
    const names = namesOfStarting(servers());
    if (trial === undefined || names.length === 0 || isUsable(servers())) return;
    progress(`waiting for ${names.join(', ')}: a first start may have to download …`);
    await firstUsable(servers, nextLook, firstReadyTimeout);
  });
  const isStopped = await Promise.race([ready.then(() => false), stopped.then(() => true)]);
  progress('');
  if (!isStopped) {
    const key = trial === undefined ? undefined : await makeTrialKey(trial, config);
    // The key is shown at once, so it has to work at once.
    if (key !== undefined) await gateway.refresh();
    if (options.json)
      context.terminal.json({ event: 'started', ...gateway.status(), ...(key !== undefined && { key: key.key }) });
    else {
      const { out, paint, print } = context.terminal;
      const makeTries = () => live.whileAsking(() => tries(gateway, config, options, key, context.host));
      const facts = bannerFacts(gateway, config, key, context);
      const isUsableNow = isUsable(facts.servers);
      const shown = isUsableNow ? await makeTries() : [];
      for (const line of banner({ ...facts, tries: shown }, { paint, isTerminal: out.isTerminal })) print(line);
      if (key !== undefined && !isUsableNow) void printTriesLater(gateway, makeTries, stopped, context);
    }
    live.begin();
    await stopped;
  }
  live.end();
  if (err.isTerminal) context.terminal.note(' stopping: running calls may end; again to stop at once');
  await gateway.close();
  return exitCodes.fine;
}

function requireTrial(role: string, config: Config): string {
  if (!config.roles.some((one) => one.name === role)) {
    throw usageFailure(`no role called "${role}"`, `roles here: ${config.roles.map((one) => one.name).join(', ')}`);
  }
  if (!config.callers.keys) throw new Failure('the configuration accepts no keys', 'set callers.keys to true');
  return role;
}

/** Makes the key, in place of the one of the last start: it is kept as a hash only, and has to be shown. */
function makeTrialKey(role: string, config: Config): Promise<CreatedKey> {
  return withStore(config, async ({ keys }) => {
    await keys.revoke(tryKeyName);
    const made = await keys.create({ name: tryKeyName, roles: [role] });
    if ('fault' in made) throw new Failure(made.message, 'see them:  sallyport keys list');
    return made;
  });
}

/** Shows exchanges and the log as lines, or as JSON; nothing but warnings before it begins. */
function liveView(options: RunOptions, context: Context) {
  const { terminal } = context;
  let hasBegun = false;
  let hasEnded = false;
  let isAsking = false;
  const early: (() => void)[] = [];
  const style = { paint: terminal.paint, isTerminal: terminal.out.isTerminal };
  const show = (line: () => void) => (hasBegun ? line() : void early.push(line));
  return {
    exchange: (summary: ExchangeSummary) =>
      show(() => {
        if (isAsking && summary.method === 'tools/list' && summary.door === 'stdio') return;
        if (options.json) terminal.json({ event: 'exchange', ...summary });
        else terminal.print(exchangeLine(summary, { ...style, utcOffset: new Date(summary.time).getTimezoneOffset() }));
      }),
    log: (line: GatewayLogLine) => {
      if (hasEnded || (line.level === 'stderr' && !options.verbose)) return;
      if (options.json) return show(() => terminal.json({ event: 'log', ...line }));
      const { server } = line;
      const text = plain(server === undefined ? line.text : `${server} ${withoutName(server, line.text)}`);
      const { paintErr } = terminal;
      if (line.level === 'warning') return terminal.note(`${paintErr.yellow('!')} ${text}`);
      if (hasBegun || options.verbose) terminal.note(paintErr.dim(`· ${text}`));
    },
    problems: (problems: readonly Problem[]) => {
      if (!options.json) return showProblems(problems, false, context);
      for (const problem of problems) show(() => terminal.json({ event: 'problem', ...problemFacts(problem) }));
    },
    begin: () => {
      hasBegun = true;
      // What passed before the banner counts as well, but the banner's own questions do not interest anybody.
      early.splice(0);
    },
    /** Does not show the list that we ask for ourselves meanwhile. */
    whileAsking: async <T>(ask: () => Promise<T>): Promise<T> => {
      isAsking = true;
      return ask().finally(() => (isAsking = false));
    },
    /** From here on servers stop because they are told to, which is no news. */
    end: () => {
      hasEnded = true;
    },
  };
}

function bannerFacts(
  gateway: RunningGateway,
  config: Config,
  key: CreatedKey | undefined,
  { host }: Context,
): Omit<BannerFacts, 'tries'> {
  const status = gateway.status();
  return {
    version: status.version,
    servers: status.servers,
    endpoint: gateway.endpoint ?? '',
    publicEndpoint: status.publicEndpoint,
    admin: gateway.admin,
    isObserving: status.mode === 'observe',
    audit: shortPath(config.audit.directory, host),
    key: key && { text: key.key, role: key.roles.join(', ') },
  };
}

/** What to try, once the banner had nothing to show and a server has come up after all. */
async function printTriesLater(
  gateway: RunningGateway,
  makeTries: () => Promise<readonly Try[]>,
  stopped: Promise<unknown>,
  { terminal }: Context,
): Promise<void> {
  const ready = firstUsable(() => gateway.status().servers, nextLook, Infinity);
  const isThere = await Promise.race([ready, stopped.then(() => false)]);
  if (!isThere) return;
  const found = await Promise.race([makeTries(), stopped.then(() => [])]);
  for (const line of tryLines(found, terminal.paint)) terminal.print(line);
  terminal.print();
}

async function tries(
  gateway: RunningGateway,
  config: Config,
  options: RunOptions,
  key: CreatedKey | undefined,
  host: Context['host'],
): Promise<readonly Try[]> {
  if (key === undefined) return [];
  const access = compilePolicy(toPolicyModel(config)).access(key.roles);
  const isAllowed = (name: string) => decide(access, 'tools', name).effect === 'allow';
  const tools = config.callers.local === undefined ? [] : await listTools(gateway);
  const allowed = pickAllowed(tools, isAllowed);
  // Where policy is only observed nothing would be refused.
  const refused = config.mode === 'observe' ? undefined : pickRefused(tools, isAllowed);
  const own = (command: string, words: string) => ownCommand(command, words, options, host);
  const found: Try[] = [];
  if (allowed !== undefined) {
    found.push({ about: 'A call that is allowed:', command: curlCommand(gateway.endpoint ?? '', key.key, allowed) });
  }
  const refusedKey = refused && keyOfWireName(refused.name);
  if (refused !== undefined && refusedKey !== undefined) {
    const as = key.roles.map((role) => `--as ${shellQuote(role)}`).join(' ');
    const words = `${as} ${shellQuote(refusedKey)} ${shellQuote(JSON.stringify(refused.arguments))}`;
    found.push({ about: 'One that is refused, as if there were no such tool:', command: own('call', words) });
  }
  found.push({
    about: 'Then ask why, let a client program in, see how it stands:',
    command: [own('explain', '<the id at the end of its line here>'), own('connect', 'claude'), own('status', '')].join(
      '\n',
    ),
  });
  return found;
}

/** Lists the tools as the local user sees them, through a door of our own. */
async function listTools(gateway: RunningGateway): Promise<ListedTool[]> {
  const toDoor = new PassThrough();
  const fromDoor = new PassThrough();
  const door = gateway.openStdio(toDoor, fromDoor);
  const caller = createMcpCaller({ input: fromDoor, output: toDoor }, gateway.status().version);
  const answer = await caller.request('tools/list', {});
  caller.close();
  await door.closed;
  return answer.kind === 'result' ? listedTools(answer.result) : [];
}
