/** `sallyport check`: every mistake in the configuration at once, then the tests that the file itself holds. */
import { canList, compilePolicy, decide } from '@sallyport/guard';
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
  type TestOutcome,
} from '@sallyport/gateway';
import { problemFacts, requireFiles, showProblems } from '../configuration.ts';
import { configFiles, shortPath, type CommonOptions, type Context } from '../context.ts';
import { findDoubts } from '../doubts.ts';
import { exitCodes } from '../failure.ts';

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
  const warnings = [...loaded.warnings, ...(loaded.ok ? findDoubts(loaded.config) : [])];
  const exitCode = problems.length === 0 ? exitCodes.fine : exitCodes.refused;
  if (options.json) {
    terminal.json({
      ok: problems.length === 0,
      problems: problems.map(problemFacts),
      warnings: warnings.map(problemFacts),
      tests: outcomes.map(({ test, actual, passed }) => ({
        as: test.as,
        call: test.call,
        expect: test.expect,
        actual,
        passed,
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

/** Asks the policy each question of `tests:`. */
function runTests(config: Config): readonly TestOutcome[] {
  const policy = compilePolicy(toPolicyModel(config));
  return runPolicyTests(config.tests, (role, call) => {
    const access = policy.access([role]);
    if (decide(access, 'tools', call).effect === 'allow') return 'allowed';
    return canList(access, 'tools', call) ? 'denied' : 'unknown';
  });
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
  const held = `${count(config.upstreams.length, 'upstream')}, ${count(config.roles.length, 'role')}${opened.join('')}`;
  const tests =
    outcomes.length === 0 ? 'no tests' : `${outcomes.length - failures} of ${count(outcomes.length, 'test')} passed`;
  const mark = failures === 0 ? paint.green('✓') : paint.red('✗');
  return `${mark} ${config.files.map((file) => shortPath(file, host)).join(', ')}: ${held}, ${tests}`;
}
