// Measures what each kind of credential, role and condition costs a call, and holds it against the goals.
import { startLineUp, type Effort } from '../overhead/measure.ts';
import { summarize, tableOf, type Figures } from '../overhead/report.ts';
import { baseline, cachedToken, comparisons, flat } from './arms.ts';

/** What to measure, and for how long. */
export interface IdentityOptions {
  readonly effort: Effort;
  /** Connections that call at once. */
  readonly callers: number;
  /** Labels of the arms; all by default. What an arm is held against comes with it. */
  readonly arms?: readonly string[] | undefined;
  /** Tells what happens, for people. */
  readonly note: (line: string) => void;
}

/** Share of a key's throughput that a token that was verified before reaches at least. */
export const tokenGoal = 0.9;
/** Share of the throughput with one small role that large and many roles reach at least. */
export const flatGoal = 0.9;

/** Measures every arm, or those named. */
export async function measureIdentity(options: IdentityOptions): Promise<readonly Figures[]> {
  const { effort, callers, arms, note } = options;
  const wanted = new Set(arms ?? comparisons.map(({ label }) => label));
  for (const { label, against } of comparisons) if (wanted.has(label) && against !== undefined) wanted.add(against);
  const chosen = comparisons.filter(({ label }) => wanted.has(label));
  const againstOf = new Map(chosen.map(({ label, against }) => [label, against]));
  const lineUp = await startLineUp(
    chosen.map(({ subject }) => subject),
    note,
  );
  try {
    const findings = await lineUp.run({ callers, bytes: 300, isAwake: true }, effort);
    return summarize(findings, ({ subject }) => againstOf.get(subject.label));
  } finally {
    await lineUp.stop();
  }
}

/** What a call costs more than with the arm that it is held against, in microseconds of processor time. */
export function addedMicroseconds(figures: readonly Figures[]): ReadonlyMap<string, number> {
  const costOf = (label: string): number | undefined => figures.find((one) => one.label === label)?.cpuPerThousand;
  return new Map(
    comparisons.flatMap(({ label, against }): [string, number][] => {
      const own = costOf(label);
      const other = against === undefined ? undefined : costOf(against);
      // Milliseconds for a thousand calls are microseconds for one.
      return own === undefined || own === 0 || other === undefined ? [] : [[label, own - other]];
    }),
  );
}

/** What falls short of a goal, and what could not be measured, as lines; none when all is well. */
export function shortfalls(figures: readonly Figures[]): readonly string[] {
  const lines = figures.flatMap(({ label, cannot, errors }) => [
    ...(cannot === undefined ? [] : [`${label}: ${cannot}`]),
    ...(errors === 0 ? [] : [`${label}: ${errors} wrong answers`]),
  ]);
  const hold = (label: string, goal: number): void => {
    const ratio = figures.find((one) => one.label === label)?.ratio?.median;
    if (ratio !== undefined && ratio < goal) lines.push(`${label}: ${ratio.toFixed(2)} of ${baseline}, not ${goal}`);
  };
  hold(cachedToken, tokenGoal);
  for (const label of flat) hold(label, flatGoal);
  return lines;
}

/** The table, with the added cost of each arm below it. */
export function linesOf(figures: readonly Figures[]): readonly string[] {
  const added = [...addedMicroseconds(figures)].map(
    ([label, cost]) => `${label}: ${cost >= 0 ? '+' : ''}${cost.toFixed(1)} µs of processor time a call`,
  );
  return [...tableOf(figures).map((line) => line.replace('of bare [', 'of other [')), '', ...added];
}
