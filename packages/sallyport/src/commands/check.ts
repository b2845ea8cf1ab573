/** `sallyport check`: every mistake in the configuration at once, then the tests that the file itself holds. */
import { compilePolicy } from '@sallyport/guard';
import {
  findKeyProblems,
  findMachineProblems,
  loadConfig,
  printConfig,
  runPolicyTests,
  systemConfigPorts,
  toPolicyModel,
  toProblem,
  type Config,
  type Problem,
  type TestOutcome,
} from '@sallyport/gateway';
import { problemFacts, requireFiles, showProblems } from '../configuration.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { observingLines } from '../banner.ts';
import { findDoubts } from '../doubts.ts';
import { exitCodes } from '../failure.ts';
import { doubtsOfKeys } from '../store.ts';

/** Options of `check`. */
export interface CheckOptions extends CommonOptions {
  readonly print: boolean;
}

/** Validates the configuration and runs its tests. Exit 1 when something was found. */
export async function check(options: CheckOptions, context: Context): Promise<number> {
  const { terminal, host } = context;
  const files = configFiles(options, host);
  await requireFiles(files, context);
  const loaded = await loadConfig(files, systemConfigPorts());
  const outcomes = loaded.ok ? runTests(loaded.config) : [];
  const failed = outcomes.filter((outcome) => !outcome.passed);
  const unable = loaded.ok
    ? [...(await findMachineProblems(loaded.config)), ...(await findKeyProblems(loaded.config, systemConfigPorts()))]
    : [];
  const problems = [...(loaded.ok ? [] : loaded.problems), ...unable, ...failed.map(toProblem)];
  const warnings = [
    ...loaded.warnings,
    ...(loaded.ok ? [...findDoubts(loaded.config), ...(await keyProblems(loaded.config))] : []),
  ];
  const exitCode = problems.length === 0 ? exitCodes.fine : exitCodes.refused;
  if (options.json) {
    terminal.json({
      ok: problems.length === 0,
      ...(loaded.ok && { mode: loaded.config.mode }),
      problems: problems.map(problemFacts),
      warnings: warnings.map(problemFacts),
      tests: outcomes.map(({ test, actual, passed, decision }) => ({
        as: test.as,
        call: test.call,
        expect: test.expect,
        actual,
        passed,
        rule: decision.rule,
      })),
      ...(options.print && loaded.ok && { configuration: printConfig(loaded.config) }),
    });
    return exitCode;
  }
  showProblems(warnings, true, context);
  showProblems(problems, false, context);
  if (!loaded.ok) return exitCode;
  if (options.print) terminal.print(printConfig(loaded.config).trimEnd());
  else terminal.print(summary(loaded.config, outcomes, failed.length, context));
  return exitCode;
}

/** Keys that end soon and keys that nobody uses, told at the beginning of the file. */
async function keyProblems(config: Config): Promise<Problem[]> {
  const [file = ''] = config.files;
  const place = { code: 'key', file, line: 1, column: 1, length: 1 } as const;
  return (await doubtsOfKeys(config)).map((doubt) => ({ ...place, ...doubt }));
}

/** Asks the policy each question of `tests:`. */
function runTests(config: Config): readonly TestOutcome[] {
  return runPolicyTests(config.tests, compilePolicy(toPolicyModel(config)));
}

function summary(
  config: Config,
  outcomes: readonly TestOutcome[],
  failures: number,
  { terminal, host }: Context,
): string {
  const { paint } = terminal;
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const opened = Object.entries(config.doors).flatMap(([door, isOpen]) => (isOpen ? [`, ${door} open`] : []));
  const views = config.views.length === 0 ? '' : `, ${count(config.views.length, 'view')}`;
  const held = `${count(config.upstreams.length, 'upstream')}, ${count(config.roles.length, 'role')}${views}${opened.join('')}`;
  const tests =
    outcomes.length === 0 ? 'no tests' : `${outcomes.length - failures} of ${count(outcomes.length, 'test')} passed`;
  const mark = failures === 0 ? paint.green('✓') : paint.red('✗');
  const watches = config.mode === 'observe' ? [...observingLines(paint), ''].join('\n') : '';
  return `${watches}${mark} ${config.files.map((file) => shortPath(file, host)).join(', ')}: ${held}, ${tests}`;
}
