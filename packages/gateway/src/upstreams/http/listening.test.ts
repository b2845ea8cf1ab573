import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeHttpClient, fakePorts, type Dispatched } from '../fakes.ts';
import { defaultTuning } from '../options.ts';
import type { EventGetEnd } from './event-get.ts';
import { Listening, type ListeningOptions } from './listening.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort: () => {},
  pause: () => {},
  resume: () => {},
};

const listen = (options: Partial<ListeningOptions> = {}) => {
  const sent: Dispatched[] = [];
  const messages: string[] = [];
  const givenUp: EventGetEnd[] = [];
  const client = fakeHttpClient((dispatched) => sent.push(dispatched));
  const listening = new Listening({
    endpoint: {
      name: 'files',
      url: 'http://127.0.0.1/mcp',
      path: '/mcp',
      calls: client,
      notices: client,
      streams: client,
      headers: [],
      credentials: [],
      redact: (text) => text,
      tuning: defaultTuning,
      bounds: {},
      ports: fakePorts(),
    },
    headers: () => ['accept', 'text/event-stream'],
    onMessage: (bytes) => messages.push(Buffer.from(bytes).toString()),
    onGivenUp: (end) => givenUp.push(end),
    ...options,
  });
  listening.start();
  const answer = (status: number, type?: string): void => {
    sent.at(-1)?.handler.onResponseStart?.(controller, status, type === undefined ? {} : { 'content-type': type });
  };
  const write = (text: string): void => sent.at(-1)?.handler.onResponseData?.(controller, Buffer.from(text));
  const end = (): void => sent.at(-1)?.handler.onResponseEnd?.(controller, {});
  return { listening, sent, messages, givenUp, answer, write, end };
};

describe('a stream of events that comes back', () => {
  it('resumes after a break from the last event, no sooner than the server wishes', () => {
    const { sent, messages, answer, write, end } = listen();
    answer(200, 'text/event-stream; charset=utf-8');
    write('id: 7\nretry: 3000\ndata: one\n\n');
    end();
    expect(messages).toEqual(['one']);
    vi.advanceTimersByTime(2999);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.options.headers).toEqual(['accept', 'text/event-stream', 'last-event-id', '7']);
  });

  it('says once when the first connection was answered, also when it was refused', () => {
    let count = 0;
    const { answer, end } = listen({ onFirst: () => (count += 1) });
    expect(count).toBe(0);
    answer(200, 'text/event-stream');
    end();
    expect(count).toBe(1);
    const refused = listen({ onFirst: () => (count += 1) });
    refused.answer(405);
    expect(count).toBe(2);
  });

  it('does not pass events of other types on', () => {
    const { messages, answer, write } = listen();
    answer(200, 'text/event-stream');
    write('event: endpoint\ndata: /elsewhere\n\ndata: \n\n');
    expect(messages).toEqual([]);
  });

  it.each([400, 404, 405, 406])('gives up when the server refuses it with %i', (status) => {
    const { sent, givenUp, answer } = listen();
    answer(status);
    vi.advanceTimersByTime(600_000);
    expect(givenUp).toMatchObject([{ status, isStream: false }]);
    expect(sent).toHaveLength(1);
  });

  it('tries again, less and less often, while the server is in trouble', () => {
    const { sent, givenUp, answer } = listen();
    const times: number[] = [];
    for (let ms = 0; ms < 20_000; ms += 250) {
      if (sent.length > times.length) {
        times.push(ms);
        answer(503);
      }
      vi.advanceTimersByTime(250);
    }
    expect(times).toEqual([0, 250, 750, 1750, 3750, 7750, 15_750]);
    expect(givenUp).toEqual([]);
  });

  it('gives up after as many breaks without an event as it was given', () => {
    const { givenUp, answer } = listen({ maxFailures: 2 });
    for (let round = 0; round < 3; round += 1) {
      answer(503);
      vi.advanceTimersByTime(60_000);
    }
    expect(givenUp).toHaveLength(1);
  });

  it('is silent once stopped', () => {
    const { listening, sent, messages, answer, write, end } = listen();
    answer(200, 'text/event-stream');
    listening.stop();
    write('data: late\n\n');
    end();
    vi.advanceTimersByTime(600_000);
    expect(messages).toEqual([]);
    expect(sent).toHaveLength(1);
  });
});
