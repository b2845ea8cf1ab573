/** `sallyport doctor`: goes through everything that has to be right, and says the way out where it is not. */
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import {
  createEgress,
  findTrailDanger,
  lookAtStore,
  trailPublicKeys,
  trailSources,
  verifyTrail,
  type EgressClient,
} from '@sallyport/guard';
import {
  controlPath,
  egressSettings,
  findMachineProblems,
  loadConfig,
  lookAtIssuers,
  readKeys,
  systemConfigPorts,
  type Config,
  type ConfigOutline,
  type GatewayStatus,
  type IssuerLook,
  type IntrospectorStatus,
  type IssuerStatus,
  type Loaded,
  type Problem,
  type ServerStatus,
} from '@sallyport/gateway';
import { count, withoutName } from '../banner.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { askGateway } from '../control.ts';
import { exitCodes, Failure, systemCode } from '../failure.ts';
import { missingWay } from '../gateway.ts';
import { introspectorWords, issuerWords } from '../issuers.ts';
import { exists } from '../files.ts';
import { findProgram } from '../find-program.ts';
import type { Host } from '../host.ts';
import { doubtsOfKeys, withStore } from '../store.ts';
import { clip, plain, table } from '../terminal.ts';
import { isStatus } from '../running.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  readonly verdict: 'fine' | 'warning' | 'wrong';
  readonly text: string;
  /** What to do about it. */
  readonly way?: string;
  /** What a server last wrote to its standard error, oldest first. */
  readonly stderr?: readonly string[];
}

/** How long a server's address may take to answer, milliseconds. */
const reachTimeout = 3_000;
/** Less free space than this is worth a warning, bytes. */
const littleSpace = 256 * 1024 * 1024;

/** Looks at everything. Exit 1 when something is wrong. */
export async function doctor(options: CommonOptions, context: Context): Promise<number> {
  const findings: Finding[] = [nodeFinding(process.versions.node)];
  const files = configFiles(options, context.host);
  const { isRunning, finding, servers, issuers, introspection } = await askIfRunning(files);
  const loaded = await loadFindings(files, isRunning, findings, context);
  if (loaded !== undefined) {
    const { config, upstreams, egress, unable, looks } = loaded;
    findings.push(finding);
    if (!isRunning) await portFindings(config, findings);
    findings.push(
      await stateFinding(config, context.host),
      await storeFinding(config, context.host),
      ...(await keyFindings(config)),
      await auditFinding(config),
    );
    const client = createEgress(egress === undefined ? {} : egressSettings({ egress }));
    const { host } = context;
    findings.push(...(await Promise.all(upstreams.map((upstream) => upstreamFinding(upstream, host, client)))));
    findings.push(...unable.map(({ message, suggestion }) => wrong('servers', message, suggestion)));
    findings.push(...servers.filter(isSick).map(sickFinding));
    findings.push(...(isRunning ? issuers.map(issuerFinding) : looks.map(lookFinding)));
    if (introspection !== undefined) findings.push(introspectorFinding(introspection));
  }
  const isWell = findings.every((finding) => finding.verdict !== 'wrong');
  if (options.json) context.terminal.json({ ok: isWell, findings });
  else show(findings, context);
  return isWell ? exitCodes.fine : exitCodes.refused;
}

/** Judges a version of Node. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > 24 || (major === 24 && minor >= 15);
  if (isNewEnough) return { what: 'Node', verdict: 'fine', text: version };
  return { what: 'Node', verdict: 'wrong', text: `${version} is too old`, way: 'install 24.15 or newer' };
}

/** What is looked at further; no upstreams when it is not known what their servers are given. */
interface LoadedForDoctor {
  readonly config: ConfigOutline;
  readonly upstreams: Config['upstreams'];
  readonly egress: Config['egress'] | undefined;
  /** What servers ask for that this machine cannot do. */
  readonly unable: readonly Problem[];
  /** What came of reading the keys of issuers; none where a gateway that runs knows better. */
  readonly looks: readonly IssuerLook[];
}

/** A gateway that runs has what its servers are given, whether or not it is set here. */
async function loadFindings(
  files: readonly string[],
  isRunning: boolean,
  findings: Finding[],
  { host }: Context,
): Promise<LoadedForDoctor | undefined> {
  const what = 'configuration';
  for (const file of files) {
    if (await exists(file)) continue;
    findings.push({ what, verdict: 'wrong', text: `${shortPath(file, host)} is not there`, way: 'sallyport init' });
    return undefined;
  }
  const report = (verdict: Finding['verdict'], problems: readonly Problem[]) => {
    for (const { file, line, column, message, suggestion } of problems) {
      const text = `${shortPath(file, host)}:${line}:${column}: ${message}`;
      findings.push({ what, verdict, text, ...way(suggestion) });
    }
  };
  const loaded = await loadConfig(files, systemConfigPorts());
  report('warning', loaded.warnings);
  const outline: Loaded<ConfigOutline> = loaded.ok
    ? loaded
    : await loadConfig(files, systemConfigPorts(), { secrets: 'skip' });
  if (!loaded.ok) report(isRunning && outline.ok ? 'warning' : 'wrong', loaded.problems);
  if (!outline.ok) return undefined;
  const count = outline.config.upstreams.length;
  const names = outline.config.files.map((file) => shortPath(file, host)).join(', ');
  if (loaded.ok) findings.push({ what, verdict: 'fine', text: `${names}, ${count} upstream${count === 1 ? '' : 's'}` });
  const unable = loaded.ok ? await findMachineProblems(loaded.config) : [];
  const { upstreams = [], egress } = loaded.ok ? loaded.config : {};
  const looks = loaded.ok && !isRunning ? await lookAtIssuers(loaded.config, systemConfigPorts()) : [];
  return { config: outline.config, upstreams, egress, unable, looks };
}

function way(text: string | undefined): { way?: string } {
  return text === undefined ? {} : { way: text };
}

/** What a gateway that runs says. */
interface Running {
  readonly isRunning: boolean;
  readonly finding: Finding;
  readonly servers: readonly ServerStatus[];
  readonly issuers: readonly IssuerStatus[];
  readonly introspection?: IntrospectorStatus;
}

async function askIfRunning(files: readonly string[]): Promise<Running> {
  const what = 'gateway';
  try {
    const answer = await askGateway(controlPath({ files }), 'status');
    const isRunning = answer !== undefined;
    const known: Partial<GatewayStatus> = isStatus(answer) ? answer : {};
    const { servers = [], issuers = [], introspection } = known;
    return {
      isRunning,
      servers,
      issuers,
      ...(introspection === undefined ? {} : { introspection }),
      finding: { what, verdict: 'fine', text: isRunning ? 'running' : 'not running' },
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { isRunning: false, servers: [], issuers: [], finding: wrong(what, error.message, error.way) };
  }
}

function wrong(what: string, text: string, out: string | undefined): Finding {
  return { what, verdict: 'wrong', text, ...way(out) };
}

const issuerWay = 'check the issuer, its address and the network; see docs/tokens.md';

/** An issuer as the running gateway sees it. */
function issuerFinding(status: IssuerStatus): Finding {
  const verdict = status.state === 'lost' ? 'wrong' : status.state === 'stale' ? 'warning' : 'fine';
  const text = `${status.issuer}: ${issuerWords(status)}`;
  return { what: 'tokens', verdict, text, ...way(verdict === 'fine' ? undefined : issuerWay) };
}

function introspectorFinding(status: IntrospectorStatus): Finding {
  const text = `${status.issuer}: ${introspectorWords(status)}`;
  if (status.trouble === undefined) return { what: 'tokens', verdict: 'fine', text };
  return wrong('tokens', text, 'check url, clientId and clientSecret of callers.introspection, and the way there');
}

/** An issuer whose keys were read just now. */
function lookFinding({ issuer, source, keys, trouble }: IssuerLook): Finding {
  const what = 'tokens';
  if (keys === 0) return wrong(what, `${issuer}: no key: ${trouble.join('; ') || `${source} holds none`}`, issuerWay);
  const rest = trouble.length === 0 ? '' : `; ${trouble.join('; ')}`;
  return { what, verdict: 'fine', text: `${issuer}: ${count(keys, 'key')} from ${source}${rest}` };
}

function isSick({ state }: ServerStatus): boolean {
  return state === 'sick' || state === 'stopped';
}

/** A server that a running gateway cannot use, with its own last words. */
function sickFinding({ name, state, lastError, stderr }: ServerStatus): Finding {
  const said = stderr.at(-1);
  const out = said === undefined ? undefined : `it last said: ${clip(plain(said), 200)}`;
  return { ...wrong(name, `is ${state}: ${withoutName(name, lastError ?? 'no reason is known')}`, out), stderr };
}

async function portFindings(config: ConfigOutline, findings: Finding[]): Promise<void> {
  const wanted = [
    { key: 'listen', listen: config.listen },
    ...(config.admin === undefined ? [] : [{ key: 'admin.listen', listen: config.admin.listen }]),
  ];
  for (const { key, listen } of wanted) {
    const place = `${listen.host}:${listen.port}`;
    const code = await tryListen(listen);
    if (code === undefined) findings.push({ what: 'port', verdict: 'fine', text: `${place} is free` });
    else
      findings.push({
        what: 'port',
        verdict: 'wrong',
        text: `${place} cannot be had (${code})`,
        way: `stop what has it, or change ${key}`,
      });
  }
}

function tryListen({ host, port }: Config['listen']): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once('error', (error) => resolve(systemCode(error) ?? 'unknown error'));
  server.listen(port, host, () => server.close(() => resolve(undefined)));
  return promise;
}

async function stateFinding(config: ConfigOutline, host: Host): Promise<Finding> {
  const folder = dirname(config.store.path);
  const what = 'state folder';
  const shown = shortPath(folder, host);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return { what, verdict: 'fine', text: `${shown} is made at the first start` };
  if (host.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return { what, verdict: 'warning', text: `${shown} can be entered by others`, way: `chmod 700 ${shown}` };
  }
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return { what, verdict: 'wrong', text: `${shown} cannot be written`, way: 'make it yours:  chown and chmod 700' };
  }
  return { what, verdict: 'fine', text: `${shown} is ours alone` };
}

/** Looks at master key and store without making either. */
async function storeFinding(config: ConfigOutline, host: Host): Promise<Finding> {
  const what = 'store';
  const look = await lookAtStore(config.store.path);
  if ('fault' in look) return wrong(what, look.message, storeWay(look.fault));
  const ring = await readKeys(config, systemConfigPorts());
  const keys = count(look.keys, 'key');
  if ('fault' in ring) {
    if (ring.fault !== 'missing' || config.master.kind !== 'file') {
      return wrong(what, ring.message, storeWay(ring.fault));
    }
    if (look.keys === 0) return { what, verdict: 'fine', text: 'master key and store are made at the first start' };
    const path = shortPath(config.master.path, host);
    return wrong(what, `${path} is missing and the store has ${keys}`, missingWay);
  }
  if (!look.isThere) return { what, verdict: 'fine', text: 'is made at the first start' };
  if (!look.isCurrent) return { what, verdict: 'fine', text: `${keys}; is brought up to date at the next start` };
  const ignored = await withStore(config, async (store) => (await store.keys.list()).filter((key) => !key.isSealed));
  if (ignored.length === 0) return { what, verdict: 'fine', text: `opens, ${keys}` };
  return {
    what,
    verdict: 'warning',
    text: `${ignored.length} of ${keys} ignored: made under another master key, or changed by other hands`,
    way: 'put back the master key that belongs to the store, or revoke them',
  };
}

/** Keys that end soon, and keys that nobody uses. */
async function keyFindings(config: ConfigOutline): Promise<Finding[]> {
  return (await doubtsOfKeys(config)).map(({ message, suggestion }) => ({
    what: 'keys',
    verdict: 'warning',
    text: message,
    way: suggestion,
  }));
}

/** What helps depends on what is wrong: a file that others can change is right where it is, but not to be trusted. */
export function storeWay(fault: string | undefined): string {
  if (fault === 'unsafe') return 'do what is said there, once you know who could have changed it';
  if (fault === 'unsupported') return 'write store: sqlite:state/sallyport.db';
  return 'put back the master key and the store that belong together';
}

async function auditFinding({ audit }: ConfigOutline): Promise<Finding> {
  const what = 'audit trail';
  try {
    const danger = await findTrailDanger(audit.directory);
    if (danger !== undefined) return wrong(what, `is not safe: ${danger}`, storeWay('unsafe'));
    const verdict = await verifyTrail(await trailSources(audit.directory), await trailPublicKeys(audit.directory));
    if (verdict.verdict === 'broken') {
      return {
        what,
        verdict: 'wrong',
        text: `broken at seq ${verdict.seq}`,
        way: 'keep the files as evidence, and see:  sallyport audit verify',
      };
    }
    const { bavail, bsize } = await statfs(audit.directory);
    if (bavail * bsize < littleSpace) {
      const free = Math.floor((bavail * bsize) / 1024 / 1024);
      return {
        what,
        verdict: 'warning',
        text: `only ${free} MiB free; calls are refused when it is full`,
        way: 'free some space, or set audit.keep',
      };
    }
    return {
      what,
      verdict: 'fine',
      text: verdict.verdict === 'empty' ? 'no records yet' : `fine, ${verdict.records} records`,
    };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return { what, verdict: 'fine', text: 'begins at the first start' };
    if (code === undefined) throw error;
    return {
      what,
      verdict: 'wrong',
      text: `cannot be read (${code})`,
      way: `check the permissions of ${audit.directory}`,
    };
  }
}

async function upstreamFinding(
  upstream: Config['upstreams'][number],
  host: Host,
  egress: Pick<EgressClient, 'reach'>,
): Promise<Finding> {
  const what = upstream.name;
  if (upstream.kind === 'stdio') {
    const [program] = upstream.command;
    const path = upstream.env.get('PATH')?.reveal() ?? host.env['PATH'] ?? '';
    const found = await findProgram(program, upstream.cwd, path, host);
    if (found !== undefined) return { what, verdict: 'fine', text: `starts ${found}` };
    return {
      what,
      verdict: 'wrong',
      text: `the program ${program} is not found`,
      way: 'install it, or write its full path',
    };
  }
  const { host: place } = new URL(upstream.url);
  const fault = await egress.reach(upstream.url, reachTimeout);
  if (fault === undefined) return { what, verdict: 'fine', text: `${place} answers` };
  return {
    what,
    verdict: 'warning',
    text: `${place} cannot be reached. ${fault.message}`,
    way: 'check the url and the network; it is tried again while running',
  };
}

function show(findings: readonly Finding[], { terminal }: Context): void {
  const { paint, out } = terminal;
  const marks = out.isTerminal
    ? { fine: '✓', warning: '!', wrong: '✗' }
    : { fine: 'fine', warning: 'warning', wrong: 'wrong' };
  const colours = { fine: paint.green, warning: paint.yellow, wrong: paint.red };
  const rows = findings.map(({ what, verdict, text, way: out }) => {
    const told = out === undefined ? plain(text) : `${plain(text)} ${paint.dim('—')} ${plain(out)}`;
    return [colours[verdict](marks[verdict]), plain(what), told];
  });
  for (const line of table(rows)) terminal.print(line);
}
