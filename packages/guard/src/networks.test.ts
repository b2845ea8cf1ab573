import { describe, expect, it } from 'vitest';
import { compileNetworks, findNetworkFault, senderOf } from './networks.ts';

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', '11.0.0.1'],
    ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['192.0.2.7/24', '192.0.2.250', '192.0.3.1'],
    ['2001:db8::/32', '2001:db8:ffff::1', '2001:db9::1'],
    ['::1', '::1', '::2'],
    ['10.0.0.0/8', '::ffff:10.1.2.3', '::ffff:11.1.2.3'],
    ['0.0.0.0/0', '203.0.113.9', '::1'],
  ])('%s holds %s and not %s', (network, inside, outside) => {
    const holds = compileNetworks([network]);
    expect([holds(inside), holds(outside)]).toEqual([true, false]);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    'fe80::1%eth0',
    'host',
    '010.0.0.1',
  ])('is not %j', (text) => {
    expect(findNetworkFault(text)).toHaveProperty('message');
    expect(() => compileNetworks([text])).toThrow(TypeError);
  });

  it('holds nothing that is no address', () => {
    const holds = compileNetworks(['0.0.0.0/0', '::/0']);
    expect(['local', '', 'unix:', '1.2.3'].map(holds)).toEqual([false, false, false, false]);
  });
});

describe('the sender that limits see', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
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
