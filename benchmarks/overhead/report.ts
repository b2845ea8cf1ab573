// Findings as figures, and figures as a table.
import type { Finding } from './measure.ts';
import { medianOf, spreadOf, type Spread } from './statistics.ts';

/** What the report says about one subject; medians over its rounds. */
export interface Figures {
  readonly label: string;
  readonly about: string;
  /** Why there are no figures. */
  readonly cannot?: string;
  readonly rounds: number;
  readonly callsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Milliseconds of CPU time for 1,000 calls. */
  readonly cpuPerThousand: number;
  /** Share of its core that was used, 0 to 1. */
  readonly busy: number;
  readonly rssMib: number;
  readonly errors: number;
  readonly firstError?: string;
  /** Throughput as a share of the baseline's in the same round. */
  readonly ratio?: Spread;
  /** CPU time of the baseline for a call as a share of this subject's, in the same round. */
  readonly cpuRatio?: number;
}

/**
 * Sums up findings.
 *
 * @param baselineOf - label of the subject that a subject is held against; undefined for none
 */
export function summarize(
  findings: readonly Finding[],
  baselineOf: (finding: Finding) => string | undefined,
): readonly Figures[] {
  const byLabel = new Map(findings.map((finding) => [finding.subject.label, finding]));
  return findings.map((finding) => {
    const { subject, turns, cannot } = finding;
    const errors = turns.reduce((sum, turn) => sum + turn.errors, 0);
    const firstError = turns.find((turn) => turn.firstError !== undefined)?.firstError;
    const baseline = byLabel.get(baselineOf(finding) ?? '');
    const pairs = turns.flatMap((turn, round) => {
      const other = baseline?.turns[round];
      return other === undefined || other.calls === 0 ? [] : [{ turn, other }];
    });
    const cpu = medianOf(pairs.map(({ turn, other }) => other.cpuMs / other.calls / (turn.cpuMs / turn.calls)));
    return {
      label: subject.label,
      about: subject.arm.about,
      ...(cannot === undefined ? {} : { cannot }),
      rounds: turns.length,
      callsPerSecond: medianOf(turns.map(({ calls, seconds }) => calls / seconds)),
      p50: medianOf(turns.map(({ p50 }) => p50)),
      p95: medianOf(turns.map(({ p95 }) => p95)),
      p99: medianOf(turns.map(({ p99 }) => p99)),
      cpuPerThousand: medianOf(turns.map(({ cpuMs, calls }) => (cpuMs / Math.max(1, calls)) * 1000)),
      busy: medianOf(turns.map(({ cpuMs, seconds }) => cpuMs / 1000 / seconds)),
      rssMib: medianOf(turns.map(({ rssMib }) => rssMib)),
      errors,
      ...(firstError === undefined ? {} : { firstError }),
      ...(pairs.length === 0
        ? {}
        : {
            ratio: spreadOf(pairs.map(({ turn, other }) => turn.calls / turn.seconds / (other.calls / other.seconds))),
            cpuRatio: Number.isFinite(cpu) ? cpu : 0,
          }),
    };
  });
}

const columns = [
  'arm',
  'req/s',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'CPU ms/1000',
  'busy',
  'RSS MiB',
  'of bare [quartiles]',
  'CPU ratio',
  'errors',
];

/** The figures as lines of a table, with what could not be measured below it. */
export function tableOf(figures: readonly Figures[]): string[] {
  const shown = figures.filter(({ rounds }) => rounds > 0);
  const rows = shown.map((row) => [
    row.label,
    row.callsPerSecond.toFixed(0),
    row.p50.toFixed(2),
    row.p95.toFixed(2),
    row.p99.toFixed(2),
    row.cpuPerThousand.toFixed(1),
    `${(row.busy * 100).toFixed(0)} %`,
    row.rssMib.toFixed(0),
    row.ratio === undefined
      ? ''
      : `${row.ratio.median.toFixed(3)} [${row.ratio.lower.toFixed(3)}–${row.ratio.upper.toFixed(3)}]`,
    row.cpuRatio === undefined ? '' : row.cpuRatio.toFixed(3),
    String(row.errors),
  ]);
  return [
    ...alignColumns([columns, ...rows]),
    ...figures.flatMap(({ label, cannot, firstError }) => [
      ...(cannot === undefined ? [] : [`${label}: ${cannot}`]),
      ...(firstError === undefined ? [] : [`${label}: first error: ${firstError}`]),
    ]),
  ];
}

/** Rows as lines with aligned columns; all but the first column to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
