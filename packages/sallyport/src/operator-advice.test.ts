import type { AuditRecord } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { operatorAdvice } from './operator-advice.ts';

const refusedFor = (reason: string): AuditRecord => ({
  v: 1,
  seq: 1,
  time: '2026-08-01T12:04:09.000Z',
  prev: 'p',
  hash: 'h',
  kind: 'refusal',
  outcome: { status: '403', reason },
});

describe('what an operator does about a refusal', () => {
  it.each([
    ['limited: limit of write calls, 5/m', 'Raise limits.effects.write (5/m then), or wait.'],
    [
      'limited: limit of upstream files, 10/s burst 20',
      'Raise limit of upstreams.files (10/s burst 20 then), or wait.',
    ],
    ['limited: limit of the grant files.*, 10/m', "Raise limit of the grant 'files.*' (10/m then), or wait."],
    ['limited: limit of the caller as reader, 10/m', 'Raise limit of role reader (10/m then), or wait.'],
    ['blocked', 'See what is blocked now:  sallyport status'],
    ['caller-blocked', 'See what is blocked now:  sallyport status'],
    ['credential-elsewhere', 'See from where each key may be used:  sallyport keys list'],
  ])('%s', (reason, advice) => {
    expect(operatorAdvice(refusedFor(reason))).toBe(advice);
  });

  it('names the key of the file for a token that was refused', () => {
    const audience = operatorAdvice(refusedFor('bad-credential: aud names none of the audiences here'));
    expect(audience).toContain('audience of the issuer');
    const issuer = operatorAdvice(refusedFor('bad-credential: iss is none of the issuers of the configuration'));
    expect(issuer).toContain('callers.jwt');
  });

  it('is nothing where its caller was told everything', () => {
    expect(operatorAdvice(refusedFor('unavailable: exit 1'))).toBeUndefined();
    expect(operatorAdvice(refusedFor('limited'))).toBeUndefined();
    expect(operatorAdvice(refusedFor('no refusal of ours'))).toBeUndefined();
  });
});
