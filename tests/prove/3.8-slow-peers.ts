// Row 3.8: the recipes of slow peers at the front and at the upstream side, at full size, beside ordinary calls of others.
import { medianOf } from '../faults/ordinary-load.ts';
import {
  ownRecipes,
  readSlowCorpus,
  runSlowPeers,
  slowCorpus,
  slowCount,
  type SlowOutcome,
} from '../faults/slow-peers.ts';
import type { Prove } from './result.ts';

const mebibyte = 1024 * 1024;
const goal = { slowdown: 2, growth: 64 * mebibyte };

export const prove: Prove = async () => {
  const corpus = readSlowCorpus();
  const names = [...corpus, ...ownRecipes];
  const { outcomes, afterwards } = await runSlowPeers(names, { size: 'full', calls: 1500, repeats: 3 });
  const results = names.map((name) => sumUp(outcomes.filter((each) => each.name === name)));
  const bounded = results.filter(({ isBounded }) => isBounded).length;
  const wrong = outcomes.reduce((sum, { others, quiet }) => sum + others.wrong + quiet.wrong, afterwards.wrong);
  const slowest = Math.max(...results.map(({ slowdown }) => slowdown));
  const grown = Math.max(...results.map((each) => each.grown));
  return {
    figure:
      `${bounded} of ${results.length} bounded; p99 of others at most ${slowest.toFixed(2)}× of quiet, ` +
      `memory +${(grown / mebibyte).toFixed(0)} MB at most`,
    isMet:
      corpus.length === slowCount &&
      bounded === results.length &&
      wrong === 0 &&
      slowest <= goal.slowdown &&
      grown <= goal.growth,
    details: [
      ...(slowCorpus.isHere ? [] : [slowCorpus.skip]),
      ...results.map(({ line }) => line),
      `${wrong} calls of others were not answered as they should be; p99 afterwards ${afterwards.p99.toFixed(1)} ms`,
    ],
  };
};

interface Summary {
  readonly isBounded: boolean;
  /** p99 of others beside it over p99 just before: the middle of its plays. */
  readonly slowdown: number;
  /** Bytes, at most. */
  readonly grown: number;
  readonly line: string;
}

function sumUp(plays: readonly SlowOutcome[]): Summary {
  const [first] = plays;
  const isBounded = plays.length > 0 && plays.every((each) => each.isBounded);
  const slowdown = medianOf(plays.map(({ others, quiet }) => others.p99 / quiet.p99));
  const quiet = medianOf(plays.map((each) => each.quiet.p99)).toFixed(1);
  const beside = medianOf(plays.map(({ others }) => others.p99)).toFixed(1);
  const grown = Math.max(...plays.map((each) => each.grown));
  const ended = Object.entries(first?.endings ?? {}).map(([ending, count]) => `${count} ${ending}`);
  const line =
    `${isBounded ? '✓' : '✗'} ${first?.name ?? ''}: ${ended.join(', ')} (${first?.what ?? ''}); ` +
    `p99 ${quiet} → ${beside} ms (${slowdown.toFixed(2)}×), +${(grown / mebibyte).toFixed(0)} MB`;
  return { isBounded, slowdown, grown, line };
}
