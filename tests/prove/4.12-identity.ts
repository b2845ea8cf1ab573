// Row 4.12: what kinds of credentials, roles and conditions cost a call; measured as benchmarks/identity/README.md says.
import { cachedToken, comparisons, flat } from '../../benchmarks/identity/arms.ts';
import { linesOf, measureIdentity, shortfalls } from '../../benchmarks/identity/identity.ts';
import type { Prove } from './result.ts';

/** Measures every arm beside the one that it is held against. */
export const prove: Prove = async () => {
  const figures = await measureIdentity({
    effort: { rounds: 9, seconds: 5, warmupSeconds: 2 },
    callers: 32,
    note: (line) => console.error(`  ${line}`),
  });
  const missed = shortfalls(figures);
  const shareOf = (label: string): string => {
    const ratio = figures.find((one) => one.label === label)?.ratio?.median;
    return ratio === undefined ? 'not measured' : ratio.toFixed(2);
  };
  const leastFlat = Math.min(...flat.map((label) => Number(shareOf(label))));
  return {
    figure:
      `cached JWT ${shareOf(cachedToken)} of a key; many and large roles at least ${leastFlat.toFixed(2)} of one small one; ` +
      comparisons
        .filter(
          ({ label, against }) => against !== undefined && label !== cachedToken && !flat.some((one) => one === label),
        )
        .map(({ label }) => `${label} ${shareOf(label)}`)
        .join(', '),
    isMet: missed.length === 0,
    details: [...linesOf(figures), ...missed.map((line) => `short of: ${line}`)],
  };
};
