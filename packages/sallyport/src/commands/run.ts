/** `sallyport run`: opens the gate and shows what passes; with `--stdio` it is the gate of one client program. */
import { PassThrough } from 'node:stream';
import { compilePolicy, decide, type CreatedKey } from '@sallyport/guard';
import {
  toPolicyModel,
  type Config,
  type ExchangeSummary,
  type GatewayLogLine,
  type RunningGateway,
} from '@sallyport/gateway';
import { banner, type BannerFacts } from '../banner.ts';
import { requireConfig, showProblems } from '../configuration.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { exchangeLine } from '../exchange-line.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { requireGateway, untilSignal } from '../gateway.ts';
import { createMcpCaller } from '../mcp-caller.ts';
import { withStore } from '../store.ts';
import { plain } from '../terminal.ts';
import { curlCommand, listedTools, pickAllowed, pickRefused, shellQuote, type ListedTool } from '../try-out.ts';

/** Options of `run`. */
export interface RunOptions extends CommonOptions {
  readonly stdio: boolean;
  readonly verbose: boolean;
  /** A role: makes a key for trying things out. */
  readonly try?: string;
}

/** The name of the key that `--try` makes. */
const tryKeyName = 'quickstart';

/** Runs until a signal asks to stop, then lets running calls end. */
export async function run(options: RunOptions, context: Context): Promise<number> {
  if (options.stdio) {
    if (options.try !== undefined) throw usageFailure('--try and --stdio exclude each other', 'give one of them');
    return (await import('../stdio-gate.ts')).runStdio(options, context);
  }
  const files = configFiles(options, context.host);
  const config = await requireConfig(options, context);
  const trial = options.try === undefined ? undefined : requireTrial(options.try, config);
  const live = liveView(options, context);
  const gateway = await requireGateway(config, {
    files,
    onExchange: live.exchange,
    onLog: live.log,
    onProblems: (problems) => showProblems(problems, false, context),
  });
  const stopped = untilSignal();
  const { err } = context.terminal;
  if (err.isTerminal) err.write(`starting ${config.upstreams.length} servers …`);
  const isStopped = await Promise.race([gateway.settled.then(() => false), stopped.then(() => true)]);
  if (err.isTerminal) err.write('\r\u001b[2K');
  if (!isStopped) {
    const key = trial === undefined ? undefined : await makeTrialKey(trial, config);
    // The key is shown at once, so it has to work at once.
    if (key !== undefined) await gateway.refresh();
    if (options.json)
      context.terminal.json({ event: 'started', ...gateway.status(), ...(key !== undefined && { key: key.key }) });
    else {
      const facts = await bannerFacts(gateway, config, key, context);
      const { out, paint } = context.terminal;
      for (const line of banner(facts, { paint, isTerminal: out.isTerminal })) context.terminal.print(line);
      context.terminal.print();
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
function liveView(options: RunOptions, { terminal }: Context) {
  let hasBegun = false;
  let hasEnded = false;
  const early: (() => void)[] = [];
  const style = { paint: terminal.paint, isTerminal: terminal.out.isTerminal };
  const show = (line: () => void) => (hasBegun ? line() : void early.push(line));
  return {
    exchange: (summary: ExchangeSummary) =>
      show(() => {
        if (options.json) terminal.json({ event: 'exchange', ...summary });
        else terminal.print(exchangeLine(summary, { ...style, utcOffset: new Date(summary.time).getTimezoneOffset() }));
      }),
    log: (line: GatewayLogLine) => {
      if (hasEnded || (line.level === 'stderr' && !options.verbose)) return;
      if (options.json) return show(() => terminal.json({ event: 'log', ...line }));
      const about = line.server === undefined ? '' : `${plain(line.server)} `;
      const text = `${about}${plain(line.text)}`;
      const { paintErr } = terminal;
      if (line.level === 'warning') return terminal.note(`${paintErr.yellow('!')} ${text}`);
      if (hasBegun || options.verbose) terminal.note(paintErr.dim(`· ${text}`));
    },
    begin: () => {
      hasBegun = true;
      // What passed before the banner counts as well, but the banner's own questions do not interest anybody.
      early.splice(0);
    },
    /** From here on servers stop because they are told to, which is no news. */
    end: () => {
      hasEnded = true;
    },
  };
}

async function bannerFacts(
  gateway: RunningGateway,
  config: Config,
  key: CreatedKey | undefined,
  { host }: Context,
): Promise<BannerFacts> {
  const status = gateway.status();
  const endpoint = gateway.endpoint ?? '';
  return {
    version: status.version,
    servers: status.servers,
    endpoint,
    admin: gateway.admin,
    audit: shortPath(config.audit.directory, host),
    key: key && { text: key.key, role: key.roles.join(', ') },
    tries: key === undefined ? [] : await tries(gateway, config, endpoint, key, host),
  };
}

async function tries(
  gateway: RunningGateway,
  config: Config,
  endpoint: string,
  key: CreatedKey,
  host: Context['host'],
): Promise<BannerFacts['tries']> {
  const access = compilePolicy(toPolicyModel(config)).access(key.roles);
  const isAllowed = (name: string) => decide(access, 'tools', name).effect === 'allow';
  const tools = config.callers.local === undefined ? [] : await listTools(gateway);
  const allowed = pickAllowed(tools, isAllowed);
  const refused = pickRefused(tools, isAllowed);
  // `npm start` and npx leave their mark; there the program is not on the search path.
  const program = host.env['npm_execpath'] === undefined ? 'sallyport' : 'npx sallyport';
  const flags = config.files
    .slice(0, 1)
    .map((file) => `-c ${shellQuote(shortPath(file, host))}`)
    .join('');
  return [
    ...(allowed === undefined
      ? []
      : [{ about: 'A call that is allowed:', command: curlCommand(endpoint, key.key, allowed) }]),
    ...(refused === undefined
      ? []
      : [
          {
            about: 'One that is refused, as if there were no such tool:',
            command: curlCommand(endpoint, key.key, refused),
          },
        ]),
    {
      about: 'Then ask why, let a client program in, see how it stands:',
      command: [
        `${program} explain ${flags} <the id at the end of the line>`,
        `${program} connect ${flags} claude`,
        `${program} status ${flags}`,
      ].join('\n'),
    },
  ];
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
