import { describe, expect, it } from 'vitest';
import type { DoorKind, HttpHead } from '../exchange.ts';
import { makeHead, makePorts, makeRules, received, receivedOnStdio } from '../exchange.fixture.ts';
import { createSessionStub } from '../session.fixture.ts';
import { isRefusal } from '../refusals.ts';
import { receive } from './receive.ts';

function verdict(head: HttpHead, door: DoorKind = 'http', rules = makeRules()): string {
  const judged = receive(received({ head, door, rules }), makePorts());
  return isRefusal(judged) ? judged.name : 'passes';
}

describe('receive', () => {
  it.each<[string, string, HttpHead]>([
    ['passes', 'a sound POST', makeHead()],
    ['passes', 'a Host in capitals', makeHead({ host: 'LOCALHOST:8848' })],
    ['bad-http-version', 'HTTP/1.0', makeHead({}, { version: '1.0' })],
    ['malformed-host', 'no Host', makeHead({ host: undefined })],
    ['malformed-host', 'two Hosts, even where the first is ours', makeHead({}, { repeated: new Set(['host']) })],
    ['malformed-host', 'a Host with a path', makeHead({ host: 'localhost:8848/x' })],
    ['malformed-host', 'a Host with a user', makeHead({ host: 'localhost:8848@evil.example' })],
    ['malformed-host', 'an empty Host', makeHead({ host: '' })],
    ['bad-host', 'another name', makeHead({ host: 'evil.example' })],
    ['bad-host', 'another port', makeHead({ host: 'localhost:1' })],
    ['bad-host', 'our name with a trailing dot', makeHead({ host: 'localhost.:8848' })],
    ['passes', 'our own Origin', makeHead({ origin: 'http://localhost:8848' })],
    ['bad-origin', 'another Origin', makeHead({ origin: 'http://evil.example' })],
    ['bad-origin', 'the opaque Origin', makeHead({ origin: 'null' })],
    ['bad-origin', 'an empty Origin', makeHead({ origin: '' })],
    ['bad-origin', 'our Origin on another port', makeHead({ origin: 'http://localhost:8849' })],
    [
      'bad-origin',
      'two Origins, the first of them ours',
      makeHead({ origin: 'http://localhost:8848' }, { repeated: new Set(['origin']) }),
    ],
    ['no-such-path', 'a path that is not served', makeHead({}, { isKnownPath: false, target: '/mcp/' })],
    ['method-not-allowed', 'OPTIONS', makeHead({}, { method: 'OPTIONS' })],
    ['method-not-allowed', 'a lower-case post', makeHead({}, { method: 'post' })],
    ['method-not-allowed', 'GET without a session', makeHead({}, { method: 'GET' })],
    ['method-not-allowed', 'DELETE without a session', makeHead({}, { method: 'DELETE' })],
    ['passes', 'GET with a session', makeHead({ 'mcp-session-id': 's' }, { method: 'GET' })],
    ['passes', 'DELETE with a session', makeHead({ 'mcp-session-id': 's' }, { method: 'DELETE' })],
    ['bad-content-type', 'no content type', makeHead({ 'content-type': undefined })],
    [
      'bad-content-type',
      'text/plain, which a form of a foreign page can send',
      makeHead({ 'content-type': 'text/plain' }),
    ],
    ['bad-content-type', 'a type that only begins like ours', makeHead({ 'content-type': 'application/jsonp' })],
    ['passes', 'charset=utf-8', makeHead({ 'content-type': 'Application/JSON ; charset=UTF-8' })],
    ['passes', 'a quoted charset', makeHead({ 'content-type': 'application/json; charset="utf-8"' })],
    ['bad-content-type', 'another charset', makeHead({ 'content-type': 'application/json; charset=utf-16' })],
    [
      'bad-content-type',
      'a second charset behind a sound one',
      makeHead({ 'content-type': 'application/json; charset=utf-8; charset=utf-7' }),
    ],
    ['bad-content-type', 'two content types', makeHead({}, { repeated: new Set(['content-type']) })],
    ['bad-content-type', 'gzip', makeHead({ 'content-encoding': 'gzip' })],
    ['passes', 'the identity encoding', makeHead({ 'content-encoding': ' Identity ' })],
    ['passes', 'a body at the limit', makeHead({ 'content-length': '1024' })],
    ['body-too-large', 'a body over the limit', makeHead({ 'content-length': '1025' })],
  ])('answers %s for %s', (expected, _, head) => {
    expect(verdict(head)).toBe(expected);
  });

  it('tells the limit with a body that is too large', () => {
    const judged = receive(received({ head: makeHead({ 'content-length': '9999999999' }) }), makePorts());
    expect(judged).toMatchObject({ name: 'body-too-large', fill: { limit: 1024 } });
  });

  it('charges the address before it judges anything, so that nonsense costs as much as sense', () => {
    const ports = makePorts();
    const rules = makeRules({ limits: { perAddress: { tokens: 1, perMs: 1000, burst: 2 } } });
    const nonsense = { rules, head: makeHead({ host: 'evil.example' }) };
    receive(received(nonsense), ports);
    receive(received(nonsense), ports);
    expect(receive(received({ rules }), ports)).toMatchObject({ name: 'address-limited', retryAfterMs: 1000 });
  });

  it('charges each address alone and lets it in again as time passes', () => {
    const ports = makePorts();
    const rules = makeRules({ limits: { perAddress: { tokens: 1, perMs: 1000, burst: 1 } } });
    receive(received({ rules }), ports);
    expect(isRefusal(receive(received({ rules }), ports))).toBe(true);
    expect(isRefusal(receive(received({ rules, address: '192.0.2.8' }), ports))).toBe(false);
    ports.clock.advance(1000);
    expect(isRefusal(receive(received({ rules }), ports))).toBe(false);
  });

  it('passes a stdio exchange without charging anybody', () => {
    const ports = makePorts();
    const rules = makeRules({ limits: { perAddress: { tokens: 1, perMs: 1000, burst: 1 } } });
    for (let i = 0; i < 3; i++) {
      expect(isRefusal(receive(receivedOnStdio(createSessionStub(), { rules }), ports))).toBe(false);
    }
    expect(ports.buckets.size).toBe(0);
  });
});

describe('receive at a WebSocket upgrade', () => {
  const upgrade = {
    'content-type': undefined,
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'mcp',
  };

  it.each<[string, string, Readonly<Record<string, string | undefined>>, Partial<HttpHead>?]>([
    ['passes', 'a sound one', {}],
    ['passes', 'one that offers more', { 'sec-websocket-protocol': 'other , mcp' }],
    ['passes', 'our own Origin', { origin: 'http://localhost:8848' }],
    ['bad-origin', 'another Origin', { origin: 'http://evil.example' }],
    ['bad-host', 'another Host', { host: 'evil.example' }],
    ['no-such-path', 'an unknown path', {}, { isKnownPath: false }],
    ['method-not-allowed', 'POST', {}, { method: 'POST' }],
    ['bad-upgrade', 'another protocol', { upgrade: 'h2c' }],
    ['bad-upgrade', 'no subprotocol', { 'sec-websocket-protocol': undefined }],
    ['bad-upgrade', 'a subprotocol that only begins like ours', { 'sec-websocket-protocol': 'mcp2' }],
    ['bad-upgrade', 'another version', { 'sec-websocket-version': '8' }],
    ['bad-upgrade', 'a key that is too short', { 'sec-websocket-key': 'YQ==' }],
    ['bad-upgrade', 'no key', { 'sec-websocket-key': undefined }],
    ['bad-upgrade', 'two keys', {}, { repeated: new Set(['sec-websocket-key']) }],
  ])('%s: %s', (expected, _, headers, more = {}) => {
    expect(verdict(makeHead({ ...upgrade, ...headers }, { method: 'GET', ...more }), 'websocket')).toBe(expected);
  });

  it('[doors-off] knows no path while the door is closed', () => {
    const head = makeHead(upgrade, { method: 'GET' });
    const closed = makeRules({ doors: { websocket: false, sse: false } });
    expect([verdict(head, 'websocket', closed), verdict(head, 'sse', closed)]).toEqual([
      'no-such-path',
      'no-such-path',
    ]);
  });
});

describe('receive at the SSE door', () => {
  it.each<[string, string, HttpHead]>([
    ['passes', 'GET without a session', makeHead({ 'content-type': undefined }, { method: 'GET' })],
    ['passes', 'a message', makeHead()],
    ['bad-content-type', 'a message of another type', makeHead({ 'content-type': 'text/plain' })],
    ['method-not-allowed', 'DELETE', makeHead({ 'mcp-session-id': 's' }, { method: 'DELETE' })],
    ['bad-origin', 'another Origin', makeHead({ origin: 'http://evil.example' }, { method: 'GET' })],
  ])('%s: %s', (expected, _, head) => {
    expect(verdict(head, 'sse')).toBe(expected);
  });
});
