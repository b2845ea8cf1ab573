// The runner: measures the pairs of eras and the lists, prints tables and writes JSON. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { isPinned } from '../overhead/process.ts';
import { isFlawless, leastCrossEra, leastList, linesOf, measureBridge } from './bridge.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warmup: { type: 'string' },
    callers: { type: 'string', default: '32' },
    tools: { type: 'string', default: '100' },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

/** A number above 0; the program ends with what is wrong otherwise. */
function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  console.error(`--${name} wants a number above 0`);
  process.exit(2);
}

const { quick, quiet } = values;
const figures = await measureBridge({
  effort: {
    rounds: positive('rounds', values.rounds ?? (quick ? '1' : '9')),
    seconds: positive('seconds', values.seconds ?? (quick ? '0.5' : '5')),
    warmupSeconds: positive('warmup', values.warmup ?? (quick ? '0.3' : '1')),
  },
  callers: positive('callers', values.callers),
  tools: positive('tools', values.tools),
  note: (line) => void (quiet || console.error(line)),
});
console.log(
  isPinned ? 'the gateway alone on one core, load and servers on another' : 'cores are shared: figures are rough',
);
for (const line of linesOf(figures)) console.log(line);
console.log(`\ncross-era at least ${leastCrossEra(figures).toFixed(2)} of same-era`);
console.log(`lists from memory at least ${leastList(figures).toFixed(2)} of a bare server`);
if (values.json !== undefined) {
  await mkdir(dirname(values.json), { recursive: true });
  await writeFile(
    values.json,
    `${JSON.stringify({ node: process.versions.node, isPinned, ...figures }, undefined, 2)}\n`,
  );
}
if (!isFlawless(figures)) process.exitCode = 1;
