import { describe, expect, it } from 'vitest';
import { createRedaction } from './redact.ts';

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
