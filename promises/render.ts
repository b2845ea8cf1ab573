// Prints README's table of kept promises between its two markers. `node promises/render.ts` writes it; the check compares.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText, root } from '../scripts/tree.ts';
import { promises } from './manifest.ts';
import type { ProductPromise } from './promise.ts';

const open = '<!-- promises -->';
const close = '<!-- /promises -->';

/** Renders the table: proven promises only, since a README says what works today. */
export function renderTable(rows: readonly ProductPromise[]): string {
  const lines = ['| promise | what you may rely on | proof |', '| --- | --- | --- |'];
  let due = 0;
  for (const row of rows) {
    if ('due' in row) {
      due += 1;
      continue;
    }
    const proof = row.tests.map((file) => `[${file.split('/').at(-1)}](${file})`).join(', ');
    lines.push(`| \`${row.id}\` | ${row.sentence.replaceAll('|', '\\|')} | ${proof} |`);
  }
  const kept = rows.length - due;
  return `${lines.join('\n')}\n\n${kept} promises kept; ${due} more are written down in [promises/](promises/) and not yet claimed.`;
}

/** Replaces what stands between the markers; `undefined` when the text has no markers. */
function replaceTable(text: string): string | undefined {
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) {
    return undefined;
  }
  return `${text.slice(0, from + open.length)}\n${renderTable(promises)}\n${text.slice(to)}`;
}

/**
 * Compares README's table with the manifest.
 * @returns one line when they differ, else none.
 */
export function checkReadme(): string[] {
  const text = readText('README.md');
  const wanted = text === undefined ? undefined : replaceTable(text);
  if (wanted === undefined) {
    return [`README.md: the markers ${open} and ${close} are missing`];
  }
  return wanted === text ? [] : ['README.md: the table of promises is out of date; run `npm run promises`'];
}

if (import.meta.main) {
  const wanted = replaceTable(readText('README.md') ?? '');
  if (wanted === undefined) {
    console.error(`README.md: the markers ${open} and ${close} are missing`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, 'README.md'), wanted);
  }
}
