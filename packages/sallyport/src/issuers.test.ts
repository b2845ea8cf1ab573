import { describe, expect, it } from 'vitest';
import { introspectorRows, introspectorWords } from './issuers.ts';
import { createPaint } from './terminal.ts';

const server = { issuer: 'https://login.example.com', url: 'https://login.example.com/introspect' };

describe('the server that is asked about opaque tokens', () => {
  it('has a row where there is one', () => {
    const paint = createPaint(false);
    expect(introspectorRows(undefined, paint)).toEqual([]);
    expect(introspectorRows(server, paint)).toEqual([
      ['Tokens', 'https://login.example.com: opaque tokens are asked about at https://login.example.com/introspect'],
    ]);
  });

  it('says what is wrong, on one line', () => {
    const words = introspectorWords({ ...server, trouble: 'introspection failed (timeout): no\nanswer' });
    expect(words).toContain('cannot be judged: introspection failed (timeout)');
    expect(words).not.toContain('\n');
  });
});
