import { describe, expect, it } from 'vitest';
import { createCanceller } from './cancellation.ts';

describe('a canceller', () => {
  it('is not cancelled until somebody cancels it', () => {
    const canceller = createCanceller();
    expect([canceller.isCancelled, canceller.reason]).toEqual([false, undefined]);
    canceller.cancel('gone');
    expect([canceller.isCancelled, canceller.reason]).toEqual([true, 'gone']);
  });

  it('tells every listener once, with the first reason', () => {
    const canceller = createCanceller();
    const heard: string[] = [];
    canceller.subscribe((reason) => heard.push(`a ${reason}`));
    canceller.subscribe((reason) => heard.push(`b ${reason}`));
    canceller.cancel('first');
    canceller.cancel('second');
    expect(heard).toEqual(['a first', 'b first']);
    expect(canceller.reason).toBe('first');
  });

  it('tells a late listener at once', () => {
    const canceller = createCanceller();
    canceller.cancel('gone');
    const heard: string[] = [];
    const forget = canceller.subscribe((reason) => heard.push(reason));
    expect(heard).toEqual(['gone']);
    expect(() => forget()).not.toThrow();
  });

  it('says nothing to a listener that has been forgotten, and still tells the others', () => {
    const canceller = createCanceller();
    const heard: string[] = [];
    const forget = canceller.subscribe(() => heard.push('a'));
    canceller.subscribe(() => heard.push('b'));
    forget();
    forget();
    canceller.cancel('gone');
    expect(heard).toEqual(['b']);
  });

  it('can be subscribed to from within a listener', () => {
    const canceller = createCanceller();
    const heard: string[] = [];
    canceller.subscribe(() => canceller.subscribe((reason) => heard.push(reason)));
    canceller.cancel('gone');
    expect(heard).toEqual(['gone']);
  });
});
