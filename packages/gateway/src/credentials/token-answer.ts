/** Turns the answer of a token endpoint into a token. */
import type { TokenEndpointResponse } from 'oauth4webapi';
import type { Token } from './token-credential.ts';

/** Longest token that is presented, characters; more would not fit into a request's head. */
const LONGEST = 12_000;
const PRESENTABLE = /^[A-Za-z0-9\-._~+/]+=*$/;
/** Longest life that is believed, seconds. */
const LONGEST_LIFE = 366 * 86_400;

/**
 * Reads a token (RFC 6750 §2.1 for its form).
 *
 * @param now - wall time before the request was sent, milliseconds
 * @throws TypeError for a token that no header can carry
 */
export function readToken({ access_token: value, expires_in: seconds }: TokenEndpointResponse, now: number): Token {
  if (value.length > LONGEST || !PRESENTABLE.test(value)) throw new TypeError('the token cannot be presented');
  const isSaid = seconds !== undefined && Number.isFinite(seconds) && seconds > 0;
  return { value, expiresAt: isSaid ? now + Math.min(seconds, LONGEST_LIFE) * 1000 : undefined };
}
