/** Tells whether the files of a configuration still are what was read: contents, permissions, names in folders. */
import { createHash } from 'node:crypto';
import { MAX_FILE_BYTES } from './files.ts';
import type { ConfigPorts } from './ports.ts';
import { MAX_SECRET_BYTES } from './resolve-secret.ts';
import type { ConfigSources } from './types.ts';

/** The paths that a configuration was read from. */
export type SourcePaths = Pick<ConfigSources, 'files' | 'secretFiles' | 'folders'>;

/** Ports that remember what was read through them. */
export interface ReadRecorder {
  readonly ports: ConfigPorts;
  /** Returns a digest of what was read of these paths. */
  fingerprintOf(paths: SourcePaths): string;
}

/** Wraps ports so that the digest is over the very bytes that were used. */
export function createReadRecorder(ports: ConfigPorts): ReadRecorder {
  const seen = new Map<string, string>();
  const recording: ConfigPorts = {
    ...ports,
    facts: async (path) => {
      const facts = await ports.facts(path);
      seen.set(
        `rights ${path}`,
        typeof facts === 'string' ? facts : [facts.kind, facts.mode, facts.uid, facts.gid].join(' '),
      );
      return facts;
    },
    read: async (path, limit) => {
      const bytes = await ports.read(path, limit);
      seen.set(`bytes ${path}`, typeof bytes === 'string' ? bytes : createHash('sha256').update(bytes).digest('hex'));
      return bytes;
    },
    list: async (folder) => {
      const names = await ports.list(folder);
      seen.set(`names ${folder}`, typeof names === 'string' ? names : JSON.stringify([...names].sort()));
      return names;
    },
  };
  return {
    ports: recording,
    fingerprintOf: ({ files, secretFiles, folders }) => {
      const keys = [...files, ...secretFiles].flatMap((path) => [`rights ${path}`, `bytes ${path}`]);
      const all = [...keys, ...folders.map((folder) => `names ${folder}`)];
      const facts = all.map((key) => [key, seen.get(key) ?? '']);
      return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
    },
  };
}

/** Returns the fingerprint that loading these paths now would have. */
export async function fingerprintNow(paths: SourcePaths, ports: ConfigPorts): Promise<string> {
  const recorder = createReadRecorder(ports);
  const read = async (path: string, limit: number): Promise<void> => {
    const facts = await recorder.ports.facts(path);
    if (typeof facts !== 'string' && facts.kind === 'file') await recorder.ports.read(path, limit);
  };
  for (const path of paths.files) await read(path, MAX_FILE_BYTES);
  for (const path of paths.secretFiles) await read(path, MAX_SECRET_BYTES);
  for (const folder of paths.folders) await recorder.ports.list(folder);
  return recorder.fingerprintOf(paths);
}
