/** Asks the policy: principal × target × arguments → decision. Default is no; no looks like "does not exist". */
import type { Authorized, Filling, Principal, Resolved, Target, TargetKind } from '../exchange.ts';
import { noteObserved } from '../observed.ts';
import type { Ports } from '../ports.ts';
import { isObject } from '@sallyport/protocol';
import { canSee, canSeePrefix, decideFor } from '../policy/decide.ts';
import { NO_GRANT_NEEDED, type Decision, type Denied } from '../policy/decision.ts';
import type { GrantKind } from '../policy/model.ts';
import { strictly } from '../policy/place.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Which grants speak about a kind of target; none for what needs no grant. */
export const grantKinds: Readonly<Record<TargetKind, GrantKind | undefined>> = {
  tool: 'tools',
  resource: 'resources',
  prompt: 'prompts',
  list: undefined,
  protocol: undefined,
};

/** Takes the decision and refuses what it denies. */
export function authorize(exchange: Resolved, ports: Ports): Authorized | Refusal {
  const { target, principal } = exchange;
  const decision = decideTarget(exchange, principal);
  // On the exchange in any case, so that the record of a refusal names the rule that the caller must not see.
  const authorized = exchange as Filling<Authorized>;
  authorized.decision = decision;
  if (decision.effect === 'deny') return refuseDenied(exchange, principal, decision);
  if (target.upstream !== undefined && ports.blocks.isBlocked('upstream', target.upstream)) return refuse('blocked');
  if (target.kind === 'tool' && ports.blocks.isBlocked('tool', target.key)) return refuse('blocked');
  return principal.access.strict === undefined ? authorized : observe(authorized, strictly(principal));
}

/** Lets pass what would be refused, and keeps what the rules say. */
function observe(exchange: Filling<Authorized>, asker: Principal): Authorized {
  const decision = decideTarget(exchange, asker);
  exchange.decision = decision;
  if (decision.effect === 'deny') noteObserved(exchange, 'authorize', refuseDenied(exchange, asker, decision));
  return exchange;
}

function refuseDenied({ target }: Resolved, asker: Principal, { scopes }: Denied): Refusal {
  if (scopes !== undefined) {
    const all = scopes.join(' ');
    return refuse('step-up', { fill: { scopes: all }, data: { scopes }, note: all });
  }
  // Who sees it in a list is told that it is denied; for everybody else it does not exist.
  if (isShown(target, asker)) return refuse('denied');
  return refuse('forbidden', { fill: { kind: target.kind, name: target.asked ?? target.name } });
}

function isShown(target: Target, asker: Principal): boolean {
  const kind = grantKinds[target.kind];
  if (kind === undefined) return false;
  if (target.prefix !== undefined) return canSeePrefix(asker, kind, target.prefix, target);
  return canSee(asker, kind, target);
}

function decideTarget(exchange: Resolved, asker: Principal): Decision {
  const { target } = exchange;
  const kind = grantKinds[target.kind];
  if (kind === undefined) return NO_GRANT_NEEDED;
  return decideFor(asker, kind, target, argumentsOf(exchange));
}

/** What conditions see as `args`: the arguments of a call; of a resource its URI; of a completion what is filled in. */
function argumentsOf({ target, message }: Resolved): unknown {
  if (target.kind === 'resource') return { uri: target.name };
  const { params } = message;
  if (message.method !== 'completion/complete') return params?.['arguments'];
  const { context, argument } = params ?? {};
  const filled = isObject(context) && isObject(context['arguments']) ? context['arguments'] : {};
  if (!isObject(argument) || typeof argument['name'] !== 'string') return filled;
  return { ...filled, [argument['name']]: argument['value'] };
}
