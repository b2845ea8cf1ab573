import { createCanceller } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts, fakeSpawn } from '../fakes.ts';
import { defaultTuning } from '../options.ts';
import { StdioChannel } from './channel.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param isMessage what is taken for a message */
const hear = async (isMessage: (line: string) => boolean) => {
  const heard: string[] = [];
  const child = fakeSpawn(() => {})({ program: 'server', args: [], env: {}, cwd: '/', mark: 'm' });
  const channel = new StdioChannel(
    child,
    {
      name: 'files',
      tuning: { ...defaultTuning, messageBytes: 1000, stopMs: 100 },
      clientCapabilities: {},
      clientInfo: {},
      ask: [],
      isShared: true,
      cancellation: createCanceller(),
      onEvent: () => {},
    },
    fakePorts(),
  );
  await channel.open({
    onMessage: (bytes) => {
      const line = Buffer.from(bytes).toString();
      heard.push(line);
      return isMessage(line);
    },
    onDropped: () => {},
    onQuiet: () => {},
    onEnd: () => void heard.push('(end)'),
  });
  return { child, heard };
};

const lines = (count: number): string => Array.from({ length: count }, (_, index) => `${index}\n`).join('');

describe('the lines of a local server', () => {
  it('are taken 128 a turn, in order, and none is lost', async () => {
    const { child, heard } = await hear(() => true);
    child.stdout.emit('data', Buffer.from(lines(300)));
    expect(heard).toHaveLength(128);
    expect(child.stdout.isPaused()).toBe(true);
    vi.advanceTimersToNextTimer();
    expect(heard).toHaveLength(256);
    vi.advanceTimersToNextTimer();
    expect(heard).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
    expect(child.stdout.isPaused()).toBe(false);
  });

  it('count over all pieces, so that no piece is a way around', async () => {
    const { child, heard } = await hear(() => true);
    child.stdout.emit('data', Buffer.from(lines(127)));
    expect(child.stdout.isPaused()).toBe(false);
    child.stdout.emit('data', Buffer.from(lines(2)));
    expect(child.stdout.isPaused()).toBe(true);
    expect(heard).toHaveLength(128);
  });

  it('wait for longer when most of them are no messages', async () => {
    const { child, heard } = await hear(() => false);
    child.stdout.emit('data', Buffer.from(lines(300)));
    vi.advanceTimersByTime(9);
    expect(heard).toHaveLength(128);
    vi.advanceTimersByTime(1);
    expect(heard).toHaveLength(256);
  });

  it('are heard no more once the server is gone', async () => {
    const { child, heard } = await hear(() => false);
    child.stdout.emit('data', Buffer.from(lines(300_000)));
    child.exit();
    await vi.advanceTimersByTimeAsync(1000);
    const { length } = heard;
    expect(heard.at(-1)).toBe('(end)');
    await vi.advanceTimersByTimeAsync(1000);
    expect(heard).toHaveLength(length);
  });
});
