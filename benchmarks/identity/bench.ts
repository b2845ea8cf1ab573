// The runner: measures the kinds of credentials, roles and conditions, prints a table and writes JSON. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { isPinned } from '../overhead/process.ts';
import { comparisons } from './arms.ts';
import { linesOf, measureIdentity, shortfalls } from './identity.ts';

const { values } = parseArgs({
  options: {
    arms: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warmup: { type: 'string' },
    callers: { type: 'string', default: '32' },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

/** Ends the program with what is wrong. */
function usage(message: string): never {
  console.error(message);
  process.exit(2);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : usage(`--${name} wants a number above 0`);
}

const arms = values.arms?.split(';').map((label) => label.trim());
const stranger = arms?.find((label) => !comparisons.some((one) => one.label === label));
if (stranger !== undefined) usage(`there is no arm "${stranger}": ${comparisons.map(({ label }) => label).join('; ')}`);
const { quick, quiet } = values;
const figures = await measureIdentity({
  effort: {
    rounds: positive('rounds', values.rounds ?? (quick ? '1' : '9')),
    seconds: positive('seconds', values.seconds ?? (quick ? '0.3' : '5')),
    warmupSeconds: positive('warmup', values.warmup ?? (quick ? '0.2' : '1')),
  },
  callers: positive('callers', values.callers),
  arms,
  note: (line) => void (quiet || console.error(line)),
});
console.log(
  isPinned ? 'the gateway alone on one core, load and server on another' : 'cores are shared: figures are rough',
);
for (const line of linesOf(figures)) console.log(line);
if (!quick) for (const line of shortfalls(figures)) console.log(`short of: ${line}`);
if (values.json !== undefined) {
  await mkdir(dirname(values.json), { recursive: true });
  const found = { node: process.versions.node, isPinned, figures };
  await writeFile(values.json, `${JSON.stringify(found, undefined, 2)}\n`);
}
if (figures.some(({ errors }) => errors > 0)) process.exitCode = 1;
