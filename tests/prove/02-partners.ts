// Row 2: every partner tells the whole story at every door.
import { openDoors } from '../journeys/partners/doors.ts';
import { pairs, partners, tell } from '../journeys/partners/matrix.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const doors = await openDoors();
  try {
    let told = 0;
    const details: string[] = [];
    for (const pair of pairs) {
      const pairName = `${pair.partner.name} at ${pair.door}`;
      const started = performance.now();
      const seen = await tell(pair, doors, 'whole').catch((error: unknown) => [
        { step: 'connects', failure: String(error) },
      ]);
      const failed = seen.flatMap(({ step, failure }) =>
        failure === undefined ? [] : [`${step}: ${failure.slice(0, 300)}`],
      );
      told += seen.length;
      details.push(
        failed.length === 0
          ? `✓ ${pairName}: ${seen.length} steps, ${((performance.now() - started) / 1000).toFixed(1)} s`
          : `✗ ${pairName}`,
        ...failed.map((line) => `    ${line}`),
      );
    }
    const good = details.filter((line) => line.startsWith('✓')).length;
    return {
      figure: `${partners.length} clients, ${pairs.length} pairs of client and door, ${told} steps: ${good} pairs without a fault`,
      isMet: good === pairs.length,
      details,
    };
  } finally {
    await doors.close();
  }
};
