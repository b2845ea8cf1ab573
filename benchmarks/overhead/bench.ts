// The runner: reads options, measures every cell of the grid they span, prints tables and writes JSON. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { arms } from './arms/all.ts';
import type { Arm } from './arms/arm.ts';
import { measureHalfLoad } from './half-load.ts';
import { measureMemory } from './memory.ts';
import { startLineUp, type Effort, type Subject } from './measure.ts';
import { readOptions, usage, type Options } from './options.ts';
import { isPinned } from './process.ts';
import { summarize, tableOf, type Figures } from './report.ts';

/** One cell of the grid with its figures. */
interface Cell {
  readonly callers: number;
  readonly tools: number;
  readonly keys: number;
  readonly bytes: number;
  readonly figures: readonly Figures[];
}

const options = readOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(`${options}\n\n${usage}`);
  process.exit(2);
}
const chosen = options.arms.flatMap((name) => arms.find((arm) => arm.name === name) ?? []);
const note = (line: string) => void (options.isQuiet || console.error(line));
const show = (line: string) => void (options.json === '-' || console.log(line));

show(machineLine());
const cells = options.isGridWanted ? await measureGrid(options, chosen) : [];
const halfLoad = options.isHalfLoadWanted ? await measureHalfLoad(chosen, options, note) : undefined;
for (const line of halfLoad?.lines ?? []) show(line);
const memory = options.isMemoryWanted ? await measureMemory(chosen, note) : undefined;
for (const line of memory?.lines ?? []) show(line);
await writeJson();
const isFlawless = cells.every(({ figures }) => figures.every(({ errors }) => errors === 0));
if (!isFlawless) process.exitCode = 1;

async function measureGrid(wanted: Options, taking: readonly Arm[]): Promise<Cell[]> {
  const found: Cell[] = [];
  const effort: Effort = { rounds: wanted.rounds, seconds: wanted.seconds, warmupSeconds: wanted.warmupSeconds };
  for (const tools of wanted.tools) {
    for (const keys of wanted.keys) {
      const subjects: Subject[] = taking.map((arm) => ({ label: arm.name, arm, tools, keys }));
      const lineUp = await startLineUp(subjects, note);
      try {
        for (const callers of wanted.callers) {
          for (const bytes of wanted.bytes) {
            const findings = await lineUp.run({ callers, bytes, isAwake: wanted.isAwake }, effort);
            const figures = summarize(findings, () => 'bare');
            found.push({ callers, tools, keys, bytes, figures });
            show(
              `\n${callers} callers, ${tools} tools, ${keys} keys, ${bytes / 1000} KB, ${wanted.rounds} × ${wanted.seconds} s`,
            );
            for (const line of tableOf(figures)) show(line);
          }
        }
      } finally {
        await lineUp.stop();
      }
    }
  }
  return found;
}

function machineLine(): string {
  const cores = isPinned
    ? 'the measured server alone on one core, load and upstream on another'
    : 'processes share their cores: figures are rough';
  return `Node ${process.versions.node}, ${cores}`;
}

async function writeJson(): Promise<void> {
  if (typeof options === 'string' || options.json === undefined) return;
  const text = JSON.stringify(
    {
      node: process.versions.node,
      isPinned,
      effort: { rounds: options.rounds, seconds: options.seconds, warmupSeconds: options.warmupSeconds },
      cells,
      ...(halfLoad === undefined ? {} : { halfLoad: halfLoad.figures }),
      ...(memory === undefined ? {} : { memory: memory.figures }),
    },
    undefined,
    2,
  );
  if (options.json === '-') {
    console.log(text);
    return;
  }
  await mkdir(dirname(options.json), { recursive: true });
  await writeFile(options.json, `${text}\n`);
}
