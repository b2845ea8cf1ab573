/**
 * Asks a caller's person to connect an account, when a call needs one (2026-07-28 and 2025-11-25 elicitation by URL). A
 * modern caller gets `input_required` and comes back with the same call; a legacy caller is asked on the call's own
 * stream, or told which page to visit before it calls again (-32042).
 */
import { refuse, type Answer, type Intended, type Refusal } from '@sallyport/guard';
import { isObject, URL_ELICITATION_REQUIRED, writeInputRequired } from '@sallyport/protocol';
import type { BegunConsent } from '../credentials/grants/connections.ts';
import { handleBinding, stateSubject, type GatewayTarget } from '../resolve.ts';
import { sessionOf } from '../servers.ts';
import type { ConsentNeed } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { refuseFailure } from './answer.ts';
import { roundMs } from './bounds.ts';
import { declaredBy } from './declared.ts';
import { interactiveMethods } from './interactive.ts';
import { hasAgreed } from './parked.ts';
import { askCaller } from './relay.ts';
import { pageComplete } from './rounds.ts';

/** How long one try of a modern caller waits for the person, milliseconds: less than clients wait for an answer. */
const waitMs = 45_000;
/** Tries that a modern caller may make for one consent. */
const mostTries = 30;
/** The first revision in which a legacy caller can be sent to a page. */
const pagesSince = '2025-11-25';

/** What goes on with the call: it is sent once more, or this is its answer. */
export type ConsentOutcome = 'connected' | Answer | Refusal;

/** Asks for what a call needs. */
export async function askConsent(
  need: ConsentNeed,
  exchange: Intended,
  target: GatewayTarget,
  world: World,
): Promise<ConsentOutcome> {
  if (!interactiveMethods.has(exchange.message.method ?? '')) return headless(need);
  if (!canOpenPages(exchange)) return headless(need);
  const begun = await world.connections.begin(need);
  if ('reason' in begun) return refuseFailure(begun, exchange.rules.limits.message);
  return exchange.era === 'modern' ? askAgain(begun, exchange, target, world) : askLegacy(begun, exchange, world);
}

/**
 * Goes on with a call whose caller was sent to a page: waits a while for the person, who may still be on the way.
 *
 * @param consent - the consent that the caller was sent to
 */
export async function resumeConsent(
  consent: string,
  exchange: Intended,
  target: GatewayTarget,
  world: World,
): Promise<ConsentOutcome> {
  const server = target.upstream ?? '';
  if (!hasAgreed(exchange)) return declined('you did not agree');
  const { connections } = world;
  const begun = connections.find(consent, exchange.principal.id);
  // It was connected some time ago, or nobody came back in time: sending the call finds out which.
  if (begun === undefined) return 'connected';
  if (begun.server !== server) return refuse('bad-handle', { fill: { handle: 'requestState' } });
  const end = await connections.wait(consent, exchange.principal.id, waitMs, exchange.cancellation);
  if (exchange.cancellation.isCancelled) return refuse('cancelled');
  if (end === undefined) return askAgain(begun, exchange, target, world);
  return end.kind === 'connected' ? 'connected' : declined(end.detail);
}

/** Says what is asked, with the page at which it is done. */
function questionOf({ server, code, url }: BegunConsent): { mode: 'url'; message: string; url: string } {
  const message =
    `${server} needs your consent to use your account there. Open the page, check that it shows the code ${code}, and ` +
    'go on there. Do not pass the link on: whoever opens it connects their account for you.';
  return { mode: 'url', message, url };
}

function askAgain(begun: BegunConsent, exchange: Intended, target: GatewayTarget, world: World): Answer | Refusal {
  const round = (target.round ?? 0) + 1;
  if (round > mostTries) return declined('nobody came back in time');
  const binding = handleBinding(exchange, stateSubject(target, exchange));
  const state = world.seal.close('state', binding, { consent: begun.id, round }, roundMs);
  const value = questionOf(begun);
  const params = Buffer.from(JSON.stringify(value));
  note(exchange, begun.server, 'asked in the result', world);
  const body = writeInputRequired([{ key: 'connect', method: 'elicitation/create', params, value }], state);
  return { kind: 'result', body, isToolError: false, interim: 0 };
}

async function askLegacy(begun: BegunConsent, exchange: Intended, world: World): Promise<ConsentOutcome> {
  const { id, caller, principal, door, cancellation } = exchange;
  const session = sessionOf(exchange);
  const question = { ...questionOf(begun), elicitationId: begun.id };
  if (session === undefined) return headless({ server: begun.server, principal: principal.id, scopes: [] });
  if (!caller.isOpenable) {
    note(exchange, begun.server, 'asked in the error', world);
    const error = {
      code: URL_ELICITATION_REQUIRED,
      message: `${begun.server} needs your consent first.`,
      data: { elicitations: [question] },
    };
    return {
      kind: 'error',
      code: error.code,
      body: Buffer.from(JSON.stringify(error)),
      isToolError: false,
      interim: 0,
    };
  }
  const context = { id, caller, principal, door, cancellation };
  const params = Buffer.from(JSON.stringify(question));
  const answer = await askCaller('elicitation/create', params, session, context, begun.server, world);
  if (cancellation.isCancelled || session.isClosed) return refuse('cancelled');
  const said: unknown = answer.kind === 'result' ? JSON.parse(Buffer.from(answer.body).toString()) : undefined;
  if (!isObject(said) || said['action'] !== 'accept') return declined('you did not agree');
  const end = await world.connections.wait(begun.id, principal.id, roundMs, cancellation);
  if (cancellation.isCancelled || session.isClosed) return refuse('cancelled');
  if (end?.kind !== 'connected') return declined(end?.detail ?? 'nobody came back in time');
  caller.send(pageComplete(begun.id));
  return 'connected';
}

/** True where the caller said that its person can be sent to a page. */
function canOpenPages(exchange: Intended): boolean {
  if (exchange.era === 'modern') return hasUrlMode(declaredBy(exchange)['elicitation']);
  const handshake = sessionOf(exchange)?.handshake;
  if (handshake === undefined || handshake.revision < pagesSince) return false;
  return hasUrlMode(handshake.clientCapabilities['elicitation']);
}

function hasUrlMode(elicitation: unknown): boolean {
  return isObject(elicitation) && isObject(elicitation['url']);
}

/** Whoever cannot be asked is told who can help. */
function headless({ server, principal, scopes }: ConsentNeed): Refusal {
  const what = scopes.length === 0 ? `${principal} has none at ${server}` : `${server} asks for ${scopes.join(' ')}`;
  return refuse('upstream-consent', { fill: { detail: what, server, principal } });
}

function declined(detail: string): Refusal {
  return refuse('consent-refused', { fill: { detail } });
}

/** Each question that reaches a caller has a record of its own. */
function note({ id, principal, door, era }: Intended, server: string, reason: string, world: World): void {
  world.audit.append({
    kind: 'outcome',
    exchange: id,
    principal,
    door,
    era,
    method: 'elicitation/create',
    target: { upstream: server, kind: 'caller', name: 'elicitation/create' },
    outcome: { status: 'ok', reason },
  });
}
