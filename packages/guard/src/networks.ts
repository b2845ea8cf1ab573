/** IP addresses as limits and allow-lists see them: networks in CIDR form (RFC 4632), and what counts as one sender. */
import { BlockList, isIP } from 'node:net';
import { createMemo } from './policy/memo.ts';

/** Why a text is no network; `offset` counts from 0. */
export interface NetworkFault {
  readonly offset: number;
  readonly message: string;
}

/** A network that was read. */
interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly bits: number;
}

/** Longest text of a network. */
const longestNetwork = 64;

function readNetwork(text: string): Network | NetworkFault {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = text.length > longestNetwork || address.includes('%') ? 0 : isIP(address);
  if (version === 0) return { offset: 0, message: `${JSON.stringify(text.slice(0, longestNetwork))} is no IP address` };
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const most = version === 4 ? 32 : 128;
  if (slash === -1) return { address, family, bits: most };
  const written = text.slice(slash + 1);
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(written) ? Number(written) : most + 1;
  if (bits > most) return { offset: slash + 1, message: `the length of a network is a number from 0 to ${most}` };
  return { address, family, bits };
}

/**
 * Says why a text is no network.
 *
 * @param text - an address, or an address and the length of its prefix, as in `10.0.0.0/8`
 * @returns the fault; `undefined` for a network
 */
export function findNetworkFault(text: string): NetworkFault | undefined {
  const read = readNetwork(text);
  return 'message' in read ? read : undefined;
}

/**
 * Makes a test of membership in any of the networks.
 *
 * @param networks - texts without faults; one with a fault throws, because a rule left out could allow
 * @returns says whether an address is in one of them; what is no address is in none
 */
export function compileNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const read = readNetwork(text);
    if ('message' in read) throw new TypeError(read.message);
    list.addSubnet(read.address, read.bits, read.family);
  }
  return (address) => {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}

const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** An IPv4 address that came in on an IPv6 socket (RFC 4291 §2.5.5.2), as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  return mapped.exec(address)?.[1] ?? address;
}

const senders = createMemo<string, string>(4096);

/**
 * What limits take for one sender: an IPv4 address, or the /64 of an IPv6 address, whose holder has all the addresses in
 * it (RFC 6177). Anything else is itself.
 */
export function senderOf(address: string): string {
  if (!address.includes(':')) return address;
  const known = senders.get(address);
  if (known !== undefined) return known;
  const sender = networkOf64(address);
  senders.set(address, sender);
  return sender;
}

function networkOf64(address: string): string {
  const plain = plainAddress(address);
  const bare = plain.split('%', 1)[0] ?? '';
  if (isIP(bare) !== 6) return plain;
  const [head = '', tail] = bare.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    // A dotted end stands for two groups.
    const length = behind.length + (tail.includes('.') ? 1 : 0);
    while (groups.length + length < 8) groups.push('0');
    groups.push(...behind);
  }
  const first = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${first.join(':')}::/64`;
}
