// Each recipe of the corpus of slow peers, and its counterparts at servers, before the real gateway: they are cut off or
// bounded, and the calls of others are answered.
import { describe, expect, it } from 'vitest';
import { ownRecipes, readSlowCorpus, recipes, runSlowPeers, slowCorpus, slowCount } from './slow-peers.ts';

/** Where a run of recipes, each with seconds of patience in it, counts as hung. */
const ceilingMs = 600_000;
const options = { size: 'ci', calls: 20 } as const;
const expected = (names: readonly string[]) =>
  names.map((name) =>
    expect.objectContaining({ name, isBounded: true, others: expect.objectContaining({ wrong: 0 }) }),
  );

describe.skipIf(!slowCorpus.isHere || process.platform !== 'linux')('the corpus of slow peers', () => {
  it('holds 20 recipes, all of which are played', () => {
    const names = readSlowCorpus();
    expect(names).toHaveLength(slowCount);
    expect(names.filter((name) => recipes[name] === undefined)).toEqual([]);
  });

  it(
    '[slow-peers] is bounded, recipe by recipe, and others go on',
    async () => {
      const names = readSlowCorpus();
      const { outcomes, afterwards } = await runSlowPeers(names, options);
      expect(outcomes).toEqual(expected(names));
      expect(afterwards.wrong).toBe(0);
    },
    ceilingMs,
  );
});

describe('servers over HTTP that are slow, stop in the middle or never end', () => {
  it(
    '[slow-peers] are given up in time, and others go on',
    async () => {
      const { outcomes, afterwards } = await runSlowPeers(ownRecipes, options);
      expect(outcomes).toEqual(expected(ownRecipes));
      expect(afterwards.wrong).toBe(0);
    },
    ceilingMs,
  );
});
