import { createCanceller } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePorts, fakeSpawn, type FakeChild } from '../fakes.ts';
import { defaultTuning } from '../options.ts';
import { describe as describeFailure } from '../supervisor.ts';
import { createStdioTransport } from './open.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const begin = (onSpawn: (child: FakeChild) => void) => {
  const ports = fakePorts({ spawn: fakeSpawn(onSpawn) });
  const options = { kind: 'stdio' as const, command: ['server'] as const, env: {}, cwd: '/' };
  const transport = createStdioTransport(options, ports, () => {});
  const open = {
    name: 'files',
    tuning: { ...defaultTuning, probeMs: 100, handshakeMs: 1000, stopMs: 100 },
    clientCapabilities: {},
    clientInfo: {},
    ask: [],
    isShared: true,
    cancellation: createCanceller(),
    onEvent: () => {},
  };
  return transport.open(open, 'probe');
};

describe('a local server that cannot be opened', () => {
  it('is told of with its exit and its last words, which are not for callers', async () => {
    const opening = begin((child) => {
      child.stderr.push('npm error code SELF_SIGNED_CERT_IN_CHAIN\n');
      setTimeout(() => child.exit({ code: 1 }), 10);
    });
    await vi.advanceTimersByTimeAsync(1000);
    const outcome = await opening;
    if (outcome.kind !== 'failure') expect.fail('it opened');
    expect(describeFailure(outcome.failure)).toBe(
      'files stopped before its answer. (exit code 1: SELF_SIGNED_CERT_IN_CHAIN)',
    );
    expect(outcome.failure).toMatchObject({ text: 'files stopped before its answer.', detail: 'exit code 1' });
  });

  it('is told of with its last words when it never answers', async () => {
    const opening = begin((child) => void child.stderr.push('waiting for the network\n'));
    await vi.advanceTimersByTimeAsync(5000);
    expect(await opening).toMatchObject({ failure: { reason: 'bad-answer', words: 'waiting for the network' } });
  });
});
