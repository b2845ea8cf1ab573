import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.ts';
import { realTimers } from './ports.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const watch = () => {
  const told: string[] = [];
  const heartbeat = new Heartbeat(realTimers, 1000, {
    onQuiet: () => void told.push('quiet'),
    onDead: () => void told.push('dead'),
  });
  heartbeat.start();
  return { heartbeat, told };
};

describe('a heartbeat', () => {
  it('asks after a quiet time, and gives up after another without an answer, once', () => {
    const { told } = watch();
    vi.advanceTimersByTime(1999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(['quiet']);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual(['quiet', 'dead']);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual(['quiet', 'dead']);
  });

  it('goes on for as long as anything comes, asked for or not', () => {
    const { heartbeat, told } = watch();
    for (let round = 0; round < 10; round += 1) {
      heartbeat.heard();
      vi.advanceTimersByTime(1000);
    }
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual(['quiet']);
    heartbeat.heard();
    vi.advanceTimersByTime(1000);
    expect(told).toEqual(['quiet']);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual(['quiet', 'quiet']);
  });

  it('is silent once stopped', () => {
    const { heartbeat, told } = watch();
    heartbeat.stop();
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
  });
});
