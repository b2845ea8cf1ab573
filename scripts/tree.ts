// The repository as data: where it is, which text files it holds, which packages. What git ignores is left out by name.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const left = new Set(['node_modules', '.git', 'dist', 'coverage', 'state', '.prove']);

/**
 * Lists files below a folder, in alphabetical order.
 * @param folder relative to the root; an absent folder has no files.
 * @param wanted decides by relative path; default all.
 * @returns paths relative to the root, with `/` on every system.
 */
export function listFiles(folder: string, wanted: (path: string) => boolean = () => true): string[] {
  const found: string[] = [];
  const walk = (absolute: string): void => {
    let entries;
    try {
      entries = readdirSync(absolute, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return;
      }
      throw error;
    }
    for (const entry of entries) {
      const path = join(absolute, entry.name);
      if (entry.isDirectory() && !left.has(entry.name)) {
        walk(path);
      } else if (entry.isFile()) {
        const shown = relative(root, path).split(sep).join('/');
        if (wanted(shown)) {
          found.push(shown);
        }
      }
    }
  };
  walk(join(root, folder));
  return found.sort();
}

/**
 * Reads a text file of the repository.
 * @param path relative to the root.
 * @returns its text, or `undefined` when there is no such file.
 */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/** The parts of a package.json that the scripts read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One workspace package. */
export interface Package {
  /** The folder's name under `packages/`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Reads a package.json.
 * @param path relative to the root.
 * @returns its content; throws when the file is absent or not JSON.
 */
export function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
}

/** Lists the workspace packages, by folder name. */
export function listPackages(): Package[] {
  return readdirSync(join(root, 'packages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readText(`packages/${entry.name}/package.json`) !== undefined)
    .map((entry) => ({ folder: entry.name, manifest: readManifest(`packages/${entry.name}/package.json`) }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}
