// Measures the pairs and the lists, and holds them against their goals.
import type { Effort } from '../overhead/measure.ts';
import { startLineUp } from '../overhead/measure.ts';
import { summarize, tableOf, type Figures } from '../overhead/report.ts';
import { bareList, lists, pairs } from './pairs.ts';

/** What to measure, and for how long. */
export interface BridgeOptions {
  readonly effort: Effort;
  /** Connections that call at once. */
  readonly callers: number;
  /** Tools of each server. */
  readonly tools: number;
  /** Tells what happens, for people. */
  readonly note: (line: string) => void;
}

/** What was found. */
export interface BridgeFigures {
  /** Of every pair; cross-era ones with their share of the same-era one. */
  readonly pairs: readonly Figures[];
  /** Of lists, with their share of the bare server's. */
  readonly lists: readonly Figures[];
}

/** Share of a same-era pair's throughput that a cross-era one reaches at least. */
export const crossEraGoal = 0.6;
/** Share of a bare server's throughput that lists from memory reach at least. */
export const listGoal = 0.9;

/** Measures everything. */
export async function measureBridge({ effort, callers, tools, note }: BridgeOptions): Promise<BridgeFigures> {
  const calls = { callers, bytes: 300, isAwake: true };
  const all = pairs(tools);
  const againstOf = new Map(all.map(({ label, against }) => [label, against]));
  const crossing = await startLineUp(
    all.map(({ subject }) => subject),
    note,
  );
  let found: readonly Figures[];
  try {
    found = summarize(await crossing.run(calls, effort), ({ subject }) => againstOf.get(subject.label));
  } finally {
    await crossing.stop();
  }
  const listing = await startLineUp(lists(tools), note);
  try {
    return { pairs: found, lists: summarize(await listing.run(calls, effort), () => bareList) };
  } finally {
    await listing.stop();
  }
}

/** The least share that any cross-era pair reached; 0 where one could not be measured. */
export function leastCrossEra({ pairs: found }: BridgeFigures): number {
  const crossing = pairs(1).filter(({ against }) => against !== undefined);
  return Math.min(...crossing.map(({ label }) => found.find((figures) => figures.label === label)?.ratio?.median ?? 0));
}

/** The least share that any list from memory reached. */
export function leastList({ lists: found }: BridgeFigures): number {
  return Math.min(...found.filter(({ label }) => label !== bareList).map(({ ratio }) => ratio?.median ?? 0));
}

/** True when every answer was the right one. */
export function isFlawless({ pairs: one, lists: other }: BridgeFigures): boolean {
  return [...one, ...other].every(({ errors, cannot }) => errors === 0 && cannot === undefined);
}

/** Both tables as lines. */
export function linesOf(figures: BridgeFigures): readonly string[] {
  return [
    'calls; the ratio is to the pair of one era with the same server',
    ...tableOf(figures.pairs),
    '',
    'lists from memory; the ratio is to the bare server',
    ...tableOf(figures.lists),
  ];
}
