/** Spends the caller's, the grant's and the upstream's tokens, and takes a place among the calls that run at once. */
import type { Admitted, Authorized, Filling, Lease, Principal } from '../exchange.ts';
import { noteObserved } from '../observed.ts';
import type { Decision } from '../policy/decision.ts';
import type { Ports, RateBuckets } from '../ports.ts';
import type { Rules } from '../rules.ts';
import type { Want } from '../limits/buckets.ts';
import { describeRate, formatRate } from '../limits/rate.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Admits the call, or says when to come back. */
export function admit(exchange: Authorized, ports: Ports): Admitted | Refusal {
  // What ends or feeds calls that run already must get through when they fill every place, and while we drain.
  if (exchange.message.kind !== 'request') return admitWith(exchange, noPlace);
  if (ports.isDraining()) return refuse('draining', { retryAfterMs: 1000 });
  const { principal, decision, target, rules } = exchange;
  const lease = ports.concurrency.acquire(principal.id, rules.limits.concurrentPerCaller);
  if (lease === undefined) {
    return refuse('too-many-at-once', { fill: { limit: rules.limits.concurrentPerCaller }, retryAfterMs: 1000 });
  }
  const wants = wantedTokens(principal, decision, target.upstream, rules);
  if (wants.length > 0) {
    const charge = ports.buckets.takeAll(wants);
    if (!charge.isAllowed) {
      const spent = wants[charge.index];
      const facts = spent && { fill: { rate: describeRate(spent.rate) }, note: noteOf(spent, exchange) };
      const refusal = refuse('limited', { ...facts, retryAfterMs: charge.retryAfterMs });
      if (rules.observes !== true) {
        lease.release();
        return refusal;
      }
      noteObserved(exchange, 'admit', refusal);
    }
  }
  return admitWith(exchange, lease);
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
  const wants = wantedTokens(principal, decision, upstream, rules);
  return wants.length === 0 || buckets.takeAll(wants).isAllowed;
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
}

const keysOf = new WeakMap<Principal, BucketKeys>();

function bucketKeys(principal: Principal): BucketKeys {
  let keys = keysOf.get(principal);
  if (keys === undefined) {
    keys = { caller: `caller:${principal.id}`, grants: new Map() };
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

/** Which limit it was, for the operator: `limit of upstream files, 10/m`. */
function noteOf({ key, rate }: Want, { decision, target, principal }: Authorized): string {
  const written = formatRate(rate);
  if (key.startsWith('upstream:')) return `limit of upstream ${target.upstream ?? ''}, ${written}`;
  if (key.startsWith('grant:')) return `limit of the grant ${decision.rule?.pattern ?? target.key}, ${written}`;
  return `limit of the caller as ${principal.roles.join(', ')}, ${written}`;
}

/** The buckets that this call draws from: the caller's, the grant's, the upstream's. All or none is taken. */
function wantedTokens(principal: Principal, decision: Decision, upstream: string | undefined, rules: Rules): Want[] {
  const wants: Want[] = [];
  const { limit } = principal.access;
  const keys = bucketKeys(principal);
  if (limit !== undefined) wants.push({ key: keys.caller, rate: limit });
  if (decision.effect === 'allow' && decision.limit !== undefined && decision.limitKey !== undefined) {
    wants.push({ key: grantKey(keys, principal, decision.limitKey), rate: decision.limit });
  }
  if (upstream === undefined) return wants;
  const upstreamLimit = rules.upstreamLimits.get(upstream);
  if (upstreamLimit !== undefined) wants.push({ key: `upstream:${upstream}`, rate: upstreamLimit });
  return wants;
}
