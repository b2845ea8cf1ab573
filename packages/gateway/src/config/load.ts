/**
 * From files to a configuration: read, merge in order, include, follow references, read by the table of keys, check the
 * rules over several keys. Everything that is wrong is reported in one go.
 */
import { dirname, resolve } from 'node:path';
import { bareHost, formatAddress, isLoopback, isWildcard, parseAddress } from './address.ts';
import { checkIntrospection } from './callers-introspection.ts';
import { checkIssuers } from './callers-jwt.ts';
import { readConfigFile } from './files.ts';
import { createReadRecorder, type SourcePaths } from './fingerprint.ts';
import { addIncluded, expandInclude } from './include.ts';
import { file as fileReader, includeList, type FileBody } from './keys.ts';
import { mergeMaps } from './merge.ts';
import { entryOf, type Entry, type MapNode } from './node.ts';
import type { ConfigPorts } from './ports.ts';
import { createProblemLog, type Problem, type ProblemLog } from './problem.ts';
import { lengthOf, type Reading } from './reader.ts';
import { followReferences } from './references.ts';
import { tls } from './transport.ts';
import type { Config, ConfigOutline, ConfigSources, TlsConfig } from './types.ts';

/** A configuration, or everything that is wrong with it. Warnings do not hinder. */
export type Loaded<C extends ConfigOutline = Config> =
  | { readonly ok: true; readonly config: C; readonly warnings: readonly Problem[] }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly warnings: readonly Problem[];
      readonly sources: ConfigSources;
    };

/** How a configuration is loaded. */
export interface LoadOptions {
  /** Whether references under `upstreams` to what only the servers are given are followed. Default `resolve`. */
  readonly secrets?: 'resolve' | 'skip';
}

/**
 * Loads a configuration.
 *
 * @param files paths in the order in which they are laid over each other. None is a bug of the program: `RangeError`.
 * @returns the configuration, or all problems, sorted by file and line, and what was read until then.
 */
export function loadConfig(
  files: readonly string[],
  outside: ConfigPorts,
  options?: LoadOptions & { readonly secrets?: 'resolve' },
): Promise<Loaded>;
export function loadConfig(
  files: readonly string[],
  outside: ConfigPorts,
  options: LoadOptions,
): Promise<Loaded<ConfigOutline>>;
export async function loadConfig(
  files: readonly string[],
  outside: ConfigPorts,
  { secrets = 'resolve' }: LoadOptions = {},
): Promise<Loaded> {
  if (files.length === 0) throw new RangeError('a configuration needs at least one file');
  const recorder = createReadRecorder(outside);
  const { ports } = recorder;
  const log = createProblemLog();
  const paths = files.map((path) => resolve(ports.workingFolder, path));
  const trees: MapNode[] = [];
  for (const path of paths) {
    const source = await readConfigFile(path, ports, log);
    if (source !== undefined) trees.push(source);
  }
  const fail = (found: SourcePaths): Loaded => ({
    ok: false,
    ...log.sorted(),
    sources: { ...found, fingerprint: recorder.fingerprintOf(found) },
  });
  const [base, ...patches] = trees;
  if (base === undefined || trees.length < paths.length) return fail({ files: paths, secretFiles: [], folders: [] });
  const merged = patches.reduce((target, patch) => mergeMaps(target, patch), base);

  const included = await includeFiles(merged, ports, log);
  const { root } = included;
  // A command must not run on the word of a file that others can change.
  const isTrusted = !log.problems.some((problem) => problem.code === 'unsafe-file');
  const references = await followReferences(root, ports, isTrusted, secrets === 'skip');
  const sources: SourcePaths = {
    files: [...paths, ...included.files],
    secretFiles: references.files,
    folders: included.folders,
  };
  const reading = readingOf(root, log, ports, references.resolutions, secrets === 'resolve');
  const body = fileReader.read(root, reading);
  checkAnonymous(root, log);
  if (body !== undefined) checkWhole(body, root, log);
  const sorted = log.sorted();
  if (body === undefined || sorted.problems.length > 0) return fail(sources);
  const { version: _version, include: _include, admin, ...rest } = body;
  const config: Config = {
    ...rest,
    admin: admin === false ? undefined : admin,
    ...sources,
    fingerprint: recorder.fingerprintOf(sources),
    tree: root,
  };
  return { ok: true, config, warnings: sorted.warnings };
}

/**
 * Reads certificate, key and authorities anew from where a configuration has them: they run out, whatever else is wrong
 * with its files by now.
 *
 * @returns `undefined` where there is no TLS, or what is there now is not right
 */
export async function readTlsAgain(config: Config, ports: ConfigPorts): Promise<TlsConfig | undefined> {
  const entry = entryOf(config.tree, 'tls');
  if (entry === undefined) return undefined;
  const log = createProblemLog();
  const root: MapNode = { ...config.tree, entries: [entry] };
  const { resolutions } = await followReferences(root, ports, true, false);
  const found = tls.read(entry.value, readingOf(root, log, ports, resolutions, true));
  return log.problems.length === 0 ? found : undefined;
}

interface Included {
  readonly root: MapNode;
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Adds the files of `include:` and takes the key away, since it was read. */
async function includeFiles(merged: MapNode, ports: ConfigPorts, log: ProblemLog): Promise<Included> {
  const entry = entryOf(merged, 'include');
  let root: MapNode = { ...merged, entries: merged.entries.filter((other) => other !== entry) };
  if (entry === undefined) return { root, files: [], folders: [] };
  const reading = readingOf({ ...merged, entries: [] }, log, ports, new Map(), true);
  const patterns = includeList.read(entry.value, reading) ?? [];
  const items = entry.value.kind === 'list' ? entry.value.items : [];
  const files: string[] = [];
  const folders = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    folders.add(dirname(pattern));
    const node = items[index] ?? entry.value;
    for (const path of await expandInclude(pattern, node, ports, log)) {
      if (files.includes(path)) continue;
      files.push(path);
      const source = await readConfigFile(path, ports, log, node.origin);
      if (source !== undefined) root = addIncluded(root, source, log);
    }
  }
  return { root, files, folders: [...folders] };
}

/** What readers know about a tree. */
function readingOf(
  root: MapNode,
  log: ProblemLog,
  ports: ConfigPorts,
  resolutions: Reading['resolutions'],
  needsServerSecrets: boolean,
): Reading {
  return {
    log,
    resolutions,
    roleNames: namesUnder(root, 'roles'),
    upstreamNames: namesUnder(root, 'upstreams'),
    env: ports.env,
    nodePath: ports.nodePath,
    needsServerSecrets,
    isProtected: entryOf(root, 'tls') !== undefined || entryOf(root, 'behindProxy') !== undefined,
    now: (ports.now ?? Date.now)(),
  };
}

function namesUnder(root: MapNode, key: string): ReadonlySet<string> {
  const value = entryOf(root, key)?.value;
  return new Set(value?.kind === 'map' ? value.entries.map((entry) => entry.key) : []);
}

/** Whoever can reach the door without a credential gets the anonymous role, so the door must be local. */
function checkAnonymous(root: MapNode, log: ProblemLog): void {
  const callers = entryOf(root, 'callers')?.value;
  const anonymous = callers?.kind === 'map' ? entryOf(callers, 'anonymous') : undefined;
  if (anonymous === undefined) return;
  const listen = textAt(root, 'listen');
  const publicUrl = textAt(root, 'publicUrl');
  const address = listen === undefined ? undefined : parseAddress(listen);
  const isListeningOut = address !== undefined && !isLoopback(address.host);
  const isForwarded = entryOf(root, 'behindProxy') !== undefined;
  const isPublished = publicUrl !== undefined && URL.canParse(publicUrl) && !isLoopback(bareHost(new URL(publicUrl)));
  if (!isListeningOut && !isPublished && !isForwarded) return;
  const where = isListeningOut ? 'listen is not' : isPublished ? 'publicUrl is not' : 'a proxy forwards from elsewhere';
  log.report(anonymous.keyOrigin, {
    code: 'conflict',
    message: `callers without a credential are allowed on loopback only, and ${where}`,
    suggestion: 'remove anonymous and give each caller a key: sallyport keys create --name NAME --role ROLE',
    length: anonymous.key.length,
  });
}

function textAt(root: MapNode, key: string): string | undefined {
  const value = entryOf(root, key)?.value;
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}

/** Rules over several keys. */
function checkWhole(body: FileBody, root: MapNode, log: ProblemLog): void {
  checkPublicUrl(body, root, log);
  checkCertificates(body, root, log);
  checkIssuers(body.callers.jwt, body.publicUrl, log);
  checkIntrospection(body, root, log);
  if (body.admin === false || body.listen.port === 0) return;
  if (formatAddress(body.admin.listen) !== formatAddress(body.listen)) return;
  const at = entryOf(root, 'admin')?.value ?? entryOf(root, 'listen')?.value ?? root;
  log.report(at.origin, {
    code: 'conflict',
    message: `callers and admin cannot both listen on ${formatAddress(body.listen)}`,
    suggestion: 'give admin another port: admin: { listen: 127.0.0.1:8849 }',
    length: lengthOf(at),
  });
}

/** Callers name no wildcard, so at such an address it has to be said which Host is ours. */
function checkPublicUrl({ listen, publicUrl }: FileBody, root: MapNode, log: ProblemLog): void {
  if (publicUrl !== undefined || !isWildcard(listen.host)) return;
  const at = entryOf(root, 'listen')?.value ?? root;
  log.report(at.origin, {
    code: 'conflict',
    message: `${formatAddress(listen)} is every address of this machine, so it is not known which Host is ours`,
    suggestion: 'add publicUrl: https://HOST, the address that callers write',
    length: lengthOf(at),
  });
}

/** Certificates are asked for where they name somebody, and name somebody where they are asked for. */
function checkCertificates({ tls, behindProxy, callers }: FileBody, root: MapNode, log: ProblemLog): void {
  const shows = tls?.clientCa !== undefined || behindProxy?.certificate !== undefined;
  if (shows === (callers.certificates !== undefined)) return;
  const place = (key: string, below: string): Entry | undefined => {
    const value = entryOf(root, key)?.value;
    return value?.kind === 'map' ? entryOf(value, below) : undefined;
  };
  const at = shows
    ? (place('tls', 'clientCa') ?? place('behindProxy', 'certificate'))
    : place('callers', 'certificates');
  log.report(at?.keyOrigin ?? root.origin, {
    code: 'conflict',
    message: shows
      ? 'client certificates would be asked for and name nobody'
      : 'no caller can show a certificate: nothing asks for one',
    suggestion: shows
      ? "add callers: { certificates: { identity: san-uri, roles: { 'spiffe://example.com/agent/*': ROLE } } }"
      : 'add tls: { cert, key, clientCa }, or behindProxy: { trusted, certificate: { header, verified } }',
    length: at?.key.length ?? 1,
  });
}
