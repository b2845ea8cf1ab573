// Row 4.1: the corpus of tokens at the MCP endpoint with a clock that stands still, and how long a refusal takes.
import { corpusOrSkip } from '@sallyport/testkit';
import { openTokenBench, readTokens, type TokenCase } from '../attacks/jwt-corpus.ts';
import { tokenDecisions } from '../attacks/jwt.policy.ts';
import type { Prove } from './result.ts';

/** Times that each bad token is sent. */
const rounds = 20;
const goalMs = 5;

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
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const { token } of sendable) times.push((await bench.send(token)).ms);
    }
    times.sort((one, other) => one - other);
    const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.POSITIVE_INFINITY;
    const requests = (await bench.connections()).length - bench.before.length;
    const p99 = at(0.99);
    return {
      figure:
        `${accepted}/${good.length} accepted, ${refused} × 401, ${tooLong} × 431, ${decided}/14 as documented, ` +
        `${requests} outbound connections or look-ups; refusal p99 ${p99.toFixed(2)} ms`,
      isMet: wrong.length === 0 && plain.length === 218 && long.length === 6 && requests === 0 && p99 < goalMs,
      details: [
        `${times.length.toLocaleString('en')} refusals, each on a connection of its own: p50 ${at(0.5).toFixed(2)} ms, ` +
          `longest ${at(0.999_999).toFixed(2)} ms; the longest token has 1.3 MB`,
        ...wrong,
      ],
    };
  } finally {
    await bench.stop();
  }
};
