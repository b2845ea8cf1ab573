/**
 * IP addresses and networks (CIDR, RFC 4632; text of IPv6, RFC 4291): read, printed and matched here for limits,
 * allow-lists, proxies and requests of our own alike, so that no two of them read a text in two ways.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { createMemo } from './policy/memo.ts';

/** A network: 4 or 16 bytes, of which the first `bits` bits count. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Why a text is no network; `offset` counts from 0. */
export interface NetworkFault {
  readonly offset: number;
  readonly message: string;
}

/** Longest text of a network, and of an address. */
const longestText = 64;

/** Returns the 4 or 16 bytes of an address; `undefined` for anything else, zone ids (`fe80::1%eth0`) among it. */
export function readAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const before = hextets(head);
  const after = tail === undefined ? [] : hextets(tail);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function hextets(part: string): readonly number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/**
 * Reads a network: an address, or an address and the length of its prefix, as in `10.0.0.0/8`. Bits behind the prefix
 * may be set, and do not count; `firstOf` tells what is meant then.
 */
export function readNetwork(text: string): Network | NetworkFault {
  const slash = text.indexOf('/');
  const bytes = text.length > longestText ? undefined : readAddress(slash === -1 ? text : text.slice(0, slash));
  if (bytes === undefined) {
    return { offset: 0, message: `${JSON.stringify(text.slice(0, longestText))} is no IP address` };
  }
  const most = bytes.length * 8;
  if (slash === -1) return { bytes, bits: most };
  const written = text.slice(slash + 1);
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(written) ? Number(written) : most + 1;
  if (bits > most) return { offset: slash + 1, message: `the length of its prefix is a number from 0 to ${most}` };
  return { bytes, bits };
}

/** Says why a text is no network; `undefined` for a network. */
export function findNetworkFault(text: string): NetworkFault | undefined {
  const read = readNetwork(text);
  return 'message' in read ? read : undefined;
}

/** The first address of a network: its bytes without what is set behind the prefix. */
export function firstOf({ bytes, bits }: Network): Uint8Array {
  return bytes.map((byte, index) => byte & maskOf(bits, index));
}

/** The bits of byte `index` that a prefix of `bits` bits covers. */
function maskOf(bits: number, index: number): number {
  const covered = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - covered)) & 0xff;
}

/** Says whether a network holds an address. IPv4 and IPv6 are never in each other's networks. */
export function holds(network: Network, address: Uint8Array): boolean {
  if (network.bytes.length !== address.length) return false;
  return address.every((byte, index) => ((byte ^ (network.bytes[index] ?? 0)) & maskOf(network.bits, index)) === 0);
}

/** Answers kept of one test of membership. */
const keptAnswers = 1024;

/**
 * Makes a test of membership in any of the networks.
 *
 * @param networks - texts without faults; one with a fault throws, because a rule left out could allow
 * @returns says whether an address is in one of them, mapped into IPv6 or not, with a zone or without; what is no
 *   address is in none
 */
export function compileNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = networks.map((text) => {
    const read = readNetwork(text);
    if ('message' in read) throw new TypeError(read.message);
    return read;
  });
  const answers = createMemo<string, boolean>(keptAnswers);
  return (address) => {
    const known = answers.get(address);
    if (known !== undefined) return known;
    if (address.length > longestText) return false;
    const bytes = readAddress(withoutZone(address));
    const plain = bytes === undefined ? undefined : withoutMapping(bytes);
    const isIn = plain !== undefined && list.some((network) => holds(network, plain));
    answers.set(address, isIn);
    return isIn;
  };
}

const mapped: Network = { bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0), bits: 96 };

/** An IPv4 address that is written as IPv6 (`::ffff:a.b.c.d`) is that IPv4 address, and is dialled as such. */
export function withoutMapping(address: Uint8Array): Uint8Array {
  return holds(mapped, address) ? address.subarray(12) : address;
}

/** Returns the text of an address: dotted IPv4, or IPv6 in eight groups. */
export function formatIp(address: Uint8Array): string {
  return address.length === 4 ? address.join('.') : groupsOf(address).join(':');
}

function groupsOf(address: Uint8Array): readonly string[] {
  return Array.from({ length: 8 }, (_, index) =>
    ((address[index * 2] ?? 0) * 256 + (address[index * 2 + 1] ?? 0)).toString(16),
  );
}

/**
 * An address as records and limits have it: one that came in on an IPv6 socket as the IPv4 address that it is (RFC 4291
 * §2.5.5.2), and one of IPv6 without its zone. What is no address is itself.
 */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const bare = withoutZone(address);
  if (!/^::ffff:/i.test(bare)) return bare;
  const bytes = readAddress(bare);
  return bytes === undefined ? bare : formatIp(withoutMapping(bytes));
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
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
  const plain = plainAddress(address);
  const bytes = readAddress(plain);
  const sender = bytes?.length === 16 ? `${groupsOf(bytes).slice(0, 4).join(':')}::/64` : plain;
  senders.set(address, sender);
  return sender;
}
