/** `sallyport status`: how the running gateway, its servers and its audit trail are. */
import {
  controlPath,
  loadConfig,
  systemConfigPorts,
  type ConfigOutline,
  type GatewayStatus,
  type ServerStatus,
} from '@sallyport/gateway';
import type { BlockRow } from '@sallyport/guard';
import { count, endpointRows, observingLines, serverLines } from '../banner.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { askGateway } from '../control.ts';
import { requireFiles } from '../configuration.ts';
import { exitCodes, Failure } from '../failure.ts';
import { introspectorRows, issuerRows } from '../issuers.ts';
import { isStatus, runningOutline } from '../running.ts';
import { readBlocks } from '../store.ts';
import { clip, plain, table } from '../terminal.ts';

/** Shows the status. Exit 1 when no gateway runs, a server is sick, keys of an issuer are lost or the audit trail is in trouble. */
export async function status(options: CommonOptions, context: Context): Promise<number> {
  const { terminal, host } = context;
  const files = configFiles(options, host);
  await requireFiles(files, context);
  const answer = await askGateway(controlPath({ files }), 'status');
  const blocks = await blocksOf(files);
  if (answer === undefined) {
    if (options.json) terminal.json({ running: false, blocks });
    else
      throw new Failure(
        `no gateway runs on ${files.map((file) => shortPath(file, host)).join(', ')}`,
        'start it:  sallyport run',
      );
    return exitCodes.refused;
  }
  if (!isStatus(answer))
    throw new Failure('the gateway answered something unreadable', 'check that it is of the same version');
  if (options.json) terminal.json({ running: true, ...answer, blocks });
  else show(answer, blocks, context);
  const isWell =
    answer.audit.state === 'healthy' &&
    issuersOf(answer).every(({ state }) => state !== 'lost') &&
    answer.introspection?.trouble === undefined &&
    answer.servers.every((server) => server.state === 'ready' || server.state === 'starting');
  return isWell ? exitCodes.fine : exitCodes.refused;
}

/** What is blocked, also where the file is broken and the gateway goes on with what it had. */
async function blocksOf(files: readonly string[]): Promise<readonly BlockRow[]> {
  const config = (await runningOutline(files)) ?? (await readOutline(files));
  return config === undefined ? [] : readBlocks(config);
}

async function readOutline(files: readonly string[]): Promise<ConfigOutline | undefined> {
  const loaded = await loadConfig(files, systemConfigPorts(), { secrets: 'skip' });
  return loaded.ok ? loaded.config : undefined;
}

/** A gateway of an older version does not tell of its views. */
type ShownStatus = Omit<GatewayStatus, 'views'> & Partial<Pick<GatewayStatus, 'views'>>;

function show(status: ShownStatus, blocks: readonly BlockRow[], context: Context): void {
  const { terminal } = context;
  const { paint } = terminal;
  const now = Date.now();
  terminal.print(
    `${paint.bold('Sallyport')} ${paint.dim(`${status.version}, process ${status.pid}, up ${age(now - status.started)}`)}`,
  );
  terminal.print();
  if (status.mode === 'observe') for (const line of [...observingLines(paint), '']) terminal.print(line);
  for (const line of serverLines(status.servers, { paint, isTerminal: terminal.out.isTerminal })) terminal.print(line);
  for (const server of status.servers) {
    if (server.unreadable !== undefined) {
      terminal.print(`     ${paint.yellow('not read')} lists of ${server.name}: ${plain(server.unreadable)}`);
    }
    for (const line of custodyLines(server, now, terminal)) terminal.print(line);
    for (const { list, name, reason } of server.quarantined) {
      terminal.print(`     ${paint.yellow('held back')} ${server.name} ${list} ${plain(name)}: ${plain(reason)}`);
    }
  }
  terminal.print();
  for (const line of staleLines(status, context)) terminal.print(line);
  const { audit } = status;
  const isHealthy = audit.state === 'healthy';
  const rows = [
    ...endpointRows(status, paint),
    ...(status.admin === undefined ? [] : [[paint.dim('Metrics'), `${status.admin}/metrics`]]),
    [paint.dim('Audit'), isHealthy ? paint.green('healthy') : paint.red(plain(audit.state))],
    ...issuerRows(issuersOf(status), paint),
    ...(status.views ?? []).map(({ name, mode }) => [
      paint.dim('View'),
      `${name}${mode === 'search' ? ', searched' : ''} ${paint.dim(`at /mcp/${name}`)}`,
    ]),
    ...(status.mode === 'observe'
      ? [[paint.yellow('Observed'), `${count(status.wouldRefuse, 'exchange')} would have been refused since the start`]]
      : []),
    ...introspectorRows(status.introspection, paint),
    [paint.dim('Callers'), `${status.sessions} sessions, ${status.connections} local programs`],
    ...Object.entries(status.doors)
      .filter(([, { isOpen, connections }]) => isOpen || connections > 0)
      .map(([door, { connections }]) => [paint.dim('Door'), `${door}: ${connections} open`]),
    ...blocks.map(({ kind, subject, expiresAt }) => [
      paint.yellow('Blocked'),
      `${kind} ${plain(subject)} ${paint.dim(expiresAt === undefined ? 'until unblocked' : `for another ${age(expiresAt - now)}`)}`,
    ]),
  ];
  for (const line of table(rows, 2)) terminal.print(line);
}

/** A gateway of an older version does not tell. */
function issuersOf({ issuers = [] }: Partial<GatewayStatus>): GatewayStatus['issuers'] {
  return issuers;
}

/** What the files say that is not in force. A gateway of an older version does not tell. */
function staleLines({ configuration }: Partial<GatewayStatus>, { terminal, host }: Context): string[] {
  const { paint } = terminal;
  const { problems = [], needsRestart = [] } = configuration ?? {};
  const [first] = problems;
  const more = problems.length < 2 ? '' : ` (and ${problems.length - 1} more)`;
  const broken =
    first === undefined
      ? []
      : [
          `  ${paint.yellow('not in force')}  ${shortPath(first.file, host)}:${first.line}:${first.column}: ${plain(first.message)}${more}; see:  sallyport check`,
        ];
  const verb = needsRestart.length === 1 ? 'waits' : 'wait';
  const waiting =
    needsRestart.length === 0
      ? []
      : [`  ${paint.yellow('not in force')}  ${needsRestart.join(', ')} ${verb} for a restart`];
  return [...broken, ...waiting];
}

/** Lines of standard error that are shown of a server that is not well. */
const shownWords = 3;

/** What to think of first when a local server has not been ready since the start. */
const neverReady =
  'never ready so far: npx and its like may still be downloading, and get proxy variables only where env lists them';

/** A program that has ended says why by itself. */
function mayBeDownloading({ transport, lastError }: ServerStatus): boolean {
  return transport === 'stdio' && !/exit code|signal|ENOENT|EACCES/.test(lastError ?? '');
}

/** What there is to say of a server's conversations, and of what it said last while it is not well. */
function custodyLines(server: ServerStatus, now: number, { paint }: Context['terminal']): string[] {
  const { state, share, links, waiting, restarts, breaker, nextTry, counters } = server;
  const tries = breaker === 'half-open' ? 'is being tried now' : 'calls are refused';
  const next = nextTry === undefined ? '' : `, next try in ${age(nextTry - now)}`;
  const facts = [
    ...(breaker === 'closed' ? [] : [`${tries}${next}`]),
    ...(share === 'all' || links === 0 ? [] : [`${count(links, 'conversation')}, one a ${share}`]),
    ...(waiting === 0 ? [] : [`${count(waiting, 'caller')} to wait after failures`]),
    ...(restarts === 0 ? [] : [`restarted ${count(restarts, 'time')}`]),
    ...(state !== 'ready' && counters.opened === 0 && mayBeDownloading(server) ? [neverReady] : []),
    ...(counters.exceeded === 0 ? [] : [`exceeded a limit ${count(counters.exceeded, 'time')}`]),
  ];
  const words = state === 'ready' ? [] : server.stderr.slice(-shownWords);
  return [
    ...(facts.length === 0 ? [] : [`     ${paint.dim(`${server.name}: ${facts.join('; ')}`)}`]),
    ...words.map((line) => `     ${paint.dim(`${server.name} said: ${clip(plain(line), 160)}`)}`),
  ];
}

/** Writes a time span in its largest two units: `3 d 4 h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}
