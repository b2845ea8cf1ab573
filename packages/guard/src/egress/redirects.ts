/** Where a redirect leads, and what of a request may follow it (RFC 9110 §15.4). Every next hop is from outside. */
import type { EgressRequest } from './egress.ts';
import { EgressError } from './egress-error.ts';
import { readTarget, type EgressTarget } from './target.ts';

/** The part of a request that changes on its way. */
export interface Journey {
  readonly target: EgressTarget;
  readonly method: NonNullable<EgressRequest['method']>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly clientCertificate: EgressRequest['clientCertificate'];
}

/** Headers that another origin may see: they describe the request. All others may be credentials, whatever their name. */
const HARMLESS = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent']);

/**
 * Returns the request that follows a redirect, or why none does. A request is repeated with its body within its origin
 * only; elsewhere neither credentials nor client certificate nor body go along, also when a later hop leads back.
 */
export function followRedirect(from: Journey, status: number, location: string): Journey | EgressError {
  const here = from.target.url;
  const target = readTarget(location, 'outside', here);
  if (target instanceof EgressError) {
    return new EgressError('redirect', `${here.host} redirects to a place that is not asked. ${target.message}`);
  }
  if (here.protocol === 'https:' && target.url.protocol !== 'https:') {
    return new EgressError('redirect', `${here.host} redirects from https to http, which is not followed.`);
  }
  const isSameOrigin = target.url.origin === here.origin;
  const becomesGet = from.method !== 'GET' && (status === 303 || (status <= 302 && from.method === 'POST'));
  if (from.method !== 'GET' && !becomesGet && !isSameOrigin) {
    const message = `${here.host} redirects a ${from.method} to ${target.url.host}, which is not followed.`;
    return new EgressError('redirect', message);
  }
  const kept = Object.entries(from.headers).filter(
    ([name]) => (isSameOrigin || HARMLESS.has(name)) && !(becomesGet && name === 'content-type'),
  );
  return {
    target,
    method: becomesGet ? 'GET' : from.method,
    headers: Object.fromEntries(kept),
    body: becomesGet ? undefined : from.body,
    clientCertificate: isSameOrigin ? from.clientCertificate : undefined,
  };
}
