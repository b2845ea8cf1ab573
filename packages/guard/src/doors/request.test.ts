import { describe, expect, it } from 'vitest';
import { addressKey, arrivalOf } from './request.ts';

const open = { doors: { websocket: true, sse: true } };
const closed = { doors: { websocket: false, sse: false } };

describe('the door of a request', () => {
  it.each([
    ['POST', '/mcp', { door: 'http', path: { kind: 'all' } }],
    ['GET', '/mcp/files', { door: 'http', path: { kind: 'server', server: 'files' } }],
    ['GET', '/sse', { door: 'sse', path: { kind: 'all' } }],
    ['GET', '/sse/files', { door: 'sse', path: { kind: 'server', server: 'files' } }],
    ['POST', '/messages?sessionId=a_-Z9', { door: 'sse', path: { kind: 'all' }, connectionId: 'a_-Z9' }],
    [
      'POST',
      '/messages/files?sessionId=a',
      { door: 'sse', path: { kind: 'server', server: 'files' }, connectionId: 'a' },
    ],
  ])('is told by %s %s', (method, target, arrival) => {
    expect(arrivalOf(method, target, open)).toEqual(arrival);
  });

  it.each([
    ['POST', '/sse'],
    ['GET', '/messages?sessionId=a'],
    ['POST', '/messages'],
    ['POST', '/messages?sessionId='],
    ['POST', '/messages?sessionId=a&sessionId=b'],
    ['POST', '/messages?sessionid=a'],
    ['POST', '/messages?sessionId=a#b'],
    ['POST', `/messages?sessionId=${'a'.repeat(1025)}`],
    ['GET', '/sse?x=1'],
    ['GET', '/sse/'],
    ['GET', '/mcp?x=1'],
    ['GET', '/MCP'],
  ])('does not exist for %s %s', (method, target) => {
    expect(arrivalOf(method, target, open)).toEqual({ door: 'http', path: undefined });
  });

  it('[doors-off] is not there while it is closed', () => {
    for (const [method, target] of [
      ['GET', '/sse'],
      ['POST', '/messages?sessionId=a'],
    ] as const) {
      expect(arrivalOf(method, target, closed)).toEqual({ door: 'http', path: undefined });
    }
  });
});

describe('the bucket of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0'],
    ['2001:db8::', '2001:db8:0:0'],
    ['2001:0:0:1::', '2001:0:0:1'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['', ''],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('is one for all of a /64, however the rest of it is written', () => {
    const hosts = ['::1', '::2:0:0:1', ':1:2:3:4', '::', ':0:0:5::'].map((host) => `2001:db8:0:7${host}`);
    const compressed = ['2001:db8::1', '2001:db8::2:0:0:1', '2001:db8::ffff:0', '2001:db8:0:0:1::'];
    expect(new Set(hosts.map(addressKey))).toEqual(new Set(['2001:db8:0:7']));
    expect(new Set(compressed.map(addressKey))).toEqual(new Set(['2001:db8:0:0']));
  });
});
