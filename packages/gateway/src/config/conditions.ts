/** Reads `when:`, and points into its text however YAML wrote it. */
import { compileCondition, type Condition, type ConditionFault, type Origin } from '@sallyport/guard';
import { nearest } from './nearest.ts';
import type { ScalarNode } from './node.ts';
import { quoted, text, wrongValue, type Reader } from './reader.ts';

/** A condition in CEL, compiled. */
export const condition: Reader<Condition> = text(
  'a condition',
  `args.schema in ['public']`,
  { maxLength: 2048 },
  (found, reading) => {
    const compiled = compileCondition(found.value);
    if (!isFault(compiled)) return compiled;
    if (found.secret !== undefined) {
      return wrongValue(found, reading, `${quoted(found.shown)} is not a condition: ${compiled.message}`, '');
    }
    reading.log.report(placeInScalar(found.node, compiled.offset), {
      code: 'condition',
      message: compiled.message,
      suggestion: suggestionOf(compiled),
      length: compiled.length,
    });
    return undefined;
  },
);

function isFault(compiled: Condition | ConditionFault): compiled is ConditionFault {
  return 'offset' in compiled;
}

function suggestionOf({ suggestion, unknown }: ConditionFault): string {
  const close = unknown && nearest(unknown.word, unknown.known);
  return close === undefined ? suggestion : `did you mean \`${close}\`?`;
}

/**
 * Returns where a character of a text stands in the file: behind its quote, with escapes undone, in folded lines and in
 * block scalars.
 *
 * @param offset - of the character in the value, in UTF-16 units from 0
 */
export function placeInScalar({ origin, written, value }: ScalarNode, offset: number): Origin {
  const at = offsetInWritten(written, String(value), offset);
  const before = written.slice(0, at);
  const lines = before.split('\n');
  const last = lines.at(-1) ?? '';
  if (lines.length === 1) return { ...origin, column: origin.column + last.length };
  return { ...origin, line: origin.line + lines.length - 1, column: last.length + 1 };
}

/** Walks the text and its spelling side by side; runs of white space count as one, as folding makes them. */
function offsetInWritten(written: string, value: string, offset: number): number {
  const quote = /^['"]/.exec(written)?.[0];
  const header = quote === undefined ? /^[|>][^\n]*\n/.exec(written)?.[0] : undefined;
  let at = quote?.length ?? header?.length ?? 0;
  let read = 0;
  while (read < offset && at < written.length) {
    if (isSpace(written, at) || isSpace(value, read)) {
      while (isSpace(written, at)) at += 1;
      while (isSpace(value, read) && read < offset) read += 1;
      continue;
    }
    at += spellingOf(written, at, quote);
    read += 1;
  }
  // What is pointed at is a word, not the indentation before it.
  while (isSpace(written, at) && !isSpace(value, read) && read < value.length) at += 1;
  return Math.min(at, Math.max(0, written.trimEnd().length - (quote === undefined ? 0 : 1)));
}

/** How many characters of the file spell one of the text. */
function spellingOf(written: string, at: number, quote: string | undefined): number {
  if (quote === "'" && written.startsWith("''", at)) return 2;
  if (quote !== '"' || written.charAt(at) !== '\\') return 1;
  return { x: 4, u: 6, U: 10 }[written.charAt(at + 1)] ?? 2;
}

function isSpace(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}
