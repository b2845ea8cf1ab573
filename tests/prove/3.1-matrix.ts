// Row 3.1: every caller takes the whole journey to every server, cell by cell.
import { cells, openMatrix, steps, upstreamKinds } from '../conformance/matrix/matrix.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const matrix = await openMatrix();
  try {
    const columns = Object.keys(upstreamKinds);
    const table = new Map<string, string[]>();
    const failures: string[] = [];
    let passed = 0;
    for (const [caller, upstream] of cells) {
      const ended = await matrix.run(caller, upstream);
      const failed = ended.filter(({ failure }) => failure !== undefined);
      passed += ended.length - failed.length;
      failures.push(...failed.map(({ step, failure }) => `${caller} to ${upstream}, ${step}: ${failure}`));
      const row = table.get(caller) ?? [];
      table.set(caller, row);
      row.push(failed.length === 0 ? `✓ ${ended.length}` : `✗ ${failed.map(({ step }) => step).join(' ')}`);
    }
    const { sent, differences, open, verified } = await matrix.audit();
    const isRecorded = differences.length === 0 && open === 0 && verified.code === 0;
    const wanted = cells.length * steps.length;
    const line = (head: string, row: readonly string[]): string =>
      [head.padEnd(26), ...row.map((cell) => cell.padEnd(14))].join('').trimEnd();
    return {
      figure:
        `${cells.length} cells, ${passed} of ${wanted} steps passed, ${wanted - passed} refused or failed; ` +
        `${sent} requests, ${isRecorded ? 'each with its intent and ending' : 'NOT recorded as sent'}`,
      isMet: passed === wanted && isRecorded,
      details: [
        line('', columns),
        ...[...table].map(([caller, row]) => line(caller, row)),
        `steps: ${steps.join(', ')}`,
        'stdio and WebSocket callers and WebSocket servers in both eras; a step counts when it passes in all',
        ...failures,
        ...differences,
      ],
    };
  } finally {
    await matrix.close();
  }
};
