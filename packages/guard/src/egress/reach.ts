/** Which of a host's addresses may be dialled: the check that counts, made on what the name led to just now. */
import { formatIp, holds, readAddress, withoutMapping, type Network } from '../addresses.ts';
import { whatIs } from './special-addresses.ts';
import type { UrlTrust } from './egress.ts';
import { EgressError } from './egress-error.ts';
import { isInnerName } from './target.ts';

/** One host that is to be dialled. */
export interface Destination {
  /** A name in lower case or an address without brackets. */
  readonly host: string;
  readonly isSecure: boolean;
  readonly trust: UrlTrust;
}

const WAY_OUT = 'If it is yours, name its range in egress.allow.';

/**
 * Says before any look-up that a destination cannot be reached, whatever its address is: plain http and names of the
 * network around us lead to addresses that `allow` names, or nowhere.
 */
export function judgeDestination(to: Destination, allow: readonly Network[]): EgressError | undefined {
  if (to.trust === 'operator' || allow.length > 0) return undefined;
  if (!to.isSecure) {
    const message = `${to.host} is to be asked over http, which URLs from outside may not: only https is safe. ${WAY_OUT}`;
    return new EgressError('scheme', message);
  }
  if (!isInnerName(to.host)) return undefined;
  const message = `${to.host} is a name of the network around us, which URLs from outside may not reach. ${WAY_OUT}`;
  return new EgressError('address', message);
}

/**
 * Judges all addresses of a destination. One that may not be reached refuses them all: a public name with a private
 * address beside its public one is an attack or a mistake.
 *
 * @returns the addresses to dial, in their order
 */
export function judgeAddresses(
  to: Destination,
  addresses: readonly string[],
  allow: readonly Network[],
): readonly string[] | EgressError {
  if (to.trust === 'operator') return addresses;
  const needsAllow = !to.isSecure || isInnerName(to.host);
  const judged: string[] = [];
  for (const text of addresses) {
    const read = readAddress(text);
    if (read === undefined) return new EgressError('address', `${to.host} has an address that cannot be read.`);
    const address = withoutMapping(read);
    if (!allow.some((network) => holds(network, address))) {
      const what = whatIs(address);
      if (what !== undefined) return new EgressError('address', refusalOf(to.host, formatIp(address), what));
      if (needsAllow) return new EgressError('scheme', outsideAllow(to));
    }
    judged.push(formatIp(address));
  }
  return judged;
}

function refusalOf(host: string, address: string, what: string): string {
  const lead = readAddress(host) === undefined ? `${host} leads to ${address}, ${what},` : `${host} is ${what},`;
  return `${lead} which URLs from documents, redirects and callers may not reach. ${WAY_OUT}`;
}

function outsideAllow({ host, isSecure }: Destination): string {
  if (!isSecure) return `${host} is to be asked over http, and its address is not in egress.allow: use https.`;
  return `${host} is a name of the network around us, and its address is not in egress.allow.`;
}
