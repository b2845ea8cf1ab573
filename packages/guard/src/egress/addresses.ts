/**
 * Which addresses are on the public internet, and what the others are: the special-purpose registries of IANA
 * (RFC 6890), and the forms in which IPv6 carries an IPv4 address.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** A block of addresses: 4 or 16 bytes, of which the first `bits` bits count. */
export interface AddressBlock {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

interface SpecialBlock extends AddressBlock {
  readonly what: string;
}

/** Blocks that are not the public internet; the first that matches names an address. */
const special: readonly SpecialBlock[] = (
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
).map(([text, what]) => ({ ...blockOf(text), what }));

const MAPPED = blockOf('::ffff:0:0/96');
const TRANSLATED = blockOf('64:ff9b::/96');
const GLOBAL_IPV6 = blockOf('2000::/3');

function blockOf(text: string): AddressBlock {
  const block = readBlock(text);
  if (block === undefined) throw new RangeError(`${text} is not a block of addresses`);
  return block;
}

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
 * Reads a block in the notation of CIDR, or a single address. Returns `undefined` for anything else, also where bits
 * are set behind the prefix: whoever writes `10.0.0.1/8` may mean something else.
 */
export function readBlock(text: string): AddressBlock | undefined {
  const [, address = '', prefix] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const bytes = readAddress(address);
  if (bytes === undefined) return undefined;
  const all = bytes.length * 8;
  const bits = prefix === undefined ? all : Number(prefix);
  if (bits > all) return undefined;
  const isClean = bytes.every((byte, index) => (byte & ~maskOf(bits, index) & 0xff) === 0);
  return isClean ? { bytes, bits } : undefined;
}

/** The bits of byte `index` that a prefix of `bits` bits covers. */
function maskOf(bits: number, index: number): number {
  const covered = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - covered)) & 0xff;
}

/** Says whether a block holds an address. IPv4 and IPv6 are never in each other's blocks. */
export function holds(block: AddressBlock, address: Uint8Array): boolean {
  if (block.bytes.length !== address.length) return false;
  return address.every((byte, index) => ((byte ^ (block.bytes[index] ?? 0)) & maskOf(block.bits, index)) === 0);
}

/** An IPv4 address that is written as IPv6 (`::ffff:a.b.c.d`) is that IPv4 address, and is dialled as such. */
export function withoutMapping(address: Uint8Array): Uint8Array {
  return holds(MAPPED, address) ? address.subarray(12) : address;
}

/** Returns the text of an address: dotted IPv4, or IPv6 in eight groups. */
export function formatIp(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address[index * 2] ?? 0) * 256 + (address[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

/**
 * Says what an address is when it is not on the public internet; `undefined` for a public one. Translated addresses
 * (NAT64, RFC 6052) are what the IPv4 address in them is. All IPv6 that is not assigned to the internet is refused.
 */
export function whatIs(address: Uint8Array): string | undefined {
  const plain = withoutMapping(address);
  if (holds(TRANSLATED, plain)) return whatIs(plain.subarray(12));
  const found = special.find((block) => holds(block, plain));
  if (found !== undefined) return found.what;
  return plain.length === 4 || holds(GLOBAL_IPV6, plain) ? undefined : 'no address of the public internet';
}
