/** `sallyport connect` and `disconnect`: write us into a client program's configuration, and take us out again. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { attach, detach, entryName, isAttached, type ClientEntry } from '../clients/attach.ts';
import { clientFiles, clientNames, isClientName, namedClientFile, type ClientFile } from '../clients/clients.ts';
import { isOwnEntry } from '../clients/import-servers.ts';
import { holderOf, readClientServers } from '../clients/read-servers.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { exists, readText, writeWhole } from '../files.ts';
import { JsonTextError } from '../json-edit.ts';
import { isInTemporaryCache, ownProgram } from '../own-program.ts';

/** Options of `connect` and `disconnect`. */
export interface ConnectOptions extends CommonOptions {
  /** The client's file, where it is not in its usual place. */
  readonly file?: string;
}

interface Change {
  readonly program: string;
  readonly file: string;
  readonly did: 'connected' | 'already connected' | 'restored' | 'removed' | 'not connected';
  readonly backup?: string;
  /** Servers beside ours, which the client still calls directly. */
  readonly others: number;
  readonly afterwards: string;
}

/** Writes an entry into the client's file that starts `sallyport run --stdio` on this configuration. */
export async function connect(client: string, options: ConnectOptions, context: Context): Promise<number> {
  const { host } = context;
  const configs = configFiles(options, host);
  for (const config of configs) {
    if (!(await exists(config)))
      throw new Failure(`no configuration at ${shortPath(config, host)}`, 'make one:  sallyport init');
  }
  const files = await connectableFiles(client, options, context);
  const changes: Change[] = [];
  for (const file of files) {
    const text = await readText(file.path);
    const entry = ownEntry(file, configs);
    const connected = editing(file, () => attach(text, file.holder, entry));
    if (connected === text) {
      changes.push({
        program: file.program,
        file: file.path,
        did: 'already connected',
        others: others(connected, file),
        afterwards: file.afterwards,
      });
      continue;
    }
    const backup = backupPath(file.path);
    // The first backup is the one to go back to: a second connect changes only our own entry.
    const isFirst = text !== undefined && !editing(file, () => isAttached(text, file.holder));
    const isBackedUp = isFirst || (text !== undefined && !(await exists(backup)));
    if (isBackedUp) await writeWhole(backup, text, 0o600, true);
    await writeUnchanged(file.path, text, connected);
    changes.push({
      program: file.program,
      file: file.path,
      did: 'connected',
      ...((isBackedUp || (await exists(backup))) && { backup }),
      others: others(connected, file),
      afterwards: file.afterwards,
    });
  }
  report(changes, options, context);
  if (isInTemporaryCache()) {
    context.terminal.note(
      '! this Sallyport lies in the cache of npx, which may be cleared: install it (npm install sallyport) and connect again',
    );
  }
  return exitCodes.fine;
}

/** Takes our entry out of the client's file: byte for byte where nobody changed it since, else only the entry. */
export async function disconnect(client: string, options: ConnectOptions, context: Context): Promise<number> {
  const files = await namedFiles(client, options, context);
  const changes: Change[] = [];
  for (const file of files) {
    const text = await readText(file.path);
    if (text === undefined) continue;
    const backup = backupPath(file.path);
    const before = await readText(backup);
    const detached = editing(file, () => detach(text, before, file.holder));
    const change = { program: file.program, file: file.path, others: 0, afterwards: file.afterwards };
    switch (detached.kind) {
      case 'absent':
        continue;
      case 'delete':
        await rm(file.path);
        break;
      case 'restore':
        await writeUnchanged(file.path, text, before ?? '');
        break;
      case 'write':
        await writeUnchanged(file.path, text, detached.text);
        break;
    }
    await rm(backup, { force: true });
    changes.push({ ...change, did: detached.kind === 'write' ? 'removed' : 'restored' });
  }
  if (changes.length === 0) {
    const [first] = files;
    changes.push({
      program: first?.program ?? client,
      file: first?.path ?? '',
      did: 'not connected',
      others: 0,
      afterwards: '',
    });
  }
  report(changes, options, context);
  return exitCodes.fine;
}

/** Returns where the backup of a client's file lies: next to it. */
export function backupPath(path: string): string {
  return `${path}.before-${entryName}`;
}

function others(text: string, file: ClientFile): number {
  const { servers } = readClientServers(text, file.workspace);
  return servers.filter((server) => !server.isDisabled && !isOwnEntry(server)).length;
}

function ownEntry(file: ClientFile, configs: readonly string[]): ClientEntry {
  const { command, args } = ownProgram();
  const start = [...args, 'run', '--stdio', ...configs.flatMap((config) => ['-c', config])];
  return { ...(file.holder === 'servers' && { type: 'stdio' as const }), command, args: start };
}

/** The files that could hold our entry. */
async function namedFiles(client: string, options: ConnectOptions, { host }: Context): Promise<ClientFile[]> {
  if (!isClientName(client))
    throw usageFailure(
      `no client called "${client}"`,
      `use one of ${clientNames.join(', ')}, with --file for another place`,
    );
  if (options.file === undefined) return clientFiles(client, host);
  const path = resolve(host.cwd, options.file);
  const text = await readText(path);
  const usual = client === 'vscode' ? 'servers' : 'mcpServers';
  const named = namedClientFile(path, usual, host);
  const holder = text === undefined || text.trim() === '' ? usual : (editing(named, () => holderOf(text)) ?? usual);
  return [{ ...named, holder }];
}

/** The files that get our entry: those that are there, or whose program is. */
async function connectableFiles(client: string, options: ConnectOptions, context: Context): Promise<ClientFile[]> {
  const files = await namedFiles(client, options, context);
  const present: ClientFile[] = [];
  for (const file of files) {
    if (
      options.file !== undefined ||
      (await exists(file.path)) ||
      (file.home !== undefined && (await exists(file.home)))
    )
      present.push(file);
  }
  // A project's own file is shared with others, who have no such program at such a path.
  const own = present.filter((file) => !file.program.endsWith('(this project)'));
  if (own.length > 0) return own;
  if (present.length > 0) return present.slice(0, 1);
  const { host } = context;
  throw new Failure(
    `${client} seems not to be installed: neither ${files.map((file) => shortPath(file.path, host)).join(' nor ')} is there`,
    'name its file with --file',
  );
}

function editing<T>(file: ClientFile, edit: () => T): T {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new Failure(
      `${file.path}: ${error.message}`,
      'correct the file and try again; nothing was changed',
      exitCodes.refused,
      {
        cause: error,
      },
    );
  }
}

/** Writes `next` unless the file changed since it was read. */
async function writeUnchanged(path: string, before: string | undefined, next: string): Promise<void> {
  if ((await readText(path)) !== before) {
    throw new Failure(`${path} was changed by another program just now`, 'close that program and try again');
  }
  await writeWhole(path, next, 0o600);
}

function report(changes: readonly Change[], options: ConnectOptions, { terminal, host }: Context): void {
  if (options.json) {
    terminal.json({
      files: changes.map(({ program, file, did, backup }) => ({
        program,
        file,
        did,
        ...(backup !== undefined && { backup }),
      })),
    });
    return;
  }
  const { paint } = terminal;
  for (const { program, file, did, backup, others: left, afterwards } of changes) {
    const mark = did === 'not connected' ? paint.dim('·') : paint.green('✓');
    terminal.print(`${mark} ${paint.bold(program)}: ${did} ${paint.dim(shortPath(file, host))}`);
    if (backup !== undefined && did === 'connected')
      terminal.print(paint.dim(`  the file as it was: ${shortPath(backup, host)}`));
    if (left > 0) {
      const servers = left === 1 ? 'one server there is' : `${left} servers there are`;
      terminal.print(
        `  ${paint.yellow('!')} ${servers} still called past Sallyport; take them out once you have them here (sallyport init --from)`,
      );
    }
    if (did !== 'not connected' && did !== 'already connected' && afterwards !== '') terminal.print(`  ${afterwards}`);
  }
}
