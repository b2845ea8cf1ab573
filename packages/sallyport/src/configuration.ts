/** Loads the configuration for a command, and shows what is wrong with it the same way everywhere. */
import {
  formatProblem,
  loadConfig,
  systemConfigPorts,
  type Config,
  type ConfigOutline,
  type Loaded,
  type Problem,
} from '@sallyport/gateway';
import { configFiles, shortPath, type CommonOptions, type Context } from './context.ts';
import { Failure } from './failure.ts';
import { exists } from './files.ts';
import { runningOutline } from './running.ts';
import { isColoured, plain } from './terminal.ts';

/** Loads the configuration that the options name, to start servers with; or fails after showing every problem. */
export async function requireConfig(options: CommonOptions, context: Context): Promise<Config> {
  const files = configFiles(options, context.host);
  await requireFiles(files, context);
  return requireLoaded(await loadConfig(files, systemConfigPorts()), context);
}

/**
 * As `requireConfig`, for commands that start no server: what the servers are given need not be set where they are
 * typed. While the files are broken, what a running gateway has in force counts, and one line says so: what helps in an
 * emergency must not wait for a file to be mended.
 */
export async function requireOutline(options: CommonOptions, context: Context): Promise<ConfigOutline> {
  const files = configFiles(options, context.host);
  const loaded = await loadConfig(files, systemConfigPorts(), { secrets: 'skip' });
  if (!loaded.ok) {
    const inForce = await runningOutline(files).catch((cause: unknown) => {
      if (cause instanceof Failure) return undefined;
      throw cause;
    });
    if (inForce !== undefined) {
      context.terminal.note(brokenLine(loaded.problems, context));
      return inForce;
    }
    await requireFiles(files, context);
  }
  return requireLoaded(loaded, context);
}

function brokenLine(problems: readonly Problem[], { terminal, host }: Context): string {
  const [first, ...others] = problems;
  const place = first === undefined ? '' : `${shortPath(first.file, host)}:${first.line}:${first.column}: `;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const text = `${place}${plain(first?.message ?? 'it cannot be read')}${more}`;
  return `${terminal.paintErr.yellow('!')} the configuration is broken, so the one that the gateway runs with is used: ${text}`;
}

function requireLoaded<C extends ConfigOutline>(loaded: Loaded<C>, context: Context): C {
  showProblems(loaded.warnings, true, context);
  if (loaded.ok) return loaded.config;
  showProblems(loaded.problems, false, context);
  const count = loaded.problems.length;
  throw new Failure(
    `the configuration has ${count === 1 ? 'a mistake' : `${count} mistakes`}`,
    'correct what stands above, then:  sallyport check',
  );
}

/** Fails when one of the configuration files is not there. */
export async function requireFiles(files: readonly string[], { host }: Context): Promise<void> {
  for (const file of files) {
    if (!(await exists(file)))
      throw new Failure(`no configuration at ${shortPath(file, host)}`, 'make one:  sallyport init');
  }
}

/** Prints problems beside the result, each with its line of the file and a way out. */
export function showProblems(problems: readonly Problem[], isWarning: boolean, { terminal, host }: Context): void {
  const color = isColoured(terminal.err, host.env);
  for (const problem of problems) {
    terminal.note(formatProblem({ ...problem, file: shortPath(problem.file, host) }, { color, isWarning }));
  }
}

/** What JSON says of a problem. */
export function problemFacts({ code, file, line, column, message, suggestion }: Problem) {
  return { code, file, line, column, message, suggestion };
}
