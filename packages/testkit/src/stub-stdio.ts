/** How to start the stub stdio server. */

import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Ways in which the stub can behave. */
export interface StubStdioOptions {
  /** Which eras it speaks; both by default. */
  readonly era?: 'legacy' | 'modern' | 'both';
  /** Ignores SIGTERM and the end of its input; false by default. */
  readonly ignoresTerm?: boolean;
  /** Starts a child of its own that ignores SIGTERM; false by default. */
  readonly forks?: boolean;
}

/**
 * The argv of the stub, for an upstream's `command`.
 * @returns program and arguments, all absolute.
 */
export function stubStdioCommand({ era = 'both', ignoresTerm, forks }: StubStdioOptions = {}): [string, ...string[]] {
  return [
    process.execPath,
    fileURLToPath(new URL('stub-stdio-server.ts', import.meta.url)),
    '--era',
    era,
    ...(ignoresTerm === true ? ['--ignore-term'] : []),
    ...(forks === true ? ['--fork'] : []),
  ];
}
