import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts, fakeSpawn, type FakeChild } from './fakes.ts';
import { createUpstream } from './upstream.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Answers handshakes like a server of one era. */
const behave = (child: FakeChild, era: 'modern' | 'legacy'): void => {
  child.stdin.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n').filter(Boolean)) {
      const { id, method } = JSON.parse(line) as { id?: number; method: string };
      if (id === undefined) continue;
      const isModern = method === 'server/discover';
      const result = isModern
        ? { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} }
        : { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} };
      const code = isModern ? -32_601 : -32_022;
      if (isModern === (era === 'modern')) child.say({ jsonrpc: '2.0', id, result });
      else child.say({ jsonrpc: '2.0', id, error: { code, message: 'No.' } });
    }
  });
  child.stdin.on('finish', () => child.exit());
};

const start = async (eras: readonly ('modern' | 'legacy')[]) => {
  const children: FakeChild[] = [];
  const spawn = fakeSpawn((child) => {
    behave(child, eras[Math.min(children.length, eras.length - 1)] ?? 'legacy');
    children.push(child);
  });
  const upstream = createUpstream(
    {
      name: 'files',
      transport: { kind: 'stdio', command: ['server'], env: {}, cwd: '/' },
      share: 'caller',
      tuning: { verdictMs: 60_000, stopMs: 100, idleMs: 3_600_000 },
    },
    fakePorts({ spawn }),
    { name: 'test' },
  );
  upstream.start();
  await vi.advanceTimersByTimeAsync(0);
  const acquire = async (scope: string) => {
    const opening = upstream.acquire({ era: 'modern', scope, owner: scope, clientCapabilities: {} });
    await vi.advanceTimersByTimeAsync(1000);
    const opened = await opening;
    return opened.kind === 'open' ? opened.link.era : opened.failure.text;
  };
  const methods = (index: number): unknown[] =>
    (children[index]?.lines ?? []).map((line) => (JSON.parse(line) as { method: string }).method);
  return { upstream, children, acquire, methods };
};

describe('what is known of the era of a local program', () => {
  it('spares its next process the question, for as long as it holds', async () => {
    const { upstream, acquire, methods } = await start(['legacy']);
    expect(methods(0)).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    expect(await acquire('key:a')).toBe('legacy');
    expect(methods(1)).toEqual(['initialize', 'notifications/initialized']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await acquire('key:b')).toBe('legacy');
    expect(methods(2)).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    void upstream.stop();
    await vi.advanceTimersByTimeAsync(1000);
  });

  it('is corrected when the program was replaced by one of the other era', async () => {
    const { upstream, acquire, methods } = await start(['legacy', 'modern']);
    expect(await acquire('key:a')).toBe('modern');
    expect([methods(1), methods(2)]).toEqual([['initialize'], ['server/discover']]);
    expect(await acquire('key:b')).toBe('modern');
    expect(methods(3)).toEqual(['server/discover']);
    void upstream.stop();
    await vi.advanceTimersByTimeAsync(1000);
  });
});
