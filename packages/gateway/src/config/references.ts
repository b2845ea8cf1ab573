/** From texts that name their value to the values: references, and paths of public files such as certificates. */
import { publicKeyFiles } from './callers-jwt.ts';
import { entryOf, type ConfigNode, type MapNode, type ScalarNode } from './node.ts';
import { fileReference } from './pem.ts';
import type { ConfigPorts, Resolution } from './ports.ts';
import { isReference, parseReference, resolvePublicFile, resolveSecret, sourceOf } from './resolve-secret.ts';
import { Secret, type SecretReference } from './secret.ts';

/** What a server is given; the other keys of an upstream are rules about it. */
const givenToServers: ReadonlySet<string> = new Set(['command', 'env', 'cwd', 'sandbox', 'url', 'auth']);

/** Returns the references below a node. */
function referencesBelow(node: ConfigNode): readonly ScalarNode[] {
  if (node.kind === 'list') return node.items.flatMap(referencesBelow);
  if (node.kind === 'map') return node.entries.flatMap((entry) => referencesBelow(entry.value));
  return typeof node.value === 'string' && isReference(node.value) ? [node] : [];
}

/** Returns the references to what only servers are given, and to what only requests of our own need. */
function serverReferences(root: MapNode): readonly ScalarNode[] {
  const egress = entryOf(root, 'egress')?.value;
  const ours = egress === undefined ? [] : referencesBelow(egress);
  const upstreams = entryOf(root, 'upstreams')?.value;
  if (upstreams?.kind !== 'map') return ours;
  const given = upstreams.entries.flatMap(({ value }) => {
    if (value.kind !== 'map') return [];
    return value.entries.flatMap((entry) => (givenToServers.has(entry.key) ? referencesBelow(entry.value) : []));
  });
  return [...ours, ...given];
}

/** Where the file names files by their paths, whose content is no secret. */
function publicPaths(root: MapNode): readonly (readonly string[])[] {
  const upstreams = entryOf(root, 'upstreams')?.value;
  const names = upstreams?.kind === 'map' ? upstreams.entries.map(({ key }) => key) : [];
  return [
    ['tls', 'cert'],
    ['tls', 'clientCa'],
    ['behindProxy', 'certificate', 'ca'],
    ['egress', 'ca'],
    ...names.map((name) => ['upstreams', name, 'auth', 'mtls', 'cert']),
  ];
}

/** The plain paths there, as references to files. */
function publicFiles(root: MapNode): readonly (readonly [ScalarNode, SecretReference & { readonly kind: 'file' }])[] {
  return publicPaths(root).flatMap((keys) => {
    const node = keys.reduce<ConfigNode | undefined>(
      (at, key) => (at?.kind === 'map' ? entryOf(at, key)?.value : undefined),
      root,
    );
    const reference = node?.kind === 'scalar' ? fileReference(node) : undefined;
    return node?.kind === 'scalar' && reference?.kind === 'file' ? [[node, reference] as const] : [];
  });
}

/**
 * Follows the references in the tree, and the paths of files that are no secrets. `master` stays a reference: its file may
 * be made later.
 *
 * @param mayRun - whether commands may
 * @param skipsServers - whether what servers are given stays a reference too
 * @returns what each text leads to, and the files that were read
 */
export async function followReferences(
  root: MapNode,
  ports: ConfigPorts,
  mayRun: boolean,
  skipsServers: boolean,
): Promise<{ resolutions: ReadonlyMap<ScalarNode, Resolution>; files: readonly string[] }> {
  const skipped = new Set(skipsServers ? serverReferences(root) : []);
  const keyFiles = publicKeyFiles(root);
  const found = root.entries
    .flatMap((entry) => (entry.key === 'master' ? [] : referencesBelow(entry.value)))
    .filter((node) => !keyFiles.has(node));

  const files = new Set<string>();
  const pending = new Map<string, Promise<Resolution>>();
  const follow = (node: ScalarNode): Promise<Resolution> | undefined => {
    const reference = parseReference(String(node.value), node.origin);
    if (reference.kind === 'fault') {
      return Promise.resolve({
        ok: false,
        code: 'secret',
        message: reference.message,
        suggestion: reference.suggestion,
      });
    }
    if (skipped.has(node)) return Promise.resolve({ ok: true, secret: new Secret(undefined, sourceOf(reference)) });
    if (reference.kind === 'command' && !mayRun) return undefined;
    if (reference.kind === 'file') files.add(reference.path);
    const where = reference.kind === 'env' ? '' : reference.kind === 'file' ? reference.path : reference.cwd;
    const key = JSON.stringify([reference.written, where]);
    const known = pending.get(key) ?? resolveSecret(reference, ports);
    pending.set(key, known);
    return known;
  };
  const resolutions = new Map<ScalarNode, Resolution>();
  await Promise.all(
    found.map(async (node) => {
      const resolution = await follow(node);
      if (resolution !== undefined) resolutions.set(node, resolution);
    }),
  );
  await Promise.all(
    publicFiles(root).map(async ([node, { path, written }]) => {
      files.add(path);
      resolutions.set(node, await resolvePublicFile(path, written, ports));
    }),
  );
  return { resolutions, files: [...files] };
}
