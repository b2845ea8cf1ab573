import { describe, expect, it } from 'vitest';
import { encodeNotification, encodeRequest, encodeResponse, toLine } from './wire.ts';

describe('an envelope', () => {
  it('carries the params bytes untouched', () => {
    const params = Buffer.from('{"a" : 1.0, "ü":"\\u0000"}');
    expect(encodeRequest(7, 'tools/call', params).toString()).toBe(
      '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a" : 1.0, "ü":"\\u0000"}}',
    );
    expect(encodeRequest(7, 'grüße"', undefined).toString()).toBe('{"jsonrpc":"2.0","id":7,"method":"grüße\\""}');
    expect(encodeNotification('notifications/x', params).toString()).toContain('"params":{"a" : 1.0');
    expect(encodeNotification('notifications/x', undefined).toString()).toBe(
      '{"jsonrpc":"2.0","method":"notifications/x"}',
    );
  });

  it("gives a server's request its own id back", () => {
    expect(encodeResponse('a"b', 'error', Buffer.from('{"code":1}')).toString()).toBe(
      '{"jsonrpc":"2.0","id":"a\\"b","error":{"code":1}}',
    );
  });

  it('is one line on standard streams, whatever white space the params hold', () => {
    const line = toLine(encodeRequest(1, 'm', Buffer.from('{\r\n  "a": "x\\ny"\n}')));
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line.includes('\r')).toBe(false);
    expect(JSON.parse(line.toString())).toMatchObject({ params: { a: 'x\ny' } });
  });
});
