import { describe, expect, it } from 'vitest';
import { whyAbsent } from './running.ts';

const status = { name: 'boom', state: 'ready', lastError: undefined, stderr: [] } as const;

describe('why a tool cannot be called', () => {
  it('is that its server does not list it, with the name that was meant', () => {
    expect(whyAbsent({ status, tools: ['echo', 'add'] }, 'ehco')).toBe('boom lists no tool ehco; did you mean echo?');
    expect(whyAbsent({ status, tools: ['add'] }, 'something')).toBe('boom lists no tool something');
  });

  it('is that its server is sick, with the reason and its last words', () => {
    const sick = {
      ...status,
      state: 'sick',
      lastError: 'boom ended with exit code 3',
      stderr: ['no licence'],
    } as const;
    expect(whyAbsent({ status: sick }, 'echo')).toBe('boom is sick: ended with exit code 3; it last said: no licence');
    expect(whyAbsent({ status: { ...status, state: 'starting' } }, 'echo')).toBe('boom is starting');
  });

  it('is nothing when it is listed, or its list is not known', () => {
    expect(whyAbsent({ status, tools: ['echo'] }, 'echo')).toBeUndefined();
    expect(whyAbsent({ status }, 'echo')).toBeUndefined();
  });
});
