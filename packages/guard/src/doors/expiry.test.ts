import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { atExpiry } from './expiry.ts';

describe('the end of a credential', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const clock = { now: () => Date.now() };

  it('ends what was opened with it, to the millisecond', () => {
    const end = vi.fn();
    atExpiry(200_001, clock, end);
    vi.advanceTimersByTime(200_000);
    expect(end).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(end).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1_000_000);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('ends at once what should have ended', () => {
    const end = vi.fn();
    atExpiry(0, clock, end);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('never comes for a credential that has none, or once it is forgotten', () => {
    const end = vi.fn();
    atExpiry(undefined, clock, end);
    atExpiry(1000, clock, end)();
    vi.advanceTimersByTime(10_000);
    expect(end).not.toHaveBeenCalled();
  });
});
