/** How another program starts this one again: by absolute paths, since desktop programs have a search path of their own. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Program and first arguments that start this very Sallyport with this very Node. */
export function ownProgram(): { readonly command: string; readonly args: readonly string[] } {
  // The same extension as this file: .ts in the source tree, .js in a packed build.
  const main = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));
  return { command: process.execPath, args: ['--disable-warning=ExperimentalWarning', main] };
}

/** Tells whether this program lies in a cache that npx clears as it likes. */
export function isInTemporaryCache(): boolean {
  return /[\\/]_npx[\\/]/.test(fileURLToPath(import.meta.url));
}
