import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.ts';
import { blockTarget } from './block.ts';

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
