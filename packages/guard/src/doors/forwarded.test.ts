import { describe, expect, it } from 'vitest';
import { compileNetworks } from '../addresses.ts';
import { callerAddress } from './forwarded.ts';

const trust = compileNetworks(['10.0.0.0/8', 'fd00::/8', '192.0.2.7']);
const proxy = '10.0.0.1';

describe('callerAddress', () => {
  it.each<[string, string | undefined, string]>([
    ['the address that the proxy added', '203.0.113.9', '203.0.113.9'],
    ['the last one that is no proxy of ours', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['never what a caller wrote before it', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['never what a caller wrote before it, however much', `${'1.2.3.4,'.repeat(500)}203.0.113.9`, '203.0.113.9'],
    ['an address with a port', '203.0.113.9:4711', '203.0.113.9'],
    ['an IPv6 address', '2001:db8::9', '2001:db8::9'],
    ['an IPv6 address in brackets', '[2001:db8::9]', '2001:db8::9'],
    ['an IPv6 address with a port', '[2001:db8::9]:4711', '2001:db8::9'],
    ['an IPv4 address in IPv6', '::ffff:203.0.113.9', '203.0.113.9'],
    ['the first of all where every one is ours', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the proxy itself where it tells nothing', undefined, proxy],
    ['the proxy itself where it tells nothing readable', 'unknown', proxy],
    ['the proxy itself where what it added is empty', '203.0.113.9,', proxy],
    ['the proxy before it where that told nothing readable', '203.0.113.9, garbage, 10.0.0.2', '10.0.0.2'],
  ])('is %s', (_, header, address) => {
    expect(callerAddress(proxy, header, undefined, trust)).toBe(address);
  });

  it.each<[string, string, string]>([
    ['a token', 'for=203.0.113.9', '203.0.113.9'],
    ['other parameters beside it', 'proto=https;for=203.0.113.9;by=10.0.0.1', '203.0.113.9'],
    ['any case and spaces', 'By=10.0.0.1; FOR="203.0.113.9"', '203.0.113.9'],
    ['IPv6 in quotes and brackets with a port', 'for="[2001:db8::9]:4711"', '2001:db8::9'],
    ['several elements', 'for=198.51.100.1, for=203.0.113.9;proto=http, for=10.0.0.2', '203.0.113.9'],
    ['a comma in quotes', 'for=198.51.100.1;x="a,b", for=203.0.113.9', '203.0.113.9'],
    ['a forged for in the quotes of another parameter', 'for=203.0.113.9;x="a;for=1.2.3.4"', '203.0.113.9'],
    ['a forged for in quotes before it', 'x="a;for=1.2.3.4;b";for=203.0.113.9', '203.0.113.9'],
    ['a quote that a caller left open', 'for=1.2.3.4;x=", for="[2001:db8::9]:4711"', proxy],
    [
      'a quote that a caller left open and a host of its own',
      'for=1.2.3.4;x=", for=203.0.113.9;host=";for=1.2.3.4;y="',
      proxy,
    ],
    ['what is no pair', 'for=203.0.113.9;;=', proxy],
    ['no element with for', 'proto=https', proxy],
    ['a name that hides the address', 'for=_hidden', proxy],
    ['unknown', 'for=unknown', proxy],
  ])('is read from Forwarded with %s', (_, header, address) => {
    expect(callerAddress(proxy, undefined, header, trust)).toBe(address);
  });

  it('takes both headers where they agree, and neither where they do not', () => {
    expect(callerAddress(proxy, '203.0.113.9', 'for=203.0.113.9', trust)).toBe('203.0.113.9');
    expect(callerAddress(proxy, '203.0.113.9', 'for=198.51.100.1', trust)).toBeUndefined();
    expect(callerAddress(proxy, '203.0.113.9', 'for=_hidden', trust)).toBeUndefined();
  });
});
