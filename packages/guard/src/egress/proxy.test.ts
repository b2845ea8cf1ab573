import { describe, expect, it } from 'vitest';
import { findProxyFault, readProxy } from './proxy.ts';

const password = ['syn', 'thetic'].join('');

describe('the URL of a proxy', () => {
  it('may hold a user and password, which are kept apart from it', () => {
    const proxy = readProxy(`http://me%40home:${password}%3A@proxy.example:3128`, undefined);
    if (typeof proxy === 'string') expect.fail(proxy);
    expect(proxy.url.href).toBe('http://proxy.example:3128/');
    expect(Buffer.from(proxy.authorization?.slice('Basic '.length) ?? '', 'base64').toString()).toBe(
      `me@home:${password}:`,
    );
  });

  it.each(['http://proxy.example', 'https://proxy.example:8443/', 'http://[fd00::1]:3128', 'http://10.0.0.1:8080'])(
    'may be %s',
    (text) => {
      expect(findProxyFault(text)).toBeUndefined();
    },
  );

  it.each([
    'proxy.example:3128',
    'proxy.example',
    'socks5://proxy.example',
    'http://proxy.example/path',
    'http://proxy.example/?x',
    `http://me:${password}%zz@proxy.example`,
    '',
  ])('may not be "%s", and what is said of it does not repeat it', (text) => {
    const fault = findProxyFault(text);
    expect(fault).toBeTypeOf('string');
    expect(fault).not.toContain(password);
  });
});
