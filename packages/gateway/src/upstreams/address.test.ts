import { describe, expect, it } from 'vitest';
import { checkAddress } from './address.ts';

const check = (url: string, headers: Record<string, string> = {}): string | undefined =>
  checkAddress({ url, headers }, ['http:', 'https:']);

describe('the address of an upstream', () => {
  it('is fine with a URL and headers of its own', () => {
    expect(check('https://api.example.com/mcp?x=1', { Authorization: 'Bearer x', 'X-Team': 'ä' })).toBeUndefined();
  });

  it.each(['', 'api.example.com', 'ftp://example.com/', 'ws://example.com/', 'https://user@example.com/'])(
    'is refused at %s',
    (url) => {
      expect(check(url)).toEqual(expect.any(String));
    },
  );

  it.each([
    ['Mcp-Session-Id', 'x'],
    ['Content-Length', '1'],
    ['Host', 'x'],
    ['Sec-WebSocket-Protocol', 'x'],
    ['a b', 'x'],
    ['x-a', 'one\r\ntwo'],
    ['x-a', '\u{1f600}'],
  ])('is refused with the header %s', (name, value) => {
    const fault = check('https://example.com/', { [name]: value });
    expect(fault).toEqual(expect.any(String));
    if (value.length > 1) expect(fault).not.toContain(value);
  });
});
