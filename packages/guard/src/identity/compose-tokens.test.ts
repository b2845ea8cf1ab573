import { describe, expect, it } from 'vitest';
import { received } from '../exchange.fixture.ts';
import type { TokenFault, TokenHolder, Tokens } from '../ports.ts';
import { composeTokens } from './compose-tokens.ts';

const holder: TokenHolder = { kind: 'jwt', id: 'jwt:i|ada', roles: ['reader'] };
const answering = (outcome: TokenHolder | TokenFault, isLate = false): Tokens & { asked: number } => ({
  asked: 0,
  verify() {
    this.asked += 1;
    return isLate ? Promise.resolve(outcome) : outcome;
  },
});
const other = (note = 'not mine'): TokenFault => ({ fault: 'unknown-kind', note });

describe('composeTokens', () => {
  it('asks the next verifier only where one does not know the kind', async () => {
    const second = answering(holder);
    expect(composeTokens([answering(other()), second]).verify('t', received())).toBe(holder);
    expect(await composeTokens([answering(other(), true), second]).verify('t', received())).toBe(holder);
    expect(second.asked).toBe(2);
  });

  it.each(['invalid', 'expired', 'unavailable'] as const)('takes the word %s of a verifier for the last', (fault) => {
    const second = answering(holder);
    const outcome = composeTokens([answering({ fault, note: 'no' }), second]).verify('t', received());
    expect(outcome).toEqual({ fault, note: 'no' });
    expect(second.asked).toBe(0);
  });

  it('answers without a promise where the verifier does', () => {
    expect(composeTokens([answering(holder)]).verify('t', received())).toBe(holder);
  });

  it('refuses what nobody knows, with the reason of the first', () => {
    const composed = composeTokens([answering(other('first')), answering(other('second'))]);
    expect(composed.verify('t', received())).toEqual(other('first'));
    expect(composeTokens([]).verify('t', received())).toMatchObject({ fault: 'unknown-kind' });
  });
});
