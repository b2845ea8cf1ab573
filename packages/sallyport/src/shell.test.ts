import { describe, expect, it } from 'vitest';
import { shellQuote } from './shell.ts';

describe('shellQuote', () => {
  it('quotes what a shell would read otherwise', () => {
    expect(shellQuote('plain-1')).toBe('plain-1');
    expect(shellQuote('')).toBe("''");
    expect(shellQuote('a b')).toBe("'a b'");
    expect(shellQuote('$x')).toBe("'$x'");
    expect(shellQuote("it's")).toBe("'it'\\''s'");
  });
});
