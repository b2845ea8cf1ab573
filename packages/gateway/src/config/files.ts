/** Reads configuration files: only files that others cannot change, of bounded size, in UTF-8. */
import { dirname } from 'node:path';
import type { Origin } from '@sallyport/guard';
import type { MapNode } from './node.ts';
import type { ConfigPorts } from './ports.ts';
import type { ProblemLog } from './problem.ts';
import { findFolderWriters, findWriters } from './safety.ts';
import { parseSource } from './source.ts';

/** Largest configuration file, bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads one file. Returns `undefined` after reporting why it is not used. `namedAt` is the place of the `include:` line
 * that names it; without one it was named on the command line.
 */
export async function readConfigFile(
  path: string,
  ports: ConfigPorts,
  log: ProblemLog,
  namedAt?: Origin,
): Promise<MapNode | undefined> {
  const start: Origin = { file: path, line: 1, column: 1 };
  const facts = await ports.facts(path);
  if (typeof facts === 'string' || facts.kind !== 'file') {
    reportUnreadable(path, typeof facts === 'string' ? facts : 'no-file', log, namedAt);
    return undefined;
  }
  const folder = dirname(path);
  const folderFacts = await ports.facts(folder);
  const unsafe =
    findWriters(path, facts, ports.identity) ??
    (typeof folderFacts === 'string' ? undefined : findFolderWriters(folder, folderFacts, ports.identity));
  if (unsafe !== undefined) log.report(start, { code: 'unsafe-file', ...unsafe });

  const bytes = await ports.read(path, MAX_FILE_BYTES);
  if (typeof bytes === 'string') {
    reportUnreadable(path, bytes, log, namedAt);
    return undefined;
  }
  const text = decode(bytes);
  if (typeof text === 'string') {
    log.addText(path, text);
    return parseSource(path, text, log);
  }
  log.report(
    { file: path, line: text.line, column: text.column },
    {
      code: 'yaml',
      message: 'these bytes are not UTF-8',
      suggestion: 'save the file as UTF-8',
    },
  );
  return undefined;
}

function reportUnreadable(path: string, fault: string, log: ProblemLog, namedAt: Origin | undefined): void {
  const wayOut: Record<string, { message: string; suggestion: string }> = {
    absent: {
      message: `${path} does not exist`,
      suggestion:
        namedAt === undefined
          ? 'run `sallyport init` to make one, or name another with -c FILE'
          : 'create it, or remove the line',
    },
    forbidden: { message: `${path} may not be read by us`, suggestion: `run: chmod u+r ${path}, as its owner` },
    'too-large': {
      message: `${path} is larger than 1 MiB`,
      suggestion: 'move upstreams and roles to several included files',
    },
    'no-file': { message: `${path} is not a file`, suggestion: 'name a file, e.g. -c sallyport.yaml' },
  };
  const words = wayOut[fault] ?? { message: `${path} could not be read`, suggestion: 'check the disk and the path' };
  log.report(namedAt ?? { file: path, line: 1, column: 1 }, { code: 'unreadable', ...words });
}

/** Returns the text without a byte order mark, or the place of the first byte that is no UTF-8. */
function decode(bytes: Uint8Array): string | { line: number; column: number } {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const lossy = new TextDecoder('utf-8').decode(bytes);
    const before = lossy.slice(0, Math.max(0, lossy.indexOf('\ufffd'))).split('\n');
    return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  }
}
