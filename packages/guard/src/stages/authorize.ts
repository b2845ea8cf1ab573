/** Asks the policy: principal × target × arguments → decision. Default is no; no looks like "does not exist". */
import type { Authorized, Filling, Resolved, Target, TargetKind } from '../exchange.ts';
import { noteObserved } from '../observed.ts';
import type { Access } from '../policy/compile.ts';
import type { Ports } from '../ports.ts';
import { decideCall } from '../policy/decide.ts';
import { NO_GRANT_NEEDED, type Decision, type Denied } from '../policy/decision.ts';
import type { GrantKind } from '../policy/model.ts';
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
  const { target } = exchange;
  const { access } = exchange.principal;
  const decision = decideTarget(exchange, access);
  // On the exchange in any case, so that the record of a refusal names the rule that the caller must not see.
  const authorized = exchange as Filling<Authorized>;
  authorized.decision = decision;
  if (decision.effect === 'deny') return refuseDenied(decision, exchange, access);
  if (target.upstream !== undefined && ports.blocks.isBlocked('upstream', target.upstream)) return refuse('blocked');
  if (target.kind === 'tool' && ports.blocks.isBlocked('tool', target.key)) return refuse('blocked');
  return access.strict === undefined ? authorized : observe(authorized, access.strict);
}

/** Lets pass what would be refused, and keeps what the rules say. */
function observe(exchange: Filling<Authorized>, strict: Access): Authorized {
  const decision = decideTarget(exchange, strict);
  exchange.decision = decision;
  if (decision.effect === 'deny') noteObserved(exchange, 'authorize', refuseDenied(decision, exchange, strict));
  return exchange;
}

function refuseDenied(decision: Denied, exchange: Resolved, access: Access): Refusal {
  const { target } = exchange;
  if (decision.because === 'condition' || isShownTemplate(target, access)) return refuse('denied');
  return refuse('forbidden', { fill: { kind: target.kind, name: target.asked ?? target.name } });
}

/** A template is shown where some URI of it may be read, so a denial of the whole of it says that it is one. */
function isShownTemplate({ prefix }: Target, access: Access): boolean {
  return prefix !== undefined && access.mayMatchPrefix('resources', prefix);
}

function decideTarget(exchange: Resolved, access: Access): Decision {
  const { target, principal, message } = exchange;
  const kind = grantKinds[target.kind];
  if (kind === undefined) return NO_GRANT_NEEDED;
  return decideCall(access, kind, target.key, {
    args: message.params?.['arguments'],
    caller: { id: principal.id, roles: principal.roles },
    target: { key: target.key },
  });
}
