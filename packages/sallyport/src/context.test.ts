import { describe, expect, it } from 'vitest';
import { withFiles } from './context.ts';

describe('a suggested command', () => {
  it('is about the files that were named', () => {
    expect(withFiles('see it:  sallyport status', ['team.yaml'])).toBe('see it:  sallyport status -c team.yaml');
    expect(withFiles('make one:  sallyport keys create --name ci --role reader', ['a.yaml', 'my b.yaml'])).toBe(
      "make one:  sallyport keys create -c a.yaml -c 'my b.yaml' --name ci --role reader",
    );
  });

  it('stays as it is without any, or where it names them', () => {
    expect(withFiles('see it:  sallyport status', [])).toBe('see it:  sallyport status');
    const named = 'see:  sallyport explain -c team.yaml x7Qe';
    expect(withFiles(named, ['team.yaml'])).toBe(named);
    expect(withFiles('install it, or write its full path', ['team.yaml'])).toBe('install it, or write its full path');
  });
});
