// Row 4.1: the corpus of tokens at the MCP endpoint with a clock that stands still, and how long a refusal takes.
import { corpusOrSkip } from '@sallyport/testkit';
import { openTokenBench, readTokens, type TokenCase } from '../attacks/jwt-corpus.ts';
import { tokenDecisions } from '../attacks/jwt.policy.ts';
import type { Prove } from './result.ts';

/** Times that each bad token is sent. */
const rounds = 20;
const goalMs = 5;

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

export const prove: Prove = async () => {
  const corpus = corpusOrSkip('jwt');
  if (!corpus.isHere) throw new Error(corpus.skip);
  const cases = readTokens(corpus.path);
  const bench = await openTokenBench(corpus.path);
  try {
    const statusOf = async ({ token }: TokenCase): Promise<number | undefined> =>
      (await bench.send(token)).response?.status;
    const wrong: string[] = [];
    const count = async (
      these: readonly TokenCase[],
      wanted: (one: TokenCase) => number | undefined,
    ): Promise<number> => {
      let right = 0;
      for (const one of these) {
        const status = await statusOf(one);
        if (status === wanted(one)) right += 1;
        else wrong.push(`${one.id}: ${status ?? 'no answer'}`);
      }
      return right;
    };
    const good = cases.filter((one) => one.expect === 'accept');
    const bad = cases.filter((one) => one.expect === 'reject');
    // A line break cannot stand in a header; a space stands for it.
    const sendable = bad.map((one) => ({ ...one, token: one.token.replaceAll('\n', ' ') }));
    const long = sendable.filter(({ token }) => token.length > 16_000);
    const plain = sendable.filter((one) => !long.includes(one));
    const accepted = await count(good, () => 200);
    const refused = await count(plain, () => 401);
    const tooLong = await count(long, () => 431);
    const decided = await count(
      cases.filter((one) => !good.includes(one) && !bad.includes(one)),
      ({ id }) => tokenDecisions[id]?.status,
    );
    const all: number[] = [];
    const p99s: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const times: number[] = [];
      for (const { token } of sendable) times.push((await bench.send(token)).ms);
      p99s.push(quantile(times, 0.99));
      all.push(...times);
    }
    const requests = (await bench.connections()).length - bench.before.length;
    // Of each round one, and the middle of them: what else runs on the machine comes in bursts.
    const p99 = quantile(p99s, 0.5);
    return {
      figure:
        `${accepted}/${good.length} accepted, ${refused} × 401, ${tooLong} × 431, ${decided}/14 as documented, ` +
        `${requests} outbound connections or look-ups; refusal p99 ${p99.toFixed(2)} ms (median of ${rounds} rounds)`,
      isMet: wrong.length === 0 && plain.length === 218 && long.length === 6 && requests === 0 && p99 < goalMs,
      details: [
        `${all.length.toLocaleString('en')} refusals, each on a connection of its own: p50 ${quantile(all, 0.5).toFixed(2)} ms, ` +
          `p99 of all ${quantile(all, 0.99).toFixed(2)} ms; the longest token has 1.3 MB`,
        ...wrong,
      ],
    };
  } finally {
    await bench.stop();
  }
};
