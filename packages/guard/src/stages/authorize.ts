/** Asks the policy: principal × target × arguments → decision. Default is no; no looks like "does not exist". */
import type { Authorized, Filling, Resolved, TargetKind } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { decideCall } from '../policy/decide.ts';
import { NO_GRANT_NEEDED, type Decision } from '../policy/decision.ts';
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
  const decision = decideTarget(exchange);
  // On the exchange in any case, so that the record of a refusal names the rule that the caller must not see.
  const authorized = exchange as Filling<Authorized>;
  authorized.decision = decision;
  if (decision.effect === 'deny') {
    if (decision.scopes !== undefined) {
      const { scopes } = decision;
      return refuse('step-up', { fill: { scopes: scopes.join(' ') }, data: { scopes } });
    }
    if (decision.because === 'condition' || isShownTemplate(exchange)) return refuse('denied');
    return refuse('forbidden', { fill: { kind: target.kind, name: target.asked ?? target.name } });
  }
  if (target.upstream !== undefined && ports.blocks.isBlocked('upstream', target.upstream)) return refuse('blocked');
  if (target.kind === 'tool' && ports.blocks.isBlocked('tool', target.key)) return refuse('blocked');
  return authorized;
}

/** A template is shown where some URI of it may be read, so a denial of the whole of it says that it is one. */
function isShownTemplate({ target, principal }: Resolved): boolean {
  return target.prefix !== undefined && principal.access.mayMatchPrefix('resources', target.prefix);
}

function decideTarget(exchange: Resolved): Decision {
  const { target, principal, message } = exchange;
  const kind = grantKinds[target.kind];
  if (kind === undefined) return NO_GRANT_NEEDED;
  return decideCall(principal.access, kind, target.key, {
    args: message.params?.['arguments'],
    caller: { id: principal.id, roles: principal.roles },
    target: { key: target.key },
  });
}
