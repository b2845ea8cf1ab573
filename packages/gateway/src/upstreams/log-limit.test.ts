import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts } from './fakes.ts';
import { LogLimit } from './log-limit.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const create = () => {
  const lines: string[] = [];
  return { lines, limit: new LogLimit(({ level, text }) => lines.push(`${level} ${text}`), fakePorts()) };
};

describe('the log of a server', () => {
  it('holds so many lines of a kind in a second, then how many there were besides', () => {
    const { lines, limit } = create();
    for (let line = 0; line < 20_000; line += 1) limit.log('dropped', 'warning', `junk ${line}`);
    expect(lines).toHaveLength(20);
    vi.advanceTimersByTime(1000);
    expect(lines.slice(20)).toEqual(['warning (19980 more such lines were left out)']);
    limit.log('dropped', 'warning', 'later');
    expect(lines.at(-1)).toBe('warning later');
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(22);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps a place for each kind', () => {
    const { lines, limit } = create();
    for (let line = 0; line < 100; line += 1) limit.log('stderr', 'stderr', 'noise');
    limit.log('failed', 'warning', 'it stopped');
    expect(lines.at(-1)).toBe('warning it stopped');
  });

  it('holds nothing that moves the cursor, turns the writing or fills the disk', () => {
    const { lines, limit } = create();
    limit.log('refused', 'warning', `refused evil/\u001b]0;x\u0007\u202e\nforged\tline ${'x'.repeat(100_000)}`);
    expect(lines[0]).toMatch(/^warning refused evil\/ ]0;x forged\tline x+$/);
    expect(lines[0]?.length).toBeLessThan(9000);
  });
});
