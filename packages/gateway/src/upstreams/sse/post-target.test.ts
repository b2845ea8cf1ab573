import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPostTarget } from './post-target.ts';

const read = (said: string | Uint8Array, url = 'https://api.example.com/v1/sse?team=a') =>
  readPostTarget('files', url, typeof said === 'string' ? Buffer.from(said) : said);

describe('the endpoint that a stream names', () => {
  it.each([
    ['/messages?sessionId=1', '/messages?sessionId=1'],
    ['messages', '/v1/messages'],
    ['?sessionId=1', '/v1/sse?sessionId=1'],
    ['https://api.example.com/m', '/m'],
    ['https://api.example.com:443/m#part', '/m'],
    ['//api.example.com/m', '/m'],
  ])('may be %s', (said, path) => {
    expect(read(said)).toEqual({ kind: 'path', path });
  });

  it.each([
    'https://evil.example.com/m',
    '//evil.example.com/m',
    'http://api.example.com/m',
    'https://api.example.com:8443/m',
    'https://api.example.com.evil.example/m',
    'https://api.example.com@evil.example/m',
    'https:\\\\evil.example\\m',
    '/\\evil.example/m',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'data:text/plain,x',
    'blob:https://api.example.com/x',
  ])('may not be %s', (said) => {
    expect(read(said)).toMatchObject({ kind: 'refused' });
  });

  it('may not hold credentials, control characters, broken UTF-8 or more than 4 KiB', () => {
    expect(read('https://user:pass@api.example.com/m')).toMatchObject({ kind: 'refused' });
    expect(read('/m\tn')).toMatchObject({ kind: 'refused' });
    expect(read(Buffer.from([0x2f, 0xff]))).toMatchObject({ kind: 'refused' });
    expect(read(`/${'m'.repeat(5000)}`)).toMatchObject({ kind: 'refused' });
    expect(read('http://[')).toMatchObject({ kind: 'refused' });
  });

  it('never leads to another origin, whatever is said', () => {
    const parts = fc.constantFrom(
      '/',
      '\\',
      ':',
      '@',
      '.',
      'https',
      'evil',
      'api.example.com',
      '?',
      '#',
      ' ',
      '[',
      '%',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 8 }), (said) => {
        const target = read(said.join(''));
        if (target.kind === 'refused') return;
        expect(target.path.startsWith('/')).toBe(true);
        expect(new URL(said.join(''), 'https://api.example.com/v1/sse?team=a').origin).toBe('https://api.example.com');
      }),
      { seed: 20_261_120, numRuns: 2000 },
    );
  });
});
