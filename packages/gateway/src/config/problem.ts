/**
 * What is wrong with a configuration and what to do about it. Problems are collected, never thrown, so that one run
 * names all of them.
 */
import type { Origin } from '@sallyport/guard';
import { isReference } from './resolve-secret.ts';
import { hasSecretName } from './secret-shapes.ts';

/** The families of problems, stable for scripts that read `check --json`. */
export type ProblemCode =
  | 'unreadable'
  | 'unsafe-file'
  | 'yaml'
  | 'duplicate'
  | 'include'
  | 'unknown-key'
  | 'not-available'
  | 'missing'
  | 'type'
  | 'value'
  | 'pattern'
  | 'condition'
  | 'reference'
  | 'conflict'
  | 'literal-secret'
  | 'unpinned'
  | 'machine'
  | 'key'
  | 'secret';

/** One thing that is wrong, where it is, and the way out. */
export interface Problem {
  readonly code: ProblemCode;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** How many characters of the line the problem covers, at least 1. */
  readonly length: number;
  readonly message: string;
  readonly suggestion?: string;
  /** The line of the file, with values that may be secrets blotted out. */
  readonly excerpt?: string;
}

/** A problem as a reader states it: the place comes from the node. */
export interface Complaint {
  readonly code: ProblemCode;
  readonly message: string;
  readonly suggestion: string;
  /** How many characters to mark; 1 when absent. */
  readonly length?: number;
}

/** Collects problems and warnings, 200 of each at most, and remembers which characters must not be printed. */
export interface ProblemLog {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Notes something that refuses the configuration. */
  report(at: Origin, complaint: Complaint): void;
  /** Notes something that works but is probably not meant. */
  warn(at: Origin, complaint: Complaint): void;
  /** Blots out `length` characters from `at` on in every excerpt. */
  hide(at: Origin, length: number): void;
  /** Makes the text of a file known, for excerpts. */
  addText(file: string, text: string): void;
  /** Problems in the order of the files and lines, with excerpts. */
  sorted(): { problems: readonly Problem[]; warnings: readonly Problem[] };
}

interface HiddenRange {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** Most problems that are kept; who has more begins with these. */
const MAX_PROBLEMS = 200;

/** Longest line that an excerpt shows, characters. */
const EXCERPT_WIDTH = 200;

/** Returns an empty log. */
export function createProblemLog(): ProblemLog {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const hidden: HiddenRange[] = [];
  const lines = new Map<string, readonly string[]>();

  const make = (at: Origin, complaint: Complaint): Problem => ({
    code: complaint.code,
    file: at.file,
    line: at.line,
    column: at.column,
    length: Math.max(1, complaint.length ?? 1),
    message: complaint.message,
    suggestion: complaint.suggestion,
  });

  const excerptOf = (problem: Problem): string | undefined => {
    const line = lines.get(problem.file)?.[problem.line - 1];
    if (line === undefined || line.length > EXCERPT_WIDTH) return undefined;
    let shown = hideNamedSecrets(line);
    for (const range of hidden) {
      if (range.file !== problem.file || range.line !== problem.line) continue;
      const start = range.column - 1;
      const end = Math.min(shown.length, start + range.length);
      shown = shown.slice(0, start) + '•'.repeat(Math.max(0, end - start)) + shown.slice(end);
    }
    return replaceControls(shown);
  };

  const finish = (list: readonly Problem[]): Problem[] => {
    const order = [...lines.keys()];
    const rank = (file: string): number => {
      const index = order.indexOf(file);
      return index < 0 ? order.length : index;
    };
    return list
      .map((problem) => {
        const excerpt = excerptOf(problem);
        return excerpt === undefined ? problem : { ...problem, excerpt };
      })
      .sort((a, b) => rank(a.file) - rank(b.file) || a.line - b.line || a.column - b.column);
  };

  return {
    problems,
    warnings,
    report: (at, complaint) => {
      if (problems.length < MAX_PROBLEMS) problems.push(make(at, complaint));
    },
    warn: (at, complaint) => {
      if (warnings.length < MAX_PROBLEMS) warnings.push(make(at, complaint));
    },
    hide: (at, length) => void hidden.push({ file: at.file, line: at.line, column: at.column, length }),
    addText: (file, text) => void lines.set(file, text.split(/\r\n|\n|\r/)),
    sorted: () => ({ problems: finish(problems), warnings: finish(warnings) }),
  };
}

/** Blots out what follows a key such as `password`, wherever it stands, unless it is a reference. */
function hideNamedSecrets(line: string): string {
  return line.replace(
    /([\w-]+)(["']?\s*:\s*["']?)([^\s,{}[\]"'][^,}"']*)/g,
    (all, key: string, colon: string, value: string) => {
      const isSecret = key.toLowerCase() === 'bearer' || hasSecretName(key.replaceAll('-', '_'));
      return isSecret && !isReference(value) ? `${key}${colon}${'•'.repeat(value.length)}` : all;
    },
  );
}

/** Terminal escapes in a file must not act on the terminal that shows it. A tab becomes one space: the caret stays right. */
function replaceControls(text: string): string {
  return text.replace(/\t/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** How `formatProblem` prints. */
export interface FormatProblemOptions {
  /** ANSI colours. Off by default. */
  readonly color?: boolean;
  /** `warning` in place of `error` before the message. */
  readonly isWarning?: boolean;
}

/**
 * Prints a problem as `file:line:column: message`, the line with a caret under it, and the suggestion. File names are
 * printed as they are in the problem; shorten them before if the reader knows the folder.
 */
export function formatProblem(problem: Problem, options: FormatProblemOptions = {}): string {
  const paint = (code: string, text: string): string =>
    options.color === true ? `\u001b[${code}m${text}\u001b[0m` : text;
  const mark = options.isWarning === true ? paint('33', 'warning') : paint('31', 'error');
  const place = paint('1', `${replaceControls(problem.file)}:${problem.line}:${problem.column}`);
  const out = [`${place}: ${mark}: ${replaceControls(problem.message)}`];
  if (problem.excerpt !== undefined) {
    const gutter = String(problem.line);
    const room = Math.max(1, problem.excerpt.length - problem.column + 1);
    const caret = ' '.repeat(problem.column - 1) + '^'.repeat(Math.min(problem.length, room));
    out.push(`  ${paint('2', `${gutter} |`)} ${problem.excerpt}`);
    out.push(`  ${paint('2', `${' '.repeat(gutter.length)} |`)} ${paint('31', caret)}`);
  }
  if (problem.suggestion !== undefined) out.push(`  ${paint('36', 'help:')} ${replaceControls(problem.suggestion)}`);
  return out.join('\n');
}
