import { describe, expect, it } from 'vitest';
import { headerLines, headersUnder } from './security-headers.ts';

const names = (headers: readonly string[]): string[] => headers.filter((_, index) => index % 2 === 0);

describe('the headers of every answer', () => {
  it('[cors-headers] are the same list each time, so that an answer costs no making of them', () => {
    expect(headersUnder({})).toBe(headersUnder({}));
    expect(headersUnder({ isSecure: true })).toBe(headersUnder({ isSecure: true }));
  });

  it('add Strict-Transport-Security only where callers come over TLS', () => {
    expect(names(headersUnder({}))).not.toContain('Strict-Transport-Security');
    expect(names(headersUnder({ isSecure: true }))).toContain('Strict-Transport-Security');
  });

  it('stay small', () => {
    expect(headerLines(headersUnder({})).length).toBeLessThan(256);
    expect(headerLines(headersUnder({ isSecure: true })).length).toBeLessThan(320);
  });

  it('are lines of a head', () => {
    expect(headerLines(['A', 'b', 'C', 'd'])).toBe('A: b\r\nC: d\r\n');
  });
});
