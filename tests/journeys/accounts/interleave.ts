/** Many calls of two people in both eras at once, whose tokens are refused now and then: who answers whom? */
import type { Setting } from './setting.ts';

/** What came of it. */
export interface Interleaved {
  readonly calls: number;
  /** Calls that somebody else's account answered. */
  readonly crossed: number;
  /** Calls that were not answered by the caller's own account, crossed ones among them. */
  readonly failed: number;
  /** Tokens that the server stopped to take on the way. */
  readonly refused: number;
  /** Requests to the token endpoint meanwhile. */
  readonly renewals: number;
}

const atOnce = 40;

/**
 * Calls again and again.
 *
 * @param people - who have connected their accounts already
 * @param count - calls in all
 * @param refuseEach - after so many calls, the server stops to take the tokens that it was presented last; default never
 */
export async function interleave(
  setting: Setting,
  people: readonly [string, string],
  count: number,
  refuseEach = Infinity,
): Promise<Interleaved> {
  const { upstream } = setting;
  const callers = await Promise.all(
    (['modern', 'legacy'] as const).flatMap((era) => people.map((name) => setting.caller(name, era))),
  );
  const before = await setting.tokenRequests();
  const refused = new Set<string>();
  let [crossed, failed, next] = [0, 0, 0];
  const work = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const who = people[at % people.length] ?? '';
      const said = (await callers[at % callers.length]?.call('whoami', { note: `n${at}` })) ?? '';
      if (said !== `${who} n${at}`) failed += 1;
      if (people.some((name) => name !== who && said.startsWith(name))) crossed += 1;
      if ((at + 1) % refuseEach === 0) {
        for (const name of people) {
          const token = upstream.presented.findLast(({ subject }) => subject === name)?.authorization;
          if (token === undefined) continue;
          upstream.refuse(token.replace('Bearer ', ''));
          refused.add(token);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  // What was refused last is found out by the next call.
  for (const [at, caller] of callers.entries()) {
    if ((await caller.call('whoami')) !== people[at % people.length]) failed += 1;
  }
  for (const caller of callers) await caller.close();
  return { calls: next, crossed, failed, refused: refused.size, renewals: (await setting.tokenRequests()) - before };
}
