import { describe, expect, it } from 'vitest';
import { challengedScopes, readChallenge, readScopes } from './challenge.ts';

describe('a challenge', () => {
  it('says why, for what, and where to read on', () => {
    const header = 'Bearer error="insufficient_scope", scope="a b:c", resource_metadata="https://a.example/x?y=1,2"';
    expect(readChallenge(header)).toEqual({
      error: 'insufficient_scope',
      scopes: ['a', 'b:c'],
      resourceMetadata: 'https://a.example/x?y=1,2',
    });
  });

  it.each([
    ['Basic realm="x", Bearer scope=a', ['a']],
    ['BEARER scope = "a  a b"', ['a', 'b']],
    ['Bearer', []],
    ['Basic realm="Bearer scope=evil"', []],
    ['Bearer scope="a", scope="b"', ['a']],
    ['Bearer scope="a\\"b"', []],
    ['', []],
  ])('is read as it stands: %s', (header, scopes) => {
    expect(challengedScopes(header)).toEqual(scopes);
  });

  it('takes no time, whatever stands in it', () => {
    for (const header of [
      'Bearer ' + 'a='.repeat(2000),
      'Bearer ' + '"'.repeat(4000),
      'Bearer a="' + '\\'.repeat(4000),
    ]) {
      expect(challengedScopes(header)).toEqual([]);
    }
  });

  it('names no more scopes than anybody needs', () => {
    expect(readScopes(Array.from({ length: 500 }, (_, at) => `s${at}`).join(' '))).toHaveLength(64);
    expect(readScopes(`a "b" c\\d ${'x'.repeat(300)} e`)).toEqual(['a', 'e']);
  });
});
