import { describe, expect, it } from 'vitest';
import { readCookie, writeCookie } from './browser-cookie.ts';
import { consentPage, escapeHtml, wordsPage } from './consent-pages.ts';

describe('a page', () => {
  it('escapes everything that comes from outside', () => {
    const evil = '"><script>alert(1)</script>&\'';
    const view = {
      server: evil,
      principal: `jwt:${evil}`,
      loginHost: evil,
      returnHost: evil,
      scopes: [evil],
      code: evil,
      action: evil,
      formToken: evil,
    };
    for (const page of [consentPage(view), wordsPage(evil, evil)]) {
      expect(page).not.toContain('<script');
      expect(page).toContain('&quot;&gt;&lt;script&gt;');
    }
  });

  it('shows nothing that hides or turns what stands beside it', () => {
    expect(escapeHtml('a\u202eb\u200bc\u0000d')).toBe('a\ufffdb\ufffdc\ufffdd');
  });
});

describe('the cookie of a browser', () => {
  const value = 'a'.repeat(32);

  it('stays with the very host over TLS', () => {
    expect(writeCookie(value, 'https://mcp.example.com')).toBe(
      `__Host-sallyport-connect=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure`,
    );
    expect(readCookie(`x=1; __Host-sallyport-connect=${value}`, 'https://mcp.example.com')).toBe(value);
    expect(readCookie(`sallyport-connect=${value}`, 'https://mcp.example.com')).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    `sallyport-connect=${value}; sallyport-connect=${'b'.repeat(32)}`,
    'sallyport-connect=short',
    `sallyport-connect=${'<'.repeat(32)}`,
    `xsallyport-connect=${value}`,
  ])('is none when it is missing, doubled or of another form: %s', (header) => {
    expect(readCookie(header, 'http://127.0.0.1:8848')).toBeUndefined();
  });
});
