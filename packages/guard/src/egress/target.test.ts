import { describe, expect, it } from 'vitest';
import { EgressError } from './egress-error.ts';
import { isInnerName, readTarget } from './target.ts';

const outside = (text: string, base?: string): string => {
  const target = readTarget(text, 'outside', base === undefined ? undefined : new URL(base));
  return target instanceof EgressError ? `${target.reason}: ${target.message}` : target.url.href;
};

describe('a URL from outside', () => {
  it.each([
    ['https://example.com/.well-known/openid-configuration?a=b', undefined],
    ['HTTPS://Example.COM/', 'https://example.com/'],
    ['https://api.example.com:8443/', undefined],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://8.8.8.8/', undefined],
    ['https://[2606:4700:4700:0:0:0:0:1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://xn--bcher-kva.example/', undefined],
    ['https://_dmarc.example.com/', undefined],
  ])('may be %s', (text, href) => {
    expect(outside(text)).toBe(href ?? text);
  });

  it.each([
    'https://0x7f.1/',
    'https://2130706433/',
    'https://017700000001/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://example.com./',
    'https://１２７.0.0.1/',
    'https://%31%32%37.0.0.1/',
    'https://bücher.example/',
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://@example.com/',
    'https://example.com:0443/',
    'https://example.com:/',
    'https://example.com:0/',
    'https://example.com:99999/',
    'https://example.com:22/',
    'https://example.com\\@evil.example/',
    'https:\\\\example.com/',
    'https:example.com/',
    'https:/example.com/',
    'https:///example.com/',
    'https://exa\tmple.com/',
    ' https://example.com/',
    'https://example.com/a b',
    'https://exam;ple.com/',
    'https://-example.com/',
    'https://example..com/',
    'https:',
    '//example.com/',
    '/path',
    '',
    'https://[::1/',
    `https://example.com/${'a'.repeat(9000)}`,
    `https://${'a'.repeat(64)}.example/`,
  ])('may not be %s', (text) => {
    expect(outside(text)).toMatch(/^url: /);
  });

  it.each(['file:///etc/passwd', 'ftp://example.com/', 'data:text/plain,x', 'javascript:x', 'wss://example.com/'])(
    'is not asked with the scheme of %s',
    (text) => {
      expect(outside(text)).toMatch(/^scheme: /);
    },
  );

  it('may be relative where it follows another', () => {
    const base = 'https://example.com/a/b?c';
    expect(outside('../d', base)).toBe('https://example.com/d');
    expect(outside('//other.example/x', base)).toBe('https://other.example/x');
    expect(outside('?x=1', base)).toBe('https://example.com/a/b?x=1');
    expect(outside('//127.1/', base)).toMatch(/^url: /);
    expect(outside('https:other', base)).toMatch(/^url: /);
    expect(outside('/\\evil.example', base)).toMatch(/^url: /);
  });
});

describe("an operator's URL", () => {
  it.each([
    'http://127.0.0.1:9/',
    'https://localhost./x',
    'http://printer/',
    'https://bücher.example/',
    'http://h:22/',
  ])('may be %s', (text) => {
    expect(readTarget(text, 'operator')).not.toBeInstanceOf(EgressError);
  });

  it.each(['ftp://example.com/', 'https://user:pass@example.com/', 'nothing'])('may not be %s', (text) => {
    expect(readTarget(text, 'operator')).toBeInstanceOf(EgressError);
  });
});

describe('what is said of a URL', () => {
  it('holds neither its path nor its query nor its password', () => {
    const secret = ['to', 'ken'].join('');
    for (const text of [`https://u:${secret}@h.example/`, `ftp://h/${secret}`, `https://0x7f.1/${secret}?${secret}`]) {
      for (const trust of ['operator', 'outside'] as const) {
        const found = readTarget(text, trust);
        if (found instanceof EgressError) expect(found.message).not.toContain(secret);
      }
    }
  });
});

describe('a name of the network around us', () => {
  it.each([
    'localhost',
    'a.localhost',
    'printer.local',
    'intranet',
    'db.internal',
    'x.svc',
    'metadata.goog',
    'h.home.arpa',
  ])('is %s', (name) => {
    expect(isInnerName(name)).toBe(true);
  });

  it.each([
    'example.com',
    'localhost.example.com',
    'internal.example',
    '8.8.8.8',
    '2606:4700::1',
    'sub.metadata.goog.x',
  ])('is not %s', (name) => {
    expect(isInnerName(name)).toBe(false);
  });
});
