/**
 * Which addresses are on the public internet, and what the others are: the special-purpose registries of IANA
 * (RFC 6890), and the forms in which IPv6 carries an IPv4 address.
 */
import { holds, readNetwork, withoutMapping, type Network } from '../addresses.ts';

interface SpecialNetwork extends Network {
  readonly what: string;
}

/** Networks that are not the public internet; the first that matches names an address. */
const special: readonly SpecialNetwork[] = (
  [
    ['0.0.0.0/8', 'an address of this machine (RFC 1122)'],
    ['10.0.0.0/8', 'a private address (RFC 1918)'],
    ['100.64.0.0/10', 'an address inside a provider (RFC 6598)'],
    ['127.0.0.0/8', 'a loopback address'],
    ['168.63.129.16/32', 'the platform service of a cloud'],
    ['169.254.0.0/16', 'a link-local address, where clouds keep metadata (RFC 3927)'],
    ['172.16.0.0/12', 'a private address (RFC 1918)'],
    ['192.0.0.0/24', 'an address for protocols (RFC 6890)'],
    ['192.0.2.0/24', 'an address for documentation (RFC 5737)'],
    ['192.88.99.0/24', 'an address of 6to4 relays (RFC 7526)'],
    ['192.168.0.0/16', 'a private address (RFC 1918)'],
    ['198.18.0.0/15', 'an address for benchmarks (RFC 2544)'],
    ['198.51.100.0/24', 'an address for documentation (RFC 5737)'],
    ['203.0.113.0/24', 'an address for documentation (RFC 5737)'],
    ['224.0.0.0/4', 'a multicast address'],
    ['240.0.0.0/4', 'a reserved address (RFC 1112)'],
    ['::/128', 'an address of this machine'],
    ['::1/128', 'a loopback address'],
    ['::/96', 'an IPv4 address in a form of IPv6 that is not used any more (RFC 4291)'],
    ['64:ff9b:1::/48', 'a translated address of a local network (RFC 8215)'],
    ['100::/64', 'an address that leads nowhere (RFC 6666)'],
    ['2001::/32', 'a Teredo address (RFC 4380)'],
    ['2001::/23', 'an address for protocols (RFC 2928)'],
    ['2001:db8::/32', 'an address for documentation (RFC 3849)'],
    ['2002::/16', 'a 6to4 address (RFC 3056)'],
    ['3fff::/20', 'an address for documentation (RFC 9637)'],
    ['fc00::/7', 'a private address (RFC 4193)'],
    ['fe80::/10', 'a link-local address'],
    ['fec0::/10', 'a site-local address (RFC 3879)'],
    ['ff00::/8', 'a multicast address'],
  ] as const
).map(([text, what]) => ({ ...networkOf(text), what }));

const TRANSLATED = networkOf('64:ff9b::/96');
const GLOBAL_IPV6 = networkOf('2000::/3');

function networkOf(text: string): Network {
  const read = readNetwork(text);
  if ('message' in read) throw new RangeError(read.message);
  return read;
}

/**
 * Says what an address is when it is not on the public internet; `undefined` for a public one. Translated addresses
 * (NAT64, RFC 6052) are what the IPv4 address in them is. All IPv6 that is not assigned to the internet is refused.
 */
export function whatIs(address: Uint8Array): string | undefined {
  const plain = withoutMapping(address);
  if (holds(TRANSLATED, plain)) return whatIs(plain.subarray(12));
  const found = special.find((network) => holds(network, plain));
  if (found !== undefined) return found.what;
  return plain.length === 4 || holds(GLOBAL_IPV6, plain) ? undefined : 'no address of the public internet';
}
