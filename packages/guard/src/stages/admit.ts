/** Spends the tokens of caller, grant, effect and upstream, and takes a place among the calls that run at once. */
import type { Admitted, Authorized, Effect, Filling, Lease, Principal } from '../exchange.ts';
import { noteObserved } from '../observed.ts';
import type { Decision } from '../policy/decision.ts';
import type { Ports, RateBuckets } from '../ports.ts';
import type { Rules } from '../rules.ts';
import type { Want } from '../limits/buckets.ts';
import { quotaFields, type QuotaName } from '../limits/quota.ts';
import { describeRate, formatRate } from '../limits/rate.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Admits the call, or says when to come back. */
export function admit(exchange: Authorized, ports: Ports): Admitted | Refusal {
  // What ends or feeds calls that run already must get through when they fill every place, and while we drain.
  if (exchange.message.kind !== 'request') return admitWith(exchange, noPlace);
  if (ports.isDraining()) return refuse('draining', { retryAfterMs: 1000 });
  const { principal, decision, target, rules } = exchange;
  const lease = takePlaces(principal, target.upstream, rules, ports);
  if ('isRefusal' in lease) return lease;
  const wants = wantedTokens(principal, decision, target, rules);
  if (wants.length === 0) return admitWith(exchange, lease);
  const charge = ports.buckets.takeAll(wants);
  const spent = wants[charge.index];
  if (charge.isAllowed) {
    const admitted = exchange as Filling<Admitted>;
    // Only an answer of its own has fields that could tell it.
    if (spent !== undefined && exchange.door === 'http') {
      admitted.quota = quotaFields(quotaOf(spent), spent.rate, charge.remaining, charge.fullAfterMs);
    }
    return admitWith(admitted, lease);
  }
  const refusal = refuseSpent(spent, charge, exchange);
  if (rules.observes === true) {
    noteObserved(exchange, 'admit', refusal);
    return admitWith(exchange, lease);
  }
  lease.release();
  return refusal;
}

function refuseSpent(
  spent: Want | undefined,
  { retryAfterMs, fullAfterMs }: { readonly retryAfterMs: number; readonly fullAfterMs: number },
  exchange: Authorized,
): Refusal {
  if (spent === undefined) return refuse('limited', { retryAfterMs });
  const quota = quotaFields(quotaOf(spent), spent.rate, 0, fullAfterMs);
  return refuse('limited', {
    fill: { rate: describeRate(spent.rate) },
    note: noteOf(spent, exchange),
    retryAfterMs,
    quota,
  });
}

/** Takes a place of the caller's, and of the upstream's where those are counted: both or none. */
function takePlaces(
  principal: Principal,
  upstream: string | undefined,
  { limits, upstreamPlaces }: Rules,
  { concurrency }: Pick<Ports, 'concurrency'>,
): Lease | Refusal {
  const own = concurrency.acquire(principal.id, limits.concurrentPerCaller);
  // No time is promised: a place is free when one of the calls ends, and nobody knows when that is.
  if (own === undefined) return refuse('too-many-at-once', { fill: { limit: limits.concurrentPerCaller } });
  const most = upstream === undefined ? undefined : upstreamPlaces?.get(upstream);
  if (most === undefined) return own;
  const common = concurrency.acquire(`upstream:${upstream}`, most);
  if (common === undefined) {
    own.release();
    return refuse('busy', { note: `upstream ${upstream} has ${most} calls at once` });
  }
  return {
    release() {
      own.release();
      common.release();
    },
  };
}

/**
 * Spends what a call admitted on its own would cost, for work that a caller sets off within one that runs already.
 *
 * @param decision - the policy's, about what is worked on
 * @param upstream - the server that the work reaches
 * @returns false when the tokens of the caller, the grant or the upstream do not suffice; nothing is spent then.
 */
export function spendTokens(
  { principal, rules }: Pick<Authorized, 'principal' | 'rules'>,
  decision: Decision,
  upstream: string,
  buckets: Pick<RateBuckets, 'takeAll'>,
): boolean {
  const wants = wantedTokens(principal, decision, { upstream }, rules);
  return wants.length === 0 || buckets.takeAll(wants).isAllowed || rules.observes === true;
}

function admitWith(exchange: Authorized, lease: Lease): Admitted {
  const admitted = exchange as Filling<Admitted>;
  admitted.lease = lease;
  return admitted;
}

const noPlace: Lease = { release: () => undefined };

/** Names of a caller's buckets: text made anew for each call would have to be hashed anew for each. */
interface BucketKeys {
  readonly caller: string;
  /** By the grant's own key. */
  readonly grants: Map<string, string>;
  readonly effects: Readonly<Record<Effect, string>>;
}

const keysOf = new WeakMap<Principal, BucketKeys>();

function bucketKeys(principal: Principal): BucketKeys {
  let keys = keysOf.get(principal);
  if (keys === undefined) {
    const { id } = principal;
    const effects = {
      read: `effect:read:${id}`,
      write: `effect:write:${id}`,
      destructive: `effect:destructive:${id}`,
    };
    keys = { caller: `caller:${id}`, grants: new Map(), effects };
    keysOf.set(principal, keys);
  }
  return keys;
}

function grantKey({ grants }: BucketKeys, principal: Principal, grant: string): string {
  let key = grants.get(grant);
  if (key === undefined) {
    key = `grant:${principal.id}:${grant}`;
    grants.set(grant, key);
  }
  return key;
}

/** Whose tokens these are: the kind of the bucket. */
function quotaOf({ key }: Want): QuotaName {
  if (key.startsWith('caller:')) return 'caller';
  if (key.startsWith('grant:')) return 'grant';
  return key.startsWith('effect:') ? 'effect' : 'upstream';
}

/** Which limit it was, for the operator: `limit of upstream files, 10/m`. */
function noteOf(want: Want, { decision, target, principal }: Authorized): string {
  const written = formatRate(want.rate);
  const quota = quotaOf(want);
  if (quota === 'upstream') return `limit of upstream ${target.upstream ?? ''}, ${written}`;
  if (quota === 'grant') return `limit of the grant ${decision.rule?.pattern ?? target.key}, ${written}`;
  if (quota === 'effect') return `limit of ${target.effect ?? ''} calls, ${written}`;
  return `limit of the caller as ${principal.roles.join(', ')}, ${written}`;
}

/** What is known of a target where its limits are looked for. */
type LimitedTarget = Pick<Authorized['target'], 'upstream' | 'effect'>;

/** The buckets that this call draws from: the caller's, the grant's, the effect's, the upstream's. All or none. */
function wantedTokens(
  principal: Principal,
  decision: Decision,
  { upstream, effect }: LimitedTarget,
  rules: Rules,
): Want[] {
  const wants: Want[] = [];
  const { limit } = principal.access;
  const keys = bucketKeys(principal);
  if (limit !== undefined) wants.push({ key: keys.caller, rate: limit });
  if (decision.effect === 'allow' && decision.limit !== undefined && decision.limitKey !== undefined) {
    wants.push({ key: grantKey(keys, principal, decision.limitKey), rate: decision.limit });
  }
  const effectLimit = effect === undefined ? undefined : rules.limits.effects?.[effect];
  if (effect !== undefined && effectLimit !== undefined) wants.push({ key: keys.effects[effect], rate: effectLimit });
  if (upstream === undefined) return wants;
  const upstreamLimit = rules.upstreamLimits.get(upstream);
  if (upstreamLimit !== undefined) wants.push({ key: `upstream:${upstream}`, rate: upstreamLimit, isShared: true });
  return wants;
}
