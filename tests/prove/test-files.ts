// Runs test files as they are and counts: for rows whose full size is that of the tests.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../scripts/command.ts';
import { root } from '../../scripts/tree.ts';

/** One test that was run. */
export interface TestOutcome {
  /** Titles of its groups, then its own, joined with ` > `. */
  readonly title: string;
  readonly isPassed: boolean;
  readonly isSkipped: boolean;
  /** First line of what went wrong. */
  readonly failure: string | undefined;
}

interface Report {
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/**
 * Runs test files to their end.
 *
 * @param files - paths from the root
 * @returns every test in them; throws when they could not be run
 */
export async function runTestFiles(...files: readonly string[]): Promise<readonly TestOutcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-prove-'));
  try {
    const out = join(folder, 'report.json');
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    await run(process.execPath, [vitest, 'run', '--reporter=json', `--outputFile=${out}`, ...files]);
    const report = JSON.parse(await readFile(out, 'utf8')) as Report;
    const broken = report.testResults.find(({ assertionResults }) => assertionResults.length === 0);
    if (report.testResults.length !== files.length || broken !== undefined) {
      throw new Error(`the tests could not be run: ${files.join(', ')} ${broken?.message ?? ''}`);
    }
    return report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.map((each) => ({
        title: [...each.ancestorTitles, each.title].join(' > '),
        isPassed: each.status === 'passed',
        isSkipped: each.status === 'skipped' || each.status === 'pending' || each.status === 'todo',
        failure: each.failureMessages?.[0]?.split('\n')[0],
      })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One line for each test that did not pass. */
export function failuresOf(outcomes: readonly TestOutcome[]): string[] {
  return outcomes
    .filter(({ isPassed }) => !isPassed)
    .map(({ title, isSkipped, failure }) => `${title}: ${isSkipped ? 'skipped' : (failure ?? 'failed')}`);
}
