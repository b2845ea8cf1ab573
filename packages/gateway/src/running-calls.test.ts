import { createCanceller, type Blocks, type Intended } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { createRunningCalls, stopReasons } from './running-calls.ts';

const blocking = (...blocked: string[]): Blocks => ({ isBlocked: (kind, name) => blocked.includes(`${kind} ${name}`) });
const nobody = (): boolean => false;

function call(id: string, key: string, kind = 'request'): Intended {
  const [upstream] = key.split('.');
  const target = { kind: 'tool', upstream, name: key, key };
  return { message: { kind }, principal: { id }, target, cancellation: createCanceller() } as unknown as Intended;
}

describe('calls that run', () => {
  it.each([
    ['their caller', 'caller key:ada', stopReasons.caller],
    ['their tool', 'tool files.write', stopReasons.target],
    ['their server', 'upstream files', stopReasons.target],
  ])('are stopped by a block of %s, and no others', (_, blocked, reason) => {
    const calls = createRunningCalls();
    const own = call('key:ada', 'files.write');
    const others = call('key:eve', 'notes.read');
    calls.add(own);
    calls.add(others);
    calls.stop(blocking(blocked), nobody);
    expect([own.cancellation.reason, others.cancellation.reason]).toEqual([reason, undefined]);
  });

  it('are stopped when the key of their caller is revoked', () => {
    const calls = createRunningCalls();
    const own = call('key:ada', 'files.write');
    calls.add(own);
    calls.stop(blocking(), (principal) => principal === 'key:ada');
    expect(own.cancellation.reason).toBe(stopReasons.credential);
  });

  it('are forgotten when they end, and notifications are none', () => {
    const calls = createRunningCalls();
    const own = call('key:ada', 'files.write');
    calls.add(own);
    calls.add(call('key:ada', 'files.write', 'notification'));
    expect(calls.size).toBe(1);
    calls.forget(own);
    calls.stop(blocking('caller key:ada'), nobody);
    expect([calls.size, own.cancellation.reason]).toEqual([0, undefined]);
  });
});
