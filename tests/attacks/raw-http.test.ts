/** Raw requests at the HTTP door: smuggling, bad framing, odd request lines and headers. */

import { join } from 'node:path';
import {
  corpusOrSkip,
  LegacySession,
  readJsonl,
  sendRaw,
  startGateway,
  startRecordingUpstream,
} from '@sallyport/testkit';
import type { Gateway, RawExchange, RecordingUpstream } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawAnswer, rawAnswers } from './raw-http.policy.ts';

interface RawCase {
  readonly name: string;
  /** Bytes as latin1. */
  readonly raw: string;
  readonly expect: string;
}

const corpus = corpusOrSkip('http');
const cases = corpus.isHere ? readJsonl<RawCase>(join(corpus.path, 'raw-requests.jsonl')) : [];

let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startGateway({
    config: {
      callers: { anonymous: 'everyone', keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '1000/m' },
      upstreams: { rec: { url: upstream.url } },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
}, 60_000);

/** `gw` stands for the Host that is served. */
async function send({ raw }: RawCase): Promise<RawExchange> {
  const bytes = raw.replaceAll('Host: gw\r\n', `Host: ${gateway.host}:${gateway.port}\r\n`);
  return sendRaw(gateway.host, gateway.port, bytes);
}

function statuses({ responses }: RawExchange): number[] {
  return responses.map(({ status }) => status);
}

describe.skipIf(!corpus.isHere)('raw HTTP requests', () => {
  it('are 154, and every open one has a line in the table', () => {
    expect(cases).toHaveLength(154);
    const decided = new Set(['accept', 'reject', '415', 'two-answers-in-order']);
    const open = cases.filter((each) => !decided.has(each.expect));
    expect(open).toHaveLength(154 - 4 - 71 - 10 - 1);
    expect(open.filter(({ name }) => rawAnswer(name) === undefined)).toEqual([]);
    expect(Object.values(rawAnswers).filter(({ reason }) => reason === '')).toEqual([]);
  });

  it.each(cases.filter((each) => each.expect === 'accept'))('accepts $name', async (each) => {
    const exchange = await send(each);
    expect(statuses(exchange)).toEqual([200]);
    expect(exchange.responses[0]?.body).toContain('"result"');
  });

  it.concurrent.each(cases.filter((each) => each.expect === 'reject'))(
    '[http-requests] rejects $name',
    async (each) => {
      const exchange = await send(each);
      // One refusal and an end: what followed was never taken for a request.
      expect(exchange.responses).toHaveLength(1);
      expect([400, 408, 413, 431]).toContain(exchange.responses[0]?.status);
      if (!each.name.includes('never-ending')) expect(exchange.isClosedByPeer).toBe(true);
    },
  );

  it.each(cases.filter((each) => each.expect === '415'))('answers 415 to $name', async (each) => {
    expect(statuses(await send(each))).toEqual([415]);
  });

  it('answers two requests on one connection in order', async () => {
    const pipelined = cases.filter((each) => each.expect === 'two-answers-in-order');
    expect(pipelined).toHaveLength(1);
    for (const each of pipelined) {
      const body = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
      const numbered = each.raw.replace(body(1), body(7));
      const { responses } = await send({ ...each, raw: numbered });
      expect(responses.map(({ status }) => status)).toEqual([200, 200]);
      expect(responses.map(({ body: text }) => /"id":(\d)/.exec(text)?.[1])).toEqual(['7', '1']);
    }
  });

  const open = cases.filter((each) => rawAnswer(each.name) !== undefined);

  it.concurrent.each(open)('[http-requests] answers from the table to $name', async (each) => {
    expect(statuses(await send(each))).toEqual(rawAnswer(each.name)?.statuses);
  });

  it('[http-requests] lets nothing through to the upstream, and is alive afterwards', async () => {
    expect(upstream.of('ping')).toEqual([]);
    expect(upstream.of('tools/call')).toEqual([]);
    expect(upstream.requests.filter(({ path }) => path !== '/mcp')).toEqual([]);
    const session = await LegacySession.open(`${gateway.url}/rec`);
    const answer = await session.request('tools/call', { name: 'echo', arguments: {} });
    expect(answer.response?.result).toBeDefined();
  });
});
