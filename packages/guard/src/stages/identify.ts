/** Finds out who calls, from the head alone: API key, signed token, client certificate, local user, or anonymous. */
import { hash } from 'node:crypto';
import type { Filling, HttpHead, Identified, Principal, Received } from '../exchange.ts';
import { identifyCertificate } from '../identity/certificate.ts';
import type { KeyHolder, Ports, TokenFault, TokenHolder } from '../ports.ts';
import { spentFields } from '../limits/quota.ts';
import { senderOf } from '../addresses.ts';
import { isRefusal, refuse, type Refusal, type RefusalName } from '../refusals.ts';
import type { Rules } from '../rules.ts';

/**
 * Names the principal. A failure charges (address, credential), so it never touches anybody else's.
 *
 * @returns a promise only for a token that was not seen before
 */
export function identify(exchange: Received, ports: Ports): Identified | Refusal | Promise<Identified | Refusal> {
  const principal =
    exchange.head === undefined ? identifyLocal(exchange) : identifyHttp(exchange.head, exchange, ports);
  return principal instanceof Promise ? principal.then((found) => take(exchange, found)) : take(exchange, principal);
}

function take(exchange: Received, principal: Principal | Refusal): Identified | Refusal {
  if (isRefusal(principal)) return principal;
  const identified = exchange as Filling<Identified>;
  identified.principal = principal;
  return identified;
}

function identifyLocal(exchange: Received): Principal | Refusal {
  const role = exchange.localRole ?? exchange.rules.callers.local;
  if (role === undefined) {
    return refuse('unauthenticated', { note: 'callers.local names no role for the user at a stdio door' });
  }
  return unprovenOf(`local:${exchange.localUser ?? 'unknown'}`, 'local', role, exchange.rules);
}

/** What every API key begins with. */
const keyPrefix = 'sp_';

function identifyHttp(
  head: HttpHead,
  exchange: Received,
  ports: Ports,
): Principal | Refusal | Promise<Principal | Refusal> {
  const header = head.headers['authorization'];
  const { rules } = exchange;
  // A certificate beside a bearer has to be good too; the bearer names the principal then.
  const certified = identifyCertificate(exchange);
  if (isRefusal(certified)) return charge(exchange, ports, 'certificate') ?? certified;
  if (header === undefined) {
    if (certified !== undefined) return certified;
    const role = rules.callers.anonymous;
    return role === undefined ? refuse('unauthenticated') : unprovenOf('anonymous', 'anonymous', role, rules);
  }
  if (head.repeated.has('authorization')) return refuse('bad-authorization');
  if (header.slice(0, 7).toLowerCase() !== 'bearer ') {
    return fail(exchange, ports, header, 'bad-credential', 'only the Bearer scheme is known');
  }
  const token = header.slice(7);
  if (ports.tokens !== undefined && !token.startsWith(keyPrefix)) {
    const judged = ports.tokens.verify(token, exchange);
    return judged instanceof Promise
      ? judged.then((outcome) => identifyToken(outcome, token, exchange, ports))
      : identifyToken(judged, token, exchange, ports);
  }
  if (!rules.callers.keys) return fail(exchange, ports, token, 'bad-credential', 'API keys are off');
  const holder = ports.credentials.verify(token, exchange.time, exchange.address);
  if (holder === 'invalid') return fail(exchange, ports, token, 'bad-credential');
  if (holder === 'expired') return fail(exchange, ports, token, 'expired-credential');
  if (holder === 'elsewhere') return fail(exchange, ports, token, 'credential-elsewhere');
  return principalOf(holder, rules);
}

function identifyToken(
  outcome: TokenHolder | TokenFault,
  token: string,
  exchange: Received,
  ports: Ports,
): Principal | Refusal {
  if (!('fault' in outcome)) return principalOf(outcome, exchange.rules);
  const { fault, note, retryAfterMs = 5000 } = outcome;
  // Nothing is known against the token, so nobody is charged.
  if (fault === 'unavailable') return refuse('identity-unavailable', { note, retryAfterMs });
  return fail(exchange, ports, token, fault === 'expired' ? 'expired-credential' : 'bad-credential', note);
}

function fail(exchange: Received, ports: Ports, credential: string, name: RefusalName, note?: string): Refusal {
  const shown = hash('sha256', credential, 'base64url').slice(0, 22);
  return charge(exchange, ports, shown) ?? refuse(name, note === undefined ? {} : { note });
}

/** Charges a failure to its address and credential; a refusal where there were too many. */
function charge(exchange: Received, ports: Ports, credential: string): Refusal | undefined {
  const { failedLogins } = exchange.rules.limits;
  const taken = ports.buckets.take(`login:${senderOf(exchange.address)}:${credential}`, failedLogins);
  if (taken.isAllowed) return undefined;
  return refuse('login-limited', { retryAfterMs: taken.retryAfterMs, quota: spentFields('login', failedLogins) });
}

/** Principals are the same for every call of a key or token under the same rules, so each is made once. */
const principals = new WeakMap<Rules, WeakMap<KeyHolder | TokenHolder, Principal>>();

/** Callers whom the rules give a role without a proof: the local user and anonymous. */
const unproven = new WeakMap<Rules, Map<string, Principal>>();

function unprovenOf(id: string, kind: 'local' | 'anonymous', role: string, rules: Rules): Principal {
  let known = unproven.get(rules);
  if (known === undefined) {
    known = new Map();
    unproven.set(rules, known);
  }
  const key = `${id} ${role}`;
  let principal = known.get(key);
  if (principal === undefined) {
    principal = makePrincipal(id, kind, [role], rules);
    known.set(key, principal);
  }
  return principal;
}

function principalOf(holder: KeyHolder | TokenHolder, rules: Rules): Principal {
  let known = principals.get(rules);
  if (known === undefined) {
    known = new WeakMap();
    principals.set(rules, known);
  }
  let principal = known.get(holder);
  if (principal === undefined) {
    principal =
      'kind' in holder
        ? { ...holder, access: rules.policy.access(holder.roles, holder.scopes) }
        : makePrincipal(`key:${holder.name}`, 'key', holder.roles, rules);
    known.set(holder, principal);
  }
  return principal;
}

function makePrincipal(id: string, kind: Principal['kind'], roles: readonly string[], rules: Rules): Principal {
  return { id, kind, roles, access: rules.policy.access(roles) };
}
