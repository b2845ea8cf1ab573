// `npm run prove`: the full figures. Without an argument it lists the rows; `npm run prove 4` (or a row's name) runs one,
// `npm run prove all` runs every row, each in a process of its own so that none measures another's memory.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Prove } from '../tests/prove/result.ts';
import { rows, type Row } from '../tests/prove/rows.ts';
import { run } from './command.ts';
import { listFiles, root } from './tree.ts';

const modules = listFiles('tests/prove', (path) => /\/(?:\d\d|\d\.\d{1,2})-[a-z0-9-]+\.ts$/.test(path));

const moduleOf = (row: Row): string | undefined => modules.find((path) => path.startsWith(`tests/prove/${row.id}-`));

/** How a row is called for: `4` for `04`; the tenth of a table is not its first. */
const shortId = (row: Row): string => row.id.replace(/^0/, '');

/** The row's name as in its file: `04-answers-never-cross.ts` → `answers-never-cross`. */
const slugOf = (row: Row): string => moduleOf(row)?.replace(/^.*\/(?:\d\d|\d\.\d{1,2})-|\.ts$/g, '') ?? '';

function list(): void {
  console.log('Rows (npm run prove <row>, or all):\n');
  for (const row of rows) {
    const state = moduleOf(row) === undefined ? 'not available' : slugOf(row);
    console.log(`  ${shortId(row).padStart(4)}  ${row.title.padEnd(40)} ${state}\n        goal: ${row.goal}`);
  }
}

async function prove(row: Row): Promise<boolean> {
  const path = moduleOf(row);
  if (path === undefined) {
    console.log(`– ${row.id} ${row.title}: not available`);
    return false;
  }
  const started = performance.now();
  const loaded = (await import(pathToFileURL(join(root, path)).href)) as { readonly prove?: Prove };
  if (loaded.prove === undefined) {
    throw new Error(`${path} exports no function named prove`);
  }
  const result = await loaded.prove();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${result.isMet ? '✓' : '✗'} ${row.id} ${row.title}: ${result.figure}  (goal: ${row.goal}; ${seconds} s)`,
  );
  for (const line of result.details ?? []) {
    console.log(`     ${line}`);
  }
  return result.isMet;
}

async function proveAll(): Promise<boolean> {
  const missed: string[] = [];
  for (const row of rows) {
    const args = ['--disable-warning=ExperimentalWarning', import.meta.filename, row.id];
    const { code } = await run(process.execPath, args, { isShown: true });
    if (code !== 0) {
      missed.push(row.id);
    }
  }
  console.log(
    `\n${rows.length - missed.length} of ${rows.length} rows met${missed.length > 0 ? `; not: ${missed.join(', ')}` : ''}`,
  );
  return missed.length === 0;
}

const wanted = process.argv[2];
if (wanted === undefined) {
  list();
} else if (wanted === 'all') {
  process.exit((await proveAll()) ? 0 : 1);
} else {
  const row = rows.find((entry) => [entry.id, shortId(entry)].includes(wanted) || slugOf(entry) === wanted);
  if (row === undefined) {
    console.error(`No row '${wanted}'. Rows: ${rows.map(shortId).join(', ')}, or all.`);
    process.exit(2);
  }
  process.exit((await prove(row)) ? 0 : 1);
}
