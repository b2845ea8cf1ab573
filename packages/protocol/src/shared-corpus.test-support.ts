/** Finds the security corpus that stands beside the repository, for tests that read it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const shared = process.env['SALLYPORT_SHARED'] ?? path.resolve(import.meta.dirname, '../../../../shared');
const corpus = path.join(shared, 'corpus');

/** False where the corpus is absent; tests that need it are skipped then, under a title that says so. */
export const hasCorpus = existsSync(corpus);

/** Ends the title of a suite over the corpus. */
export const corpusNote = hasCorpus ? '' : ` (skipped: no corpus in ${corpus})`;

/**
 * Reads a file of JSON lines.
 *
 * @param name path within the corpus
 * @returns the parsed lines
 */
export function corpusLines(name: string): unknown[] {
  const text = readFileSync(path.join(corpus, name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/**
 * Reads all files of a folder.
 *
 * @param name path within the corpus
 * @returns names and contents
 */
export function corpusFiles(name: string): { name: string; bytes: Uint8Array }[] {
  const folder = path.join(corpus, name);
  return readdirSync(folder).map((file) => ({ name: file, bytes: readFileSync(path.join(folder, file)) }));
}
