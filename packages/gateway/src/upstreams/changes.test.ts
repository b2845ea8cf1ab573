import { readMessage, type Message } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changedList, changeFilter, followChanges } from './changes.ts';
import { FakeLink, fakePorts } from './fakes.ts';
import { linkFailure, type LinkAnswer, type LinkListener, type LinkRequest } from './link.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const notification = (method: string): Message => {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', method })));
  if (reading.kind === 'fault') throw new Error(reading.fault.name);
  return reading.message;
};

/** A link whose requests are settled by the test. */
class ListenedLink extends FakeLink {
  readonly listeners: LinkListener[] = [];
  readonly settle: ((answer: LinkAnswer) => void)[] = [];

  override request(request: LinkRequest, listener?: LinkListener): Promise<LinkAnswer> {
    this.requests.push(request);
    if (listener !== undefined) this.listeners.push(listener);
    return new Promise((resolve) => {
      this.settle.push(resolve);
    });
  }
}

const broken: LinkAnswer = { kind: 'failure', failure: linkFailure('unreachable', 'It broke.') };

describe('the lists of an upstream', () => {
  it('are named by their notifications and by the capabilities that can change', () => {
    expect(changedList(notification('notifications/prompts/list_changed'))).toBe('prompts');
    expect(changedList(notification('notifications/progress'))).toBeUndefined();
    expect(changeFilter({ tools: { listChanged: true }, prompts: {}, resources: { listChanged: true } })).toEqual({
      toolsListChanged: true,
      resourcesListChanged: true,
    });
    expect(changeFilter({ tools: {} })).toBeUndefined();
  });

  it('are followed on a listen stream of a modern server, and reported again after a break', async () => {
    const link = new ListenedLink('modern', ['2026-07-28']);
    const changed: string[] = [];
    followChanges(link, { name: 's', version: '0' }, fakePorts(), (kind) => changed.push(kind));
    expect(link.requests[0]).toMatchObject({ method: 'subscriptions/listen', timeoutMs: Infinity });
    expect(JSON.parse(Buffer.from(link.requests[0]?.params ?? []).toString())).toMatchObject({
      notifications: { toolsListChanged: true },
    });
    link.listeners[0]?.onMessage(notification('notifications/subscriptions/acknowledged'));
    expect(changed).toEqual([]);
    link.listeners[0]?.onMessage(notification('notifications/tools/list_changed'));
    expect(changed).toEqual(['tools']);
    link.settle[0]?.(broken);
    await vi.advanceTimersByTimeAsync(1000);
    link.listeners[1]?.onMessage(notification('notifications/subscriptions/acknowledged'));
    expect(changed).toEqual(['tools', 'tools']);
  });

  it('are no longer followed once told so, or when the server does not offer it', async () => {
    const link = new ListenedLink('modern', ['2026-07-28']);
    const stop = followChanges(link, {}, fakePorts(), () => {});
    stop();
    expect(link.requests[0]?.cancellation.isCancelled).toBe(true);
    link.settle[0]?.(broken);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(link.requests).toHaveLength(1);
    followChanges(new FakeLink('legacy'), {}, fakePorts(), () => {});
  });
});
