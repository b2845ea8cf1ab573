/**
 * What a conversation presents to its server beside the fixed headers of the configuration: one credential for its whole
 * life, so that a conversation never speaks for two callers. Where it comes from is the business of `../credentials/`.
 */
import type { LinkAnswer, LinkFailure } from './link.ts';
import type { Opening } from './transport.ts';

/** How a server refused what was presented. */
export interface CredentialRefusal {
  /** 401: not good enough, nothing was done. 403: good, but not for this. */
  readonly status: 401 | 403;
  /** `WWW-Authenticate` as it came; several are joined by a comma. */
  readonly challenge: string | undefined;
  /** The headers that were refused, as `headers` gave them. */
  readonly sent: readonly string[];
}

/** A credential that can change while a conversation lasts. */
export interface LinkCredential {
  /** Tells credentials apart: a conversation that was opened with one is never lent for another. */
  readonly key: string;
  /** The headers of now, names and values in turn; empty until `ready` has been waited for once. The same array until they change. */
  headers(): readonly string[];
  /** Makes the headers good for the next request: `undefined` when they are already, or why they cannot be had. */
  ready(): Promise<LinkFailure | undefined> | undefined;
  /** Tells that the server took these headers. */
  accepted(sent: readonly string[]): void;
  /**
   * Tells that the server refused the headers. Of calls that come at once, one does the work.
   *
   * @returns `undefined` when the request may be sent once more with what `headers` gives now
   */
  refused(refusal: CredentialRefusal): Promise<LinkFailure | undefined>;
}

/**
 * Sends a request with a credential: waits until there is one, and sends again, twice at most, where the server refused it
 * and a better one could be had. A refused request was not executed, so nothing is done twice.
 *
 * @param send - sends the request with these headers
 */
export function present(
  credential: LinkCredential,
  send: (headers: readonly string[]) => Promise<LinkAnswer>,
): Promise<LinkAnswer> {
  const failureIn = (answer: LinkAnswer): LinkFailure | undefined =>
    answer.kind === 'failure' ? answer.failure : undefined;
  return presentUntilTaken(credential, send, failureIn, (failure) => ({ kind: 'failure', failure }));
}

/** Does the same for a message that gets no answer; gives why it could not be sent. */
export function presentNotice(
  credential: LinkCredential,
  send: (headers: readonly string[]) => Promise<LinkFailure | undefined>,
): Promise<LinkFailure | undefined> {
  return presentUntilTaken(
    credential,
    send,
    (failure) => failure,
    (failure) => failure,
  );
}

/** Does the same for the opening of a conversation whose credential is looked at once, at its start. */
export function presentOpening(credential: LinkCredential, open: () => Promise<Opening>): Promise<Opening> {
  const failureIn = (opening: Opening): LinkFailure | undefined =>
    opening.kind === 'failure' ? opening.failure : undefined;
  return presentUntilTaken(credential, open, failureIn, (failure) => ({ kind: 'failure', failure }));
}

async function presentUntilTaken<Outcome>(
  credential: LinkCredential,
  send: (headers: readonly string[]) => Promise<Outcome>,
  failureIn: (outcome: Outcome) => LinkFailure | undefined,
  fail: (failure: LinkFailure) => Outcome,
): Promise<Outcome> {
  const readying = credential.ready();
  const missing = readying === undefined ? undefined : await readying;
  if (missing !== undefined) return fail(missing);
  for (let tries = 1; ; tries += 1) {
    const sent = credential.headers();
    const outcome = await send(sent);
    const failed = failureIn(outcome);
    if (failed === undefined) credential.accepted(sent);
    const refusal = refusalIn(failed, sent);
    // While others renew it too, a request can come too late with what was good when it was written.
    if (refusal === undefined || tries === mostTries) return outcome;
    const failure = await credential.refused(refusal);
    if (failure !== undefined) return fail(failure);
  }
}

/** How often a request is sent whose credential is refused each time. */
const mostTries = 3;

/** Reads a refusal of the credential in a failure; `undefined` when it is none. */
export function refusalIn(failure: LinkFailure | undefined, sent: readonly string[]): CredentialRefusal | undefined {
  if (failure?.reason !== 'unauthorized') return undefined;
  const { httpStatus, challenge } = failure;
  if (httpStatus === 401) return { status: 401, challenge, sent };
  // A bare 403 says that this caller may not do this, which no other credential of the same caller changes.
  const isStepUp = httpStatus === 403 && challenge !== undefined && /\binsufficient_scope\b/.test(challenge);
  return isStepUp ? { status: 403, challenge, sent } : undefined;
}
