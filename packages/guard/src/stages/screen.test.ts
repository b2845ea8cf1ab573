import { describe, expect, it } from 'vitest';
import type { Answer, Invoked } from '../exchange.ts';
import { makeRules, okAnswer, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { screen, screenMessage } from './screen.ts';

function invoked(answer: Answer, message: number): Invoked {
  const rules = makeRules({ limits: { message } });
  return Object.assign(resolved({ rules }), { decision: NO_GRANT_NEEDED, lease: { release: () => undefined }, answer });
}

describe('screen', () => {
  it('lets an answer at the limit pass as it is', () => {
    expect(screen(invoked(okAnswer, okAnswer.body.length))).toMatchObject({ screened: okAnswer });
  });

  it('refuses an answer over the limit, result or error', () => {
    for (const kind of ['result', 'error'] as const) {
      expect(screen(invoked({ ...okAnswer, kind }, okAnswer.body.length - 1))).toMatchObject({
        name: 'answer-too-large',
        fill: { limit: okAnswer.body.length - 1 },
      });
    }
  });
});

describe('screening a message before the answer', () => {
  it('holds it to the same limit', () => {
    expect(screenMessage(new Uint8Array(10), 10)).toBeUndefined();
    expect(screenMessage(new Uint8Array(11), 10)).toMatchObject({ name: 'answer-too-large' });
  });
});
