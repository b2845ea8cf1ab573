import { describe, expect, it } from 'vitest';
import { findDoubts } from './doubts.ts';

const origin = { file: 'sallyport.yaml', line: 3, column: 5 };
const configOf = (patterns: readonly string[], callers: object = { keys: true }) =>
  ({
    roles: [{ name: 'a', tools: patterns.map((pattern) => ({ pattern, isSubtraction: false, origin })) }],
    callers: { jwt: [], ...callers },
    upstreams: [{ name: 'notes', origin }],
  }) as unknown as Parameters<typeof findDoubts>[0];
const doubts = (...given: Parameters<typeof configOf>) => findDoubts(configOf(...given)).map(({ message }) => message);

describe('what check doubts', () => {
  it('is a pattern that no name of a tool can match', () => {
    expect(doubts(['notes.*', '*', '*.read_*', 'notes.a-b_C.1'])).toEqual([]);
    expect(doubts(['notes.read file'])).toEqual([expect.stringContaining('no tool has " " in its name')]);
    expect(findDoubts(configOf(['*.résumé']))).toMatchObject([{ ...origin, code: 'pattern' }]);
  });

  it('is servers that nobody can reach', () => {
    expect(doubts(['*'], { keys: false })).toEqual([expect.stringContaining('nobody can reach the servers')]);
    expect(doubts(['*'], { keys: false, local: 'a' })).toEqual([]);
    const roles = { claim: {}, map: [] };
    expect(doubts(['*'], { keys: false, jwt: [{ issuer: 'https://a.example', roles, origin }] })).toEqual([]);
    const without = { ...configOf([]), roles: [] };
    expect(findDoubts(without)).toMatchObject([{ message: expect.stringContaining('there are no roles') as unknown }]);
    expect(findDoubts({ ...without, upstreams: [] })).toEqual([]);
  });

  it('is an issuer of tokens that gives nobody a role', () => {
    expect(findDoubts(configOf(['*'], { keys: true, jwt: [{ issuer: 'https://a.example', origin }] }))).toMatchObject([
      { ...origin, message: expect.stringContaining('tokens of https://a.example have no role') as unknown },
    ]);
  });
});
