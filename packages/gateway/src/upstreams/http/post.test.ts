import { createCanceller } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { fakeHttpClient, fakePorts, type Dispatched } from '../fakes.ts';
import type { LinkAnswer } from '../link.ts';
import { Post } from './post.ts';

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

const begin = (messageBytes: number) => {
  const sent: Dispatched[] = [];
  const answers: LinkAnswer[] = [];
  const { clock, timers } = fakePorts();
  const post = new Post(
    {
      name: 'files',
      timers,
      clock,
      messageBytes,
      bounds: {},
      redact: (text) => text,
      onServerRequest: () => {},
      onStreamCut: () => false,
      onAbandoned: () => {},
      onErrorStatus: () => undefined,
    },
    {
      id: 1,
      method: 'tools/call',
      params: undefined,
      timeoutMs: Infinity,
      maxTimeMs: Infinity,
      cancellation: createCanceller(),
    },
    { onMessage: () => {}, onRequest: () => Promise.reject(new Error('unused')) },
    (answer) => void answers.push(answer),
  );
  post.send(
    fakeHttpClient((dispatched) => sent.push(dispatched)),
    '/mcp',
    [],
    Buffer.from('{}'),
  );
  const [dispatched] = sent;
  if (dispatched === undefined) throw new Error('nothing was sent');
  const { handler } = dispatched;
  handler.onRequestStart?.(controller, {});
  handler.onResponseStart?.(controller, 200, { 'content-type': 'application/json' });
  return {
    answers,
    write: (chunk: Buffer) => handler.onResponseData?.(controller, chunk),
    end: () => handler.onResponseEnd?.(controller, {}),
  };
};

describe('an answer in one piece of JSON', () => {
  const text = '{"jsonrpc":"2.0","id":1,"result":{"words":"as many pieces as bytes"}}';

  it('is gathered without keeping the pieces, however small they are', () => {
    const { answers, write, end } = begin(1000);
    write(Buffer.from(text.slice(0, 1)));
    const piece = Buffer.alloc(1);
    for (const byte of Buffer.from(text.slice(1))) {
      piece[0] = byte;
      write(piece);
    }
    piece[0] = 0;
    end();
    expect(answers).toMatchObject([{ kind: 'answer', message: { kind: 'response', id: 1 } }]);
  });

  it('is refused from the first byte over the bound', () => {
    const { answers, write } = begin(text.length - 1);
    write(Buffer.from(text.slice(0, -1)));
    expect(answers).toEqual([]);
    write(Buffer.from(text.slice(-1)));
    expect(answers).toMatchObject([{ kind: 'failure', failure: { reason: 'too-large' } }]);
  });
});
