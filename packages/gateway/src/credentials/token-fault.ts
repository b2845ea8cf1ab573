/** What went wrong between the gateway and an authorization server, in words for operators and without any token. */
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'oauth4webapi';
import { EgressError } from './egress-fetch.ts';
import { MetadataFault } from './server-metadata.ts';

/** What a failed request for a token means. */
export interface TokenFault {
  /** `refused`: the server was asked and said no to this grant; trying the same again changes nothing. */
  readonly kind: 'refused' | 'unavailable';
  /** The error of the server (RFC 6749 §5.2), where it gave one. */
  readonly error: string | undefined;
  /** For the operator. */
  readonly detail: string;
}

const LONGEST = 300;
const CONTROLS = /[\p{Cc}\p{Cf}]/gu;

/**
 * Reads what was thrown on the way to a token.
 *
 * @param redact - takes secrets out of the server's words
 */
export function readTokenFault(thrown: unknown, redact: (text: string) => string): TokenFault {
  if (thrown instanceof ResponseBodyError) {
    const words = clean(thrown.error_description, redact);
    const detail = `the authorization server answered ${clean(thrown.error, redact)}${words === '' ? '' : ` (${words})`}`;
    // RFC 6749 §5.2: all of these come with 4xx; a 5xx says nothing about the grant.
    return { kind: thrown.status < 500 ? 'refused' : 'unavailable', error: thrown.error, detail };
  }
  if (thrown instanceof AuthorizationResponseError) {
    const words = clean(thrown.error_description, redact);
    const detail = `the authorization server answered ${clean(thrown.error, redact)}${words === '' ? '' : ` (${words})`}`;
    return { kind: 'refused', error: thrown.error, detail };
  }
  if (thrown instanceof WWWAuthenticateChallengeError) {
    const detail = `the authorization server refused the client (HTTP ${thrown.status})`;
    return { kind: 'refused', error: 'invalid_client', detail };
  }
  if (thrown instanceof EgressError) {
    const detail = `the authorization server could not be asked: ${clean(thrown.message, redact)}`;
    return { kind: 'unavailable', error: undefined, detail };
  }
  const message = thrown instanceof Error ? clean(thrown.message, redact) : 'no reason';
  const detail =
    thrown instanceof MetadataFault ? message : `the authorization server gave no usable answer: ${message}`;
  return { kind: 'unavailable', error: undefined, detail };
}

function clean(text: string | undefined, redact: (text: string) => string): string {
  return redact((text ?? '').replaceAll(CONTROLS, ' ')).slice(0, LONGEST);
}
