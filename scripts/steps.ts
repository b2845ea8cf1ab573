// The steps of `npm test` and `npm run check`: the table, and the loop that runs them in order and says how they went.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPromises } from '../promises/check.ts';
import { checkReadme } from '../promises/render.ts';
import { run } from './command.ts';
import { checkDependencies } from './dependencies.ts';
import { checkOrder } from './order.ts';
import { checkOutbound } from './outbound.ts';
import { checkText } from './text.ts';

/** How many tests a step ran. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a step went. */
interface Result {
  readonly isPassed: boolean;
  /** What to print under a failed step; empty when the step already showed it. */
  readonly report: string;
  readonly counts?: Counts;
}

/** One step. */
export interface Step {
  readonly name: string;
  readonly what: string;
  /** True when it runs long enough to show its own progress. */
  readonly isShown?: boolean;
  run(): Promise<Result>;
}

const tool = (name: string, what: string, args: readonly string[], command = name): Step => ({
  name,
  what,
  async run() {
    const { code, output } = await run(command, args);
    return { isPassed: code === 0, report: output.trimEnd() };
  },
});

const check = (name: string, what: string, find: () => readonly string[]): Step => ({
  name,
  what,
  async run() {
    const problems = find();
    return { isPassed: problems.length === 0, report: problems.join('\n') };
  },
});

/** Reads the counts that vitest wrote; a run that wrote none counts as one failure. */
function readCounts(file: string): Counts {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number | undefined>;
    return {
      passed: report['numPassedTests'] ?? 0,
      failed: report['numFailedTests'] ?? 0,
      skipped: (report['numPendingTests'] ?? 0) + (report['numTodoTests'] ?? 0),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const tests = (name: string, what: string): Step => ({
  name,
  what,
  isShown: true,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
    const file = join(folder, 'report.json');
    try {
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
      const env = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
      const { code } = await run('vitest', ['run', '--project', name, ...reporters], { isShown: true, env });
      const counts = readCounts(file);
      const isPassed = code === 0 && counts.failed === 0;
      // A suite that fails to load, or an error outside any test, fails the run without failing a test.
      return { isPassed, report: '', counts: isPassed ? counts : { ...counts, failed: Math.max(1, counts.failed) } };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

/** The steps that take seconds, in the order in which they fail most cheaply. */
export const quick: readonly Step[] = [
  tool('format', 'files are formatted', ['--check', '.'], 'oxfmt'),
  tool('lint', 'no lint, no `any`, no cycles', ['--type-aware', '--deny-warnings', '.'], 'oxlint'),
  tool('types', 'the whole tree compiles', ['-p', '.'], 'tsc'),
  check('order', 'packages import only what stands before them', checkOrder),
  check('outbound', 'requests leave through one place', checkOutbound),
  tool('unused', 'no file, export or dependency that nothing uses', ['--no-progress'], 'knip'),
  check('dependencies', 'each dependency is explained', checkDependencies),
  check('text', 'no machine paths, nothing left undone', checkText),
  tool('docs', 'documents agree with the code, links lead somewhere', ['scripts/docs.ts', '--check'], 'node'),
  check('promises', 'every promise has tests or is due', () => [...checkPromises(), ...checkReadme()]),
  tests('unit', 'each module by itself'),
];

/** Everything, in order. */
export const all: readonly Step[] = [
  ...quick,
  tests('conformance', 'the official suite, direct and through the gateway'),
  tests('attacks', 'corpora of hostile input'),
  tests('faults', 'crashes, full disks, dying children'),
  tests('journeys', 'whole stories with real programs'),
];

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;

/** What to do after a failed step. */
export type AfterFailure = 'stop' | 'go on';

/**
 * Runs steps in order, prints a line for each and a summary.
 * @param steps what to run.
 * @param afterFailure whether later steps still run after a failed one.
 * @returns the exit code: 0 when all passed.
 */
export async function runSteps(steps: readonly Step[], afterFailure: AfterFailure): Promise<number> {
  const started = performance.now();
  const lines: string[] = [];
  let [passed, failed, skipped] = [0, 0, 0];
  const failures: string[] = [];
  for (const step of steps) {
    const from = performance.now();
    if (step.isShown === true) {
      console.log(`\n▸ ${step.name}: ${step.what}`);
    }
    const result = await step.run();
    passed += result.counts?.passed ?? 0;
    skipped += result.counts?.skipped ?? 0;
    failed += result.counts?.failed ?? (result.isPassed ? 0 : 1);
    const { counts } = result;
    const bad = counts === undefined || counts.failed === 0 ? '' : `, ${counts.failed} failed`;
    const tally = counts === undefined ? step.what : `${counts.passed} passed${bad}`;
    const line = `${result.isPassed ? '✓' : '✗'} ${step.name.padEnd(13)} ${seconds(from).padStart(8)}  ${tally}`;
    lines.push(line);
    console.log(line);
    if (!result.isPassed) {
      if (result.report !== '') {
        console.log(result.report);
      }
      failures.push(step.name);
      if (afterFailure === 'stop') {
        break;
      }
    }
  }
  console.log(`\n${lines.join('\n')}`);
  const left = steps.slice(lines.length).map((step) => step.name);
  if (left.length > 0) {
    console.log(`Stopped there; not run: ${left.join(', ')}.`);
  }
  const verdict = failures.length === 0 ? 'Everything passed' : `Failed: ${failures.join(', ')}`;
  console.log(`\n${verdict} (${seconds(started)})`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failures.length === 0 ? 0 : 1;
}
