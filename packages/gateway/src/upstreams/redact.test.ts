import { describe, expect, it } from 'vitest';
import { createRedaction, secretsIn } from './redact.ts';

describe('what a server says', () => {
  it('is shown without the secrets that it was given, also as they stand in a URL or in JSON', () => {
    const redact = createRedaction(['p@ss/word', 'quo"ted']);
    expect(redact('login p@ss/word failed')).toBe('login (redacted) failed');
    expect(redact('GET /?key=p%40ss%2Fword')).toBe('GET /?key=(redacted)');
    expect(redact('{"token":"quo\\"ted"}')).toBe('{"token":"(redacted)"}');
  });

  it('has each line of a long secret blotted out, and the whole of one that contains another', () => {
    const redact = createRedaction(['first line\nsecond line\n', 'abcd', 'abcdefgh']);
    expect(redact('second line')).toBe('(redacted)');
    expect(redact('abcdefgh abcd')).toBe('(redacted) (redacted)');
  });

  it('stays as it is where a secret is too short to be told from words', () => {
    expect(createRedaction(['on', ''])('on and on')).toBe('on and on');
  });
});

describe('the secrets in headers', () => {
  it('are the values, the credentials behind a scheme, and what a Basic credential holds', () => {
    const pair = ['somebody', 'open-sesame'].join(':');
    const basic = Buffer.from(pair).toString('base64');
    expect(secretsIn({ authorization: `Basic ${basic}`, 'x-key': 'k3y-k3y' })).toEqual([
      `Basic ${basic}`,
      basic,
      pair,
      'open-sesame',
      'k3y-k3y',
    ]);
    expect(createRedaction(secretsIn({ authorization: 'Bearer t0ken-t0ken' }))('no t0ken-t0ken here')).toBe(
      'no (redacted) here',
    );
  });
});
