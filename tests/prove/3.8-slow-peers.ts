// Row 3.8: the recipes of slow peers at the front and at the upstream side, at full size, beside ordinary calls of others.
import { ownRecipes, readSlowCorpus, runSlowPeers, slowCorpus, slowCount } from '../faults/slow-peers.ts';
import type { Prove } from './result.ts';

const mebibyte = 1024 * 1024;
const goal = { slowdown: 2, growth: 64 * mebibyte };

export const prove: Prove = async () => {
  const names = readSlowCorpus();
  const { outcomes, afterwards } = await runSlowPeers([...names, ...ownRecipes], { size: 'full', calls: 1500 });
  const bounded = outcomes.filter(({ isBounded }) => isBounded).length;
  const wrong = outcomes.reduce((sum, { others, quiet }) => sum + others.wrong + quiet.wrong, afterwards.wrong);
  const slowdowns = outcomes.map(({ others, quiet }) => others.p99 / quiet.p99);
  const slowest = Math.max(...slowdowns);
  const grown = Math.max(...outcomes.map((each) => each.grown));
  return {
    figure:
      `${bounded} of ${outcomes.length} bounded; p99 of others at most ${slowest.toFixed(2)}× of quiet, ` +
      `memory +${(grown / mebibyte).toFixed(0)} MB at most`,
    isMet:
      names.length === slowCount &&
      bounded === outcomes.length &&
      wrong === 0 &&
      slowest <= goal.slowdown &&
      grown <= goal.growth,
    details: [
      ...(slowCorpus.isHere ? [] : [slowCorpus.skip]),
      ...outcomes.map(({ name, what, endings, isBounded, quiet, others, grown: more }, index) => {
        const ended = Object.entries(endings).map(([ending, count]) => `${count} ${ending}`);
        return (
          `${isBounded ? '✓' : '✗'} ${name}: ${ended.join(', ')} (${what}); p99 ${quiet.p99.toFixed(1)} → ${others.p99.toFixed(1)} ms ` +
          `(${(slowdowns[index] ?? 0).toFixed(2)}×), +${(more / mebibyte).toFixed(0)} MB`
        );
      }),
      `${wrong} calls of others were not answered as they should be; p99 afterwards ${afterwards.p99.toFixed(1)} ms`,
    ],
  };
};
