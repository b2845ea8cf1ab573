/** Runs the official conformance suite against a URL and reads what it wrote, check by check. */

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

/** Status of one check, as the suite writes it. */
export type CheckStatus = 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';

/** One check of a scenario. */
export interface SuiteCheck {
  readonly id: string;
  readonly status: CheckStatus;
  readonly errorMessage?: string;
}

/** One scenario. */
export interface SuiteScenario {
  readonly name: string;
  /** False for scenarios that are run and reported but required by nothing. */
  readonly isRequired: boolean;
  readonly isPassed: boolean;
  readonly checks: readonly SuiteCheck[];
}

/** One run of the suite. */
export interface SuiteResult {
  readonly url: string;
  readonly scenarios: readonly SuiteScenario[];
  readonly checksPassed: number;
  readonly checksFailed: number;
}

/** What to run: a frozen requirement set of one revision, a named suite, or one scenario of the modern revision. */
export type SuiteSelection =
  | { readonly requirements: '2025-11-25' | '2026-07-28' }
  | { readonly suite: string }
  | { readonly scenario: string };

/** Where and what to run. */
export type SuiteRun = SuiteSelection & {
  /** Endpoint, on `localhost`: one scenario insists on that. */
  readonly url: string;
  /** Folder for the suite's results; must be new or empty. */
  readonly out: string;
  /** Milliseconds after which the run is ended; 300,000 by default. */
  readonly ceilingMs?: number;
};

const suite = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist',
  'index.js',
);
const run = promisify(execFile);

/**
 * Runs the suite to its end.
 * @throws when it could not be run at all; failing scenarios are part of the result.
 */
export async function runSuite(options: SuiteRun): Promise<SuiteResult> {
  const { url, out, ceilingMs = 300_000 } = options;
  const selection = selectionOf(options);
  const stdout = await runProgram(['server', '--url', url, ...selection, '-o', out], ceilingMs);
  const names = [...stdout.matchAll(/^=== Running scenario: (\S+) ===$/gm)].flatMap((match) => match[1] ?? []);
  if ('scenario' in options) names.push(options.scenario);
  if (names.length === 0) throw new Error(`the suite ran no scenario\n${stdout}`);
  const unscored = new Set([...stdout.matchAll(/^ +[✓✗] (\S+) \([a-z-]+\)$/gm)].map((match) => match[1]));
  const folders = await readdir(out);

  const scenarios = await Promise.all(
    names.map(async (name): Promise<SuiteScenario> => {
      const checks = await readChecks(out, folders, name);
      const isPassed = checks !== undefined && checks.every(({ status }) => status !== 'FAILURE');
      return { name, isRequired: !unscored.has(name), isPassed, checks: checks ?? [] };
    }),
  );
  const statuses = scenarios.flatMap(({ checks }) => checks.map(({ status }) => status));
  return {
    url,
    scenarios,
    checksPassed: statuses.filter((status) => status === 'SUCCESS').length,
    checksFailed: statuses.filter((status) => status === 'FAILURE').length,
  };
}

function selectionOf(options: SuiteSelection): readonly string[] {
  if ('suite' in options) return ['--suite', options.suite];
  if ('scenario' in options) return ['--scenario', options.scenario, '--spec-version', '2026-07-28', '--force'];
  return ['--requirements', options.requirements];
}

async function runProgram(args: readonly string[], ceilingMs: number): Promise<string> {
  try {
    const limits = { timeout: ceilingMs, maxBuffer: 256 * 1024 * 1024 };
    return (await run(process.execPath, [suite, ...args], limits)).stdout;
  } catch (error) {
    // A failing required scenario ends the program with 1; its output tells which.
    const ended = error as { readonly code?: unknown; readonly stdout?: string };
    if (ended.code === 1 && ended.stdout !== undefined) return ended.stdout;
    throw new Error('the conformance suite did not run to its end', { cause: error });
  }
}

async function readChecks(
  out: string,
  folders: readonly string[],
  name: string,
): Promise<readonly SuiteCheck[] | undefined> {
  const folder = folders.find((each) => each.startsWith(`server-${name}-20`));
  if (folder === undefined) return undefined;
  return JSON.parse(await readFile(join(out, folder, 'checks.json'), 'utf8')) as SuiteCheck[];
}

/**
 * Names the required scenarios that failed.
 * @returns one line for each failed check.
 */
export function failedRequirements(result: SuiteResult): string[] {
  return result.scenarios
    .filter(({ isRequired, isPassed }) => isRequired && !isPassed)
    .flatMap(({ name, checks }) => {
      const failures = checks.filter(({ status }) => status === 'FAILURE').map((check) => describe(name, check));
      return failures.length === 0 ? [`${name}: no results`] : failures;
    });
}

/** What differs between two runs. */
export interface SuiteComparison {
  /** Checks and scenarios that pass direct and fail through, one line each. */
  readonly regressions: readonly string[];
  /** Checks that succeed direct, and through the gateway only warn, are skipped, or are not made at all. */
  readonly weakened: readonly string[];
}

/**
 * Compares a run against a server with a run through something in front of it.
 * @param direct the run against the server itself.
 * @param through the run through the gateway.
 */
export function compareSuites(direct: SuiteResult, through: SuiteResult): SuiteComparison {
  const regressions: string[] = [];
  const weakened: string[] = [];
  const other = new Map(through.scenarios.map((scenario) => [scenario.name, scenario]));
  for (const scenario of direct.scenarios) {
    const counterpart = other.get(scenario.name);
    if (counterpart === undefined || (counterpart.checks.length === 0 && scenario.checks.length > 0)) {
      regressions.push(`${scenario.name}: no results through the gateway`);
      continue;
    }
    const failedBefore = new Set(scenario.checks.filter(({ status }) => status === 'FAILURE').map(({ id }) => id));
    const passedBefore = new Set(scenario.checks.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id));
    for (const check of counterpart.checks) {
      if (check.status === 'FAILURE' && !failedBefore.has(check.id)) regressions.push(describe(scenario.name, check));
      if (check.status === 'WARNING' || check.status === 'SKIPPED') {
        if (passedBefore.has(check.id)) weakened.push(describe(scenario.name, check));
      }
    }
    const made = new Set(counterpart.checks.map(({ id }) => id));
    const missing = [...passedBefore].filter((id) => !made.has(id));
    weakened.push(...missing.map((id) => `${scenario.name}: ${id}: not checked`));
  }
  return { regressions, weakened };
}

function describe(scenario: string, { id, errorMessage }: SuiteCheck): string {
  return `${scenario}: ${id}${errorMessage === undefined ? '' : `: ${errorMessage}`}`;
}
