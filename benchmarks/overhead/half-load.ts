// What an arm adds to the delay of a call when it has half the load that it can bear. Calls begin on time whether or not
// answers come, so waiting is seen; the same rate without a proxy is what the delay is held against.
import { direct } from './arms/direct.ts';
import type { Arm } from './arms/arm.ts';
import { startLineUp, type Effort, type Subject } from './measure.ts';
import { alignColumns } from './report.ts';
import { medianOf } from './statistics.ts';

/** What was found about one arm. Milliseconds. */
export interface HalfLoadFigures {
  readonly label: string;
  /** Calls a second: half of what it bore. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly addedP50: number;
  readonly addedP99: number;
  readonly errors: number;
}

/** Measures every arm that can serve, except the server without a proxy. */
export async function measureHalfLoad(
  arms: readonly Arm[],
  effort: Effort & { readonly tools: readonly number[]; readonly isAwake: boolean },
  note: (line: string) => void,
): Promise<{ readonly figures: readonly HalfLoadFigures[]; readonly lines: readonly string[] }> {
  const { isAwake } = effort;
  const tools = effort.tools[0] ?? 100;
  const figures: HalfLoadFigures[] = [];
  for (const arm of arms) {
    if (arm.name === direct.name) continue;
    const subjects: readonly Subject[] = [direct, arm].map((one) => ({ label: one.name, arm: one, tools, keys: 1 }));
    const lineUp = await startLineUp(subjects, note);
    try {
      const [, most] = await lineUp.run(
        { callers: 32, bytes: 300, isAwake },
        { ...effort, rounds: Math.min(3, effort.rounds) },
      );
      const rate = Math.round(medianOf((most?.turns ?? []).map(({ calls, seconds }) => calls / seconds)) / 2);
      if (rate === 0) continue;
      const [without, withArm] = await lineUp.run({ callers: 128, bytes: 300, rate, isAwake }, effort);
      if (without === undefined || withArm === undefined) continue;
      const added = (name: 'p50' | 'p99') =>
        medianOf(withArm.turns.map((turn, round) => turn[name] - (without.turns[round]?.[name] ?? 0)));
      figures.push({
        label: arm.name,
        rate,
        p50: medianOf(withArm.turns.map(({ p50 }) => p50)),
        p99: medianOf(withArm.turns.map(({ p99 }) => p99)),
        addedP50: added('p50'),
        addedP99: added('p99'),
        errors: withArm.turns.reduce((sum, { errors }) => sum + errors, 0),
      });
    } finally {
      await lineUp.stop();
    }
  }
  const rows = figures.map((row) => [
    row.label,
    String(row.rate),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.addedP50.toFixed(2),
    row.addedP99.toFixed(2),
    String(row.errors),
  ]);
  const head = ['at half load', 'req/s', 'p50 ms', 'p99 ms', 'p50 added', 'p99 added', 'errors'];
  return { figures, lines: ['', ...alignColumns([head, ...rows])] };
}
