import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAddress } from '../addresses.ts';
import { whatIs } from './special-addresses.ts';

const address = (text: string): Uint8Array => {
  const bytes = readAddress(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return bytes;
};
const what = (text: string): string | undefined => whatIs(address(text));

/** First and last address of each block that is not public, and what lies right before and behind it. */
const blocks: readonly (readonly [
  first: string,
  last: string,
  before: string | undefined,
  behind: string | undefined,
])[] = [
  ['0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
  ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['168.63.129.16', '168.63.129.16', '168.63.129.15', '168.63.129.17'],
  ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['224.0.0.0', '255.255.255.255', '223.255.255.255', undefined],
  ['::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined, undefined],
  ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:200::'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff::', '2001:db9::'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff::', '2003::'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff::', '3fff:1000::'],
  ['4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:1000::1', undefined],
];

describe('an address', () => {
  it.each(blocks)('from %s to %s is not public', (first, last, before, behind) => {
    expect(what(first)).toBeTypeOf('string');
    expect(what(last)).toBeTypeOf('string');
    if (before !== undefined) expect(what(before)).toBeUndefined();
    if (behind !== undefined) expect(what(behind)).toBeUndefined();
  });

  it.each([
    ['127.0.0.1', 'a loopback address'],
    ['169.254.169.254', 'a link-local address, where clouds keep metadata (RFC 3927)'],
    ['10.1.2.3', 'a private address (RFC 1918)'],
    ['255.255.255.255', 'a reserved address (RFC 1112)'],
    ['239.255.255.250', 'a multicast address'],
    ['::', 'an address of this machine'],
    ['::1', 'a loopback address'],
    ['fe80::1', 'a link-local address'],
    ['fd00:ec2::254', 'a private address (RFC 4193)'],
    ['ff02::1', 'a multicast address'],
    ['2001::7f00:1', 'a Teredo address (RFC 4380)'],
    ['2002:7f00:1::', 'a 6to4 address (RFC 3056)'],
    ['5f00::1', 'no address of the public internet'],
  ])('%s is told by its name', (text, said) => {
    expect(what(text)).toBe(said);
  });

  it('that carries an IPv4 address is what that address is', () => {
    expect(what('::ffff:127.0.0.1')).toBe('a loopback address');
    expect(what('::ffff:8.8.8.8')).toBeUndefined();
    expect(what('64:ff9b::a9fe:a9fe')).toMatch(/^a link-local address/);
    expect(what('64:ff9b::8.8.8.8')).toBeUndefined();
    expect(what('64:ff9b:1::8.8.8.8')).toBe('a translated address of a local network (RFC 8215)');
    expect(what('::127.0.0.1')).toMatch(/not used any more/);
  });

  it('is judged alike in plain and in mapped form', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(what(`::ffff:${text}`)).toBe(what(text));
        expect(what(`64:ff9b::${text}`)).toBe(what(text));
      }),
      { seed: 20_261_120, numRuns: 2000 },
    );
  });
});
