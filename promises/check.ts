// Holds the manifest against the tests: no promise without proof or a date, no proof of a promise that does not exist.
import { listFiles, readText } from '../scripts/tree.ts';
import { claims } from './claims.ts';
import { done } from './done.ts';
import { promises } from './manifest.ts';
import type { ProductPromise } from './promise.ts';
import { work } from './work.ts';

/** A test, or a group of tests, whose title begins with `[id]`. */
export interface Proof {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** True when the test is switched off, so that it proves nothing. */
  readonly isSkipped: boolean;
}

/** What the check compares. */
export interface Evidence {
  readonly promises: readonly ProductPromise[];
  readonly claims: readonly string[];
  readonly work: readonly string[];
  readonly done: readonly string[];
  /** The test files that exist. */
  readonly files: readonly string[];
  readonly proofs: readonly Proof[];
}

// `skipIf` and `runIf` are not a switch that somebody forgot: they say where a test can run.
const title = /(\.(?:skip|todo)(?:\.\w+)?\([^'"`]*)?(['"`])\[([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\] /g;

/**
 * Finds the titles in a test file that begin with a promise's id.
 * @param file shown in the result.
 * @param text the file's source.
 */
export function findProofs(file: string, text: string): Proof[] {
  return [...text.matchAll(title)].map((match) => ({
    id: match[3] ?? '',
    file,
    line: text.slice(0, match.index).split('\n').length,
    isSkipped: match[1] !== undefined,
  }));
}

/** Says what is wrong with one promise. */
function judge(promise: ProductPromise, evidence: Evidence): string[] {
  const problems: string[] = [];
  const say = (text: string): number => problems.push(`promise ${promise.id}: ${text}`);
  if (promise.source.length === 0) {
    say('has no source');
  }
  for (const source of promise.source) {
    if (/^[a-z]+-\d+$/.test(source) && !evidence.claims.includes(source)) {
      say(`names a claim that does not exist: ${source}`);
    }
  }
  if ('due' in promise) {
    if (!evidence.work.includes(promise.due)) {
      say(`is due with an unknown piece of work: ${promise.due}`);
    }
    if (evidence.done.includes(promise.due)) {
      say(`is still due, though its work is done: ${promise.due}`);
    }
    return problems;
  }
  if (promise.tests.length === 0) {
    say('has neither tests nor a piece of work that it is due with');
  }
  for (const file of promise.tests) {
    const proofs = evidence.proofs.filter((proof) => proof.file === file && proof.id === promise.id);
    if (!evidence.files.includes(file)) {
      say(`names a test file that does not exist: ${file}`);
    } else if (!proofs.some((proof) => !proof.isSkipped)) {
      say(`no test in ${file} has a title that begins with [${promise.id}]`);
    }
  }
  return problems;
}

/**
 * Compares promises, claims and tests.
 * @returns one line per offence.
 */
export function findProblems(evidence: Evidence): string[] {
  const problems = evidence.promises.flatMap((promise) => judge(promise, evidence));
  const ids = evidence.promises.map((promise) => promise.id);
  for (const id of new Set(ids.filter((value, index) => ids.indexOf(value) !== index))) {
    problems.push(`promise ${id}: stands in the manifest twice`);
  }
  for (const proof of evidence.proofs.filter((entry) => !ids.includes(entry.id))) {
    problems.push(`${proof.file}:${proof.line}: a test names a promise that does not exist: [${proof.id}]`);
  }
  const sources = new Set(evidence.promises.flatMap((promise) => promise.source));
  for (const claim of evidence.claims.filter((id) => !sources.has(id))) {
    problems.push(`claim ${claim}: no promise names it as its source`);
  }
  return problems;
}

/**
 * Checks the repository's own manifest.
 * @returns one line per offence.
 */
export function checkPromises(): string[] {
  const files = listFiles('.', (path) => /^(?:packages|tests|benchmarks|examples|scripts)\/.*\.test\.tsx?$/.test(path));
  const proofs = files.flatMap((file) => findProofs(file, readText(file) ?? ''));
  return findProblems({ promises, claims, work: Object.values(work), done, files, proofs });
}
