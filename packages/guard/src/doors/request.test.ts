import { describe, expect, it } from 'vitest';
import { arrivalOf } from './request.ts';

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
