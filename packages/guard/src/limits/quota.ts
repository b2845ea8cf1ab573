/** What is left of a quota, as HTTP fields (draft-ietf-httpapi-ratelimit-headers): `RateLimit-Policy` and `RateLimit`. */
import type { Rate } from '../policy/model.ts';

/** Whose quota it is, as callers read it. */
export type QuotaName = 'caller' | 'grant' | 'effect' | 'upstream' | 'address' | 'login' | 'bad-requests';

/** The text of a policy does not change as long as the rate lives. */
const policies = new WeakMap<Rate, Map<QuotaName, string>>();

/**
 * Says how a rate is told: `q` units in `w` seconds, which are the burst and the time in which it fills from empty. With
 * `10/m` that is 10 in 60 seconds. A window is a whole second at least, so a caller that goes by it is never refused.
 */
function policyOf(name: QuotaName, rate: Rate): string {
  let texts = policies.get(rate);
  if (texts === undefined) {
    texts = new Map();
    policies.set(rate, texts);
  }
  let text = texts.get(name);
  if (text === undefined) {
    text = `"${name}";q=${rate.burst};w=${wholeSeconds(windowOf(rate))}`;
    texts.set(name, text);
  }
  return text;
}

/** Milliseconds in which an empty bucket fills. */
function windowOf({ tokens, perMs, burst }: Rate): number {
  return (burst * perMs) / tokens;
}

function wholeSeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

/**
 * Writes the fields.
 *
 * @param name - whose quota
 * @param rate - the rate of its bucket
 * @param remaining - whole units that can be had at once
 * @param fullAfterMs - milliseconds until all of it can be had again, if nothing is taken meanwhile
 * @returns names and values in turn
 */
export function quotaFields(name: QuotaName, rate: Rate, remaining: number, fullAfterMs: number): readonly string[] {
  const left = `"${name}";r=${remaining};t=${wholeSeconds(fullAfterMs)}`;
  return ['RateLimit-Policy', policyOf(name, rate), 'RateLimit', left];
}

/** Writes the fields of a quota of which nothing is left. */
export function spentFields(name: QuotaName, rate: Rate): readonly string[] {
  return quotaFields(name, rate, 0, windowOf(rate));
}
