/**
 * Files that exist in memory only, laid over the real ones: a configuration made on the fly (`wrap`) or one that is
 * checked before it is written goes through the same loader as any other.
 */
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { ConfigPorts, DiskFault, FileFacts } from './ports.ts';

/** A file in memory. */
export interface VirtualFile {
  readonly content: string | Uint8Array;
  /** Permission bits; 0600 when absent. */
  readonly mode?: number;
  /** Owner; this process when absent. */
  readonly uid?: number;
  /** Group; 0 when absent. */
  readonly gid?: number;
}

/** Returns ports that see `files`, by absolute path, in front of what `ports` see. Their folders are safe ones. */
export function withVirtualFiles(ports: ConfigPorts, files: ReadonlyMap<string, VirtualFile>): ConfigPorts {
  const bytesOf = (file: VirtualFile): Uint8Array =>
    typeof file.content === 'string' ? new TextEncoder().encode(file.content) : file.content;
  const childrenOf = (folder: string): string[] =>
    [...files.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path));
  const uid = ports.identity?.uid ?? 0;

  return {
    ...ports,
    facts: async (path): Promise<FileFacts | DiskFault> => {
      const file = files.get(path);
      if (file !== undefined) {
        const bytes = bytesOf(file);
        const mode = file.mode ?? 0o600;
        return {
          kind: 'file',
          mode,
          uid: file.uid ?? uid,
          gid: file.gid ?? 0,
          size: bytes.length,
          stamp: stampOf(mode, bytes),
        };
      }
      const found = await ports.facts(path);
      if (typeof found !== 'string' || childrenOf(path).length === 0) return found;
      return { kind: 'folder', mode: 0o700, uid, gid: 0, size: 0, stamp: '' };
    },
    read: async (path, limit) => {
      const file = files.get(path);
      if (file === undefined) return ports.read(path, limit);
      const bytes = bytesOf(file);
      return bytes.length > limit ? 'too-large' : bytes;
    },
    list: async (folder) => {
      const found = await ports.list(folder);
      const own = childrenOf(folder);
      if (typeof found === 'string') return own.length === 0 ? found : own;
      return [...new Set([...found, ...own])];
    },
  };
}

function stampOf(mode: number, bytes: Uint8Array): string {
  return `${mode}:${createHash('sha256').update(bytes).digest('hex')}`;
}
