import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileNetworks,
  findNetworkFault,
  firstOf,
  formatIp,
  holds,
  plainAddress,
  readAddress,
  readNetwork,
  senderOf,
  withoutMapping,
  type Network,
} from './addresses.ts';

const address = (text: string): Uint8Array => {
  const bytes = readAddress(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return bytes;
};

const network = (text: string): Network => {
  const read = readNetwork(text);
  if ('message' in read) throw new Error(read.message);
  return read;
};

describe('an address', () => {
  it('keeps its meaning when it is written anew', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(address(formatIp(address(text)))).toEqual(address(text));
      }),
      { seed: 20_261_120, numRuns: 2000 },
    );
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '0x7f.1',
    '256.1.1.1',
    ':::',
    'fe80::1%eth0',
    '[::1]',
    '1::2::3',
    'a',
  ])('is not "%s"', (text) => {
    expect(readAddress(text)).toBeUndefined();
  });

  it('of IPv4 in IPv6 is that of IPv4', () => {
    expect(formatIp(withoutMapping(address('::ffff:10.0.0.1')))).toBe('10.0.0.1');
    expect(formatIp(withoutMapping(address('::1:10.0.0.1')))).toBe('0:0:0:0:0:1:a00:1');
  });

  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:', '::ffff:'],
    ['local', 'local'],
    ['', ''],
  ])('%s is plainly %s', (text, plain) => {
    expect(plainAddress(text)).toBe(plain);
  });
});

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', '11.0.0.1'],
    ['10.0.0.0/9', '10.127.255.255', '10.128.0.0'],
    ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['192.0.2.7/24', '192.0.2.250', '192.0.3.1'],
    ['fd00::/8', 'fdff::1', 'fe00::1'],
    ['2001:db8::/32', '2001:db8:ffff::1', '2001:db9::1'],
    ['2001:db8:0:8000::/49', '2001:db8:0:ffff::', '2001:db8:0:7fff::'],
    ['::1', '::1', '::2'],
    ['0.0.0.0/0', '203.0.113.9', '::1'],
    ['::/0', '2a00::1', '203.0.113.9'],
  ])('%s holds %s and not %s', (text, inside, outside) => {
    expect([inside, outside].map((one) => holds(network(text), address(one)))).toEqual([true, false]);
    expect([inside, outside].map(compileNetworks([text]))).toEqual([true, false]);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    'x/8',
    'fe80::1%eth0',
    'host',
    '010.0.0.1',
  ])('is not %j', (text) => {
    expect(findNetworkFault(text)).toHaveProperty('message');
    expect(() => compileNetworks([text])).toThrow(TypeError);
  });

  it('tells where a text is wrong', () => {
    expect(['10.0.0/8', '10.0.0.0/40', '10.0.0.0/8'].map((text) => findNetworkFault(text)?.offset)).toEqual([
      0,
      9,
      undefined,
    ]);
  });

  it('begins with its first address, whatever is set behind the prefix', () => {
    expect(['10.1.2.3/8', '10.1.2.3', 'fd00:1::9/16'].map((text) => formatIp(firstOf(network(text))))).toEqual([
      '10.0.0.0',
      '10.1.2.3',
      'fd00:0:0:0:0:0:0:0',
    ]);
  });
});

describe('a test of membership', () => {
  const isIn = compileNetworks(['10.0.0.0/8', 'fd00::/8', '192.0.2.7']);

  it.each([
    ['10.0.0.1', true],
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['::ffff:10.1.2.3', true],
    ['::FFFF:10.1.2.3', true],
    ['::ffff:11.1.2.3', false],
    ['0:0:0:0:0:ffff:a01:203', true],
    ['fd12::1', true],
    ['fe80::1%eth0', false],
    ['fd12::1%eth0', true],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['', false],
    ['10.0.0.1.example.com', false],
    ['unknown', false],
    ['unix:', false],
    [`10.0.0.1${' '.repeat(100)}`, false],
  ])('of %s says %s, each time', (text, isInside) => {
    expect([isIn(text), isIn(text)]).toEqual([isInside, isInside]);
  });

  it('says no to everything where no network is named', () => {
    expect(compileNetworks([])('127.0.0.1')).toBe(false);
  });
});

describe('the sender that limits see', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['local', 'local'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1:0:0:1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:0:0:1::', '2001:0:0:1::/64'],
    ['::', '0:0:0:0::/64'],
    ['', ''],
  ])('of %s is %s', (address, sender) => {
    expect(senderOf(address)).toBe(sender);
  });

  it('[limits-truthful] is one for all addresses that the holder of an IPv6 network can choose from', () => {
    const senders = new Set(
      Array.from({ length: 1000 }, (_, index) => senderOf(`2001:db8:7:9::${index.toString(16)}`)),
    );
    expect(senders.size).toBe(1);
  });
});
