/** `sallyport init`: writes a configuration that runs, from nothing or from what client programs already use. */
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { clientFiles, clientNames, isClientName, namedClientFile, type ClientFile } from '../clients/clients.ts';
import { importServers, secretsFolder, type Imported, type ImportSource } from '../clients/import-servers.ts';
import { readClientServers, type ReadServers } from '../clients/read-servers.ts';
import { importedConfig, schemaFile, sharedFolder, starterConfig } from '../config-text.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { exists, makePrivateFolder, readText, writeWhole } from '../files.ts';
import { JsonTextError } from '../json-edit.ts';
import { clip, plain, table } from '../terminal.ts';

/** Options of `init`. */
export interface InitOptions extends CommonOptions {
  /** A client's name or a file. */
  readonly from?: string;
  readonly force: boolean;
}

interface FoundFile {
  readonly file: ClientFile;
  readonly read: ReadServers;
}

/** Writes `sallyport.yaml` and what belongs to it. Refuses to replace one without `force`. */
export async function init(options: InitOptions, context: Context): Promise<number> {
  const { terminal, host } = context;
  const [target, ...others] = configFiles(options, host);
  if (others.length > 0) throw usageFailure('init writes one file', 'give -c once');
  if (!options.force && (await exists(target))) {
    throw new Failure(`${shortPath(target, host)} is there already`, 'edit it, or replace it with --force');
  }
  const folder = dirname(target);
  const found = options.from === undefined ? [] : await findServers(options.from, context);
  const imported = importServers(await Promise.all(found.map(importSource)), {
    home: host.home,
    env: host.env,
    folder,
  });

  const { configJsonSchema } = await import('@sallyport/gateway');
  await makePrivateFolder(join(folder, 'state'));
  await writeWhole(join(folder, 'state', '.gitignore'), '*\n', 0o600);
  await writeWhole(join(folder, schemaFile), `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`, 0o600);
  const gaps = await writeSecrets(folder, imported, options.force);
  if (options.from === undefined) await writeSharedFolder(folder);
  await writeWhole(target, options.from === undefined ? starterConfig() : importedConfig(imported), 0o600, true);

  if (options.json) {
    terminal.json({
      config: target,
      upstreams: imported.upstreams.map(({ name, kind }) => ({ name, kind })),
      secrets: imported.secrets.map(({ file, value }) => ({
        file: join(folder, secretsFolder, file),
        isFilled: value !== undefined,
      })),
      remarks: [...imported.remarks, ...unreadable(found)],
    });
    return exitCodes.fine;
  }
  report(target, options, imported, found, gaps, context);
  return exitCodes.fine;
}

async function findServers(from: string, context: Context): Promise<FoundFile[]> {
  const { host, terminal } = context;
  const isPath = !isClientName(from);
  const files = isPath ? [namedClientFile(resolve(host.cwd, from), 'mcpServers', host)] : clientFiles(from, host);
  const found: FoundFile[] = [];
  for (const file of files) {
    const text = await readText(file.path);
    if (text === undefined) continue;
    try {
      found.push({ file, read: readClientServers(text, host.cwd) });
    } catch (error) {
      if (!(error instanceof JsonTextError)) throw error;
      if (isPath)
        throw new Failure(`${from}: ${error.message}`, 'correct the file and try again', exitCodes.refused, {
          cause: error,
        });
      terminal.note(`! ${shortPath(file.path, host)}: ${error.message}; left out`);
    }
  }
  if (found.some(({ read }) => read.servers.length > 0)) return found;
  const places = files.map((file) => shortPath(file.path, host)).join(', ');
  if (isPath && found.length === 0) {
    throw new Failure(`${from} is neither a file nor one of ${clientNames.join(', ')}`, 'check the name');
  }
  throw new Failure(`no servers found in ${places}`, 'name the file:  sallyport init --from path/to/mcp.json');
}

async function importSource({ file, read }: FoundFile): Promise<ImportSource> {
  const texts = new Map<string, string>();
  const { expandPlaces } = await import('../clients/variables.ts');
  for (const { envFile } of read.servers) {
    if (envFile === undefined) continue;
    const path = resolve(file.workspace, expandPlaces(envFile, { home: '', workspace: file.workspace }));
    const text = await readText(path).catch(() => undefined);
    if (text !== undefined) texts.set(path, text);
  }
  return {
    program: file.program,
    workspace: file.workspace,
    servers: read.servers,
    readEnvFile: (path) => {
      const text = texts.get(path);
      return text === undefined ? undefined : parseEnv(text);
    },
  };
}

/** Writes the secrets and returns the files that a person has to fill in. */
async function writeSecrets(folder: string, imported: Imported, force: boolean): Promise<Map<string, string>> {
  const gaps = new Map<string, string>();
  if (imported.secrets.length === 0) return gaps;
  await makePrivateFolder(join(folder, secretsFolder));
  for (const { file, value, needs } of imported.secrets) {
    const path = join(folder, secretsFolder, file);
    if (value === undefined) {
      if (!(await exists(path))) gaps.set(path, needs ?? '');
    } else {
      if (!force && (await exists(path))) {
        throw new Failure(`${path} is there already`, 'move it away, or replace it with --force');
      }
      await writeWhole(path, value, 0o600, true);
    }
  }
  return gaps;
}

async function writeSharedFolder(folder: string): Promise<void> {
  const welcome = join(folder, sharedFolder, 'welcome.txt');
  if (await exists(welcome)) return;
  const { mkdir } = await import('node:fs/promises');
  await mkdir(dirname(welcome), { recursive: true });
  await writeWhole(welcome, 'You read this through Sallyport: you were known, allowed, checked and recorded.\n', 0o644);
}

function unreadable(found: readonly FoundFile[]): { server: string; text: string }[] {
  return found.flatMap(({ read }) =>
    read.unreadable.map(({ name, reason }) => ({ server: name, text: `has ${reason}; left out` })),
  );
}

function report(
  target: string,
  options: InitOptions,
  imported: Imported,
  found: readonly FoundFile[],
  gaps: ReadonlyMap<string, string>,
  { terminal, host }: Context,
): void {
  const { paint } = terminal;
  terminal.print(`${paint.green('✓')} wrote ${paint.bold(shortPath(target, host))}`);
  for (const { file, read } of found) {
    terminal.print(
      `${paint.green('✓')} read ${read.servers.length} from ${file.program}, ${paint.dim(shortPath(file.path, host))}`,
    );
  }
  if (imported.upstreams.length > 0) terminal.print();
  const rows = imported.upstreams.map((upstream) => [
    paint.bold(upstream.name),
    upstream.kind,
    paint.dim(plain(clip(upstream.kind === 'http' ? upstream.url : upstream.command.join(' '), 70))),
  ]);
  for (const line of table(rows, 2)) terminal.print(line);
  const moved = imported.secrets.filter((secret) => secret.value !== undefined).length;
  if (moved > 0) {
    terminal.print();
    terminal.print(
      `${paint.green('✓')} moved ${moved} secret${moved === 1 ? '' : 's'} to ${secretsFolder}/, where only you can read them`,
    );
  }
  for (const remark of [...imported.remarks, ...unreadable(found)]) {
    terminal.print(`${paint.yellow('!')} ${plain(remark.server)} ${plain(remark.text)}`);
  }
  for (const [path, needs] of gaps) {
    terminal.print(
      `${paint.yellow('!')} fill in ${paint.bold(shortPath(path, host))} ${paint.dim(`(was ${plain(needs)})`)}`,
    );
  }
  const flags = options.config.length === 0 ? '' : ` -c ${options.config.join(' ')}`;
  terminal.print();
  terminal.print('Next:');
  if (options.from !== undefined && isClientName(options.from)) {
    terminal.print(`  ${paint.cyan(`sallyport check${flags}`)}`);
    terminal.print(`  ${paint.cyan(`sallyport connect ${options.from}${flags}`)}`);
  } else {
    terminal.print(`  ${paint.cyan(`sallyport keys create${flags} --name me --role reader`)}`);
    terminal.print(`  ${paint.cyan(`sallyport run${flags}`)}`);
  }
}
