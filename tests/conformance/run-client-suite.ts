/** Runs client scenarios of the official suite with the gateway as the client, and reads what the suite wrote. */

import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { reasonFor } from './client-baseline.ts';
import type { CallerEra } from './client-caller.ts';
import { runProgram, type SuiteCheck, type SuiteScenario } from './run-suite.ts';

/** Revisions whose required client scenarios are run, with the caller of the same era. */
export const revisions = [
  { revision: '2025-11-25', era: 'legacy' },
  { revision: '2026-07-28', era: 'modern' },
] as const;

/** One client scenario to run. */
export interface ClientRun {
  readonly scenario: string;
  readonly revision: string;
  /** Era of the caller that drives the gateway. */
  readonly caller: CallerEra;
  /** Folder for the suite's results; made when absent. */
  readonly out: string;
}

/** How one client scenario went. */
export interface ClientScenario extends SuiteScenario {
  /** What the driver had to say, when it failed or was ended. */
  readonly trouble: string | undefined;
}

/** The client scenarios that a revision requires, by what is to be done with them. */
export interface RequiredScenarios {
  readonly run: readonly string[];
  /** Those of the baseline, with their reason. */
  readonly leftOut: readonly { readonly scenario: string; readonly reason: string }[];
}

/** Asks the suite what a revision requires of clients. */
export async function requiredOfClients(revision: string): Promise<RequiredScenarios> {
  const listed = await runProgram(['list', '--client', '--requirements', revision], 60_000);
  const section = listed.split(/^Client scenarios/m)[1] ?? '';
  const required = section.split(/^(?:\S)/m)[0] ?? '';
  const names = [...required.matchAll(/^ {2}- (\S+)/gm)].flatMap((match) => match[1] ?? []);
  const judged = names.map((scenario) => ({ scenario, reason: reasonFor(scenario) }));
  return {
    run: judged.filter(({ reason }) => reason === undefined).map(({ scenario }) => scenario),
    leftOut: judged.flatMap(({ scenario, reason }) => (reason === undefined ? [] : [{ scenario, reason }])),
  };
}

/** Milliseconds after which the suite ends the driver. */
const driverMs = 120_000;

/**
 * Runs one scenario to its end.
 * @throws when it could not be run at all; a failing scenario is a result.
 */
export async function runClientScenario({ scenario, revision, caller, out }: ClientRun): Promise<ClientScenario> {
  const folder = join(out, `${scenario.replaceAll('/', '-')}-${revision}-${caller}`);
  await mkdir(folder, { recursive: true });
  // The suite splits the command at spaces and gives it to a shell, so that it must hold no path.
  const command = `node --disable-warning=ExperimentalWarning client-driver.ts --caller ${caller}`;
  const args = ['client', '--command', command, '--scenario', scenario, '--spec-version', revision];
  const stderr: string[] = [];
  await runProgram([...args, '--timeout', String(driverMs), '-o', folder], driverMs + 60_000, {
    cwd: import.meta.dirname,
    env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}` },
    stderr,
  });
  const made = (await readdir(folder, { recursive: true })).find((each) => each.endsWith('checks.json'));
  const checks = made === undefined ? [] : (JSON.parse(await readFile(join(folder, made), 'utf8')) as SuiteCheck[]);
  const said = stderr.join('');
  const hasEnded = !/Client (?:timed out|exited with code)/i.test(said);
  const isPassed = hasEnded && checks.some(isJudged) && checks.every(({ status }) => !isBad(status));
  return { name: scenario, isRequired: true, isPassed, checks, trouble: hasEnded ? undefined : tail(said) };
}

/** One line for each thing that went wrong in a scenario. */
export function failuresIn({ name, checks, trouble, isPassed }: ClientScenario): string[] {
  if (isPassed) return [];
  const bad = checks.filter(({ status }) => isBad(status));
  const lines = bad.map(({ id, status, errorMessage }) => `${name}: ${id}: ${errorMessage ?? status.toLowerCase()}`);
  if (trouble !== undefined) lines.push(`${name}: ${trouble}`);
  return lines.length > 0 ? lines : [`${name}: nothing was checked`];
}

/** What only warns counts too: the suite calls such a scenario failed. */
function isBad(status: SuiteCheck['status']): boolean {
  return status === 'FAILURE' || status === 'WARNING';
}

function isJudged({ status }: SuiteCheck): boolean {
  return status === 'SUCCESS' || isBad(status);
}

function tail(text: string): string {
  return `the driver failed: ${text.split('\n').slice(-12).join(' | ')}`;
}
