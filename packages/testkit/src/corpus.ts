/** Where the shared test data is: big and partly licensed, so it stays outside the repository and may be absent. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Finds a file of the shared test data: below `SALLYPORT_SHARED`, or `shared` beside the repository's folder.
 * @param parts path below the shared folder.
 * @returns an absolute path, whether or not something is there.
 */
export function sharedPath(...parts: string[]): string {
  return join(process.env['SALLYPORT_SHARED'] ?? join(repository, '..', 'shared'), ...parts);
}

/** A corpus that is here, or the line that says why its tests are skipped. */
export type Corpus =
  | { readonly isHere: true; readonly path: string }
  | { readonly isHere: false; readonly path: string; readonly skip: string };

/**
 * Finds a corpus and says so on standard error when it is absent, so that skipped tests never pass for run ones.
 * @param name path below `corpus/`, such as `json/parsing`.
 */
export function corpusOrSkip(name: string): Corpus {
  const path = sharedPath('corpus', ...name.split('/'));
  if (existsSync(path)) return { isHere: true, path };
  const skip = `skipped: corpus ${name} is absent (set SALLYPORT_SHARED to the folder that holds corpus/)`;
  process.stderr.write(`${skip}\n`);
  return { isHere: false, path, skip };
}

/**
 * Reads a JSON Lines file.
 * @param path absolute path.
 * @returns one value a line; what the values are is for the caller to know.
 */
export function readJsonl<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
