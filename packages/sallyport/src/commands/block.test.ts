import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.ts';
import { blockTarget, findIssuerDoubt, requireIssuer } from './block.ts';

const config = { upstreams: [{ name: 'notes' }, { name: 'web' }] } as unknown as Parameters<typeof blockTarget>[1];

const fault = (words: string): string | undefined => {
  try {
    blockTarget(words, config);
    return undefined;
  } catch (error) {
    return error instanceof Failure && error.exitCode === 2 ? `${error.message} — ${error.way}` : 'no usage failure';
  }
};

describe('what a word names to block', () => {
  it.each([
    ['key:ci', { kind: 'caller', subject: 'key:ci' }],
    ['anonymous', { kind: 'caller', subject: 'anonymous' }],
    ['notes', { kind: 'upstream', subject: 'notes' }],
    ['notes.read', { kind: 'tool', subject: 'notes.read' }],
    ['notes.*', { kind: 'tool', subject: 'notes.*' }],
    ['*.delete_*', { kind: 'tool', subject: '*.delete_*' }],
    ['key:ci-*', { kind: 'caller', subject: 'key:ci-*' }],
    ['jwt:https://login.example|*', { kind: 'caller', subject: 'jwt:https://login.example|*' }],
    ['n*', { kind: 'tool', subject: 'n*' }],
  ])('%s', (words, target) => {
    expect(blockTarget(words, config)).toEqual(target);
  });

  it('is refused when it would stop nothing', () => {
    expect(fault('nothere.*')).toContain('matches no tool of any upstream');
    expect(fault('nothere.read')).toContain('names no caller, tool or upstream');
    expect(fault('notes.')).toContain('names no caller, tool or upstream');
    expect(fault('key:a\\b*')).toContain('key:ci-*');
    expect(fault('Notes.*')).toContain('cannot begin a server name');
  });
});

describe('a block of who holds a token', () => {
  const callers = { jwt: [{ issuer: 'https://login.example.com' }] } as unknown as Parameters<
    typeof findIssuerDoubt
  >[1]['callers'];
  const subject = (name: string) => ({ kind: 'caller', subject: name }) as const;

  it('is refused without the issuer, since no caller is called so', () => {
    expect(() => requireIssuer(subject('jwt:ada'), { callers })).toThrow('names nobody');
    for (const name of ['jwt:https://login.example.com|ada', 'jwt:*|ada', 'jwt:*', 'key:ada', 'cert:ada']) {
      expect(() => requireIssuer(subject(name), { callers })).not.toThrow();
    }
  });

  it('is doubted when the issuer is none of the configuration', () => {
    expect(findIssuerDoubt('jwt:https://login.example.com|ada', { callers })).toBeUndefined();
    expect(findIssuerDoubt('jwt:https://login.example.com/|ada', { callers })).toContain(
      'issuers here: https://login.example.com',
    );
    expect(findIssuerDoubt('key:ada', { callers })).toBeUndefined();
  });
});
