import { refusals, type AuditRecord } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.ts';
import { requireReason, targetMatcher } from './audit.ts';

describe('a target to search for', () => {
  it('also finds names that led nowhere, as they were asked for', () => {
    const isTarget = targetMatcher('files.*');
    const about = (target: object) => isTarget({ target } as AuditRecord);
    expect(about({ kind: 'tool', upstream: 'files', name: 'read' })).toBe(true);
    expect(about({ kind: 'tool', name: 'files__ehco' })).toBe(true);
    expect(about({ kind: 'tool', name: 'notes__ehco' })).toBe(false);
    expect(about({ kind: 'tool', upstream: 'notes', name: 'files__read' })).toBe(false);
  });
});

describe('a reason to search for', () => {
  it('is the name of a refusal', () => {
    for (const name of Object.keys(refusals)) expect(() => requireReason(name)).not.toThrow();
  });

  it('is refused as wrong usage, with the names that there are, when nothing can have it', () => {
    let failure: unknown;
    try {
      requireReason('forbiden');
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ exitCode: 2, way: expect.stringContaining('did you mean forbidden?') as unknown });
    expect(failure).toMatchObject({ way: expect.stringContaining('caller-blocked, cancelled') as unknown });
  });
});
