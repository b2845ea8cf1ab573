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
import { isColoured } from './terminal.ts';

/** Loads the configuration that the options name, to start servers with; or fails after showing every problem. */
export async function requireConfig(options: CommonOptions, context: Context): Promise<Config> {
  const files = configFiles(options, context.host);
  await requireFiles(files, context);
  return requireLoaded(await loadConfig(files, systemConfigPorts()), context);
}

/**
 * As `requireConfig`, for commands that start no server: what the servers are given need not be set where they are
 * typed.
 */
export async function requireOutline(options: CommonOptions, context: Context): Promise<ConfigOutline> {
  const files = configFiles(options, context.host);
  await requireFiles(files, context);
  return requireLoaded(await loadConfig(files, systemConfigPorts(), { secrets: 'skip' }), context);
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
