import { describe, expect, it } from 'vitest';
import { readNetwork, type Network } from '../addresses.ts';
import { EgressError } from './egress-error.ts';
import { judgeAddresses, judgeDestination, type Destination } from './reach.ts';

const allow = (...texts: string[]): Network[] =>
  texts.map((text) => {
    const read = readNetwork(text);
    if ('message' in read) throw new Error(read.message);
    return read;
  });
const to = (host: string, more: Partial<Destination> = {}): Destination => ({
  host,
  isSecure: true,
  trust: 'outside',
  ...more,
});
const reasonOf = (found: unknown): unknown => (found instanceof EgressError ? found.reason : found);

describe('a destination from outside', () => {
  it('is refused before any look-up where no address could help', () => {
    expect(reasonOf(judgeDestination(to('example.com', { isSecure: false }), []))).toBe('scheme');
    expect(reasonOf(judgeDestination(to('db.internal'), []))).toBe('address');
    expect(judgeDestination(to('example.com'), [])).toBeUndefined();
    expect(judgeDestination(to('db.internal'), allow('10.0.0.0/8'))).toBeUndefined();
  });

  it('is dialled at its public addresses, in their order and plainest form', () => {
    expect(judgeAddresses(to('h.example'), ['2606:4700::1', '::ffff:8.8.8.8'], [])).toEqual([
      '2606:4700:0:0:0:0:0:1',
      '8.8.8.8',
    ]);
  });

  it('is refused whole where one of its addresses is not public', () => {
    expect(reasonOf(judgeAddresses(to('h.example'), ['8.8.8.8', '::1'], []))).toBe('address');
    expect(reasonOf(judgeAddresses(to('h.example'), ['::1', '8.8.8.8'], allow('10.0.0.0/8')))).toBe('address');
    expect(reasonOf(judgeAddresses(to('h.example'), ['fe80::1%eth0'], []))).toBe('address');
  });

  it('is reached where the operator allows its addresses, over http and under an inner name too', () => {
    const inside = allow('10.0.0.0/8');
    expect(judgeAddresses(to('db.internal'), ['10.1.2.3'], inside)).toEqual(['10.1.2.3']);
    expect(judgeAddresses(to('h.example', { isSecure: false }), ['::ffff:10.1.2.3'], inside)).toEqual(['10.1.2.3']);
    expect(reasonOf(judgeAddresses(to('db.internal'), ['8.8.8.8'], inside))).toBe('scheme');
    expect(reasonOf(judgeAddresses(to('h.example', { isSecure: false }), ['8.8.8.8'], inside))).toBe('scheme');
    expect(reasonOf(judgeAddresses(to('h.example', { isSecure: false }), ['10.1.2.3', '8.8.8.8'], inside))).toBe(
      'scheme',
    );
  });

  it('is told with its address, what that is, and the way out', () => {
    const found = judgeAddresses(to('h.example'), ['192.168.1.9'], []);
    expect(found).toMatchObject({
      message:
        'h.example leads to 192.168.1.9, a private address (RFC 1918), which URLs from documents, redirects and ' +
        'callers may not reach. If it is yours, name its range in egress.allow.',
    });
  });
});

describe("an operator's destination", () => {
  it('is taken as written', () => {
    const written = to('localhost', { trust: 'operator', isSecure: false });
    expect(judgeDestination(written, [])).toBeUndefined();
    expect(judgeAddresses(written, ['127.0.0.1', '::1'], [])).toEqual(['127.0.0.1', '::1']);
  });
});
