import { createCanceller } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  beginSession,
  intended,
  jsonOf,
  makeStream,
  makeWorld,
  messageOf,
  settle,
  tool,
  type RequestSpec,
  type Script,
} from '../exchange.fixture.ts';
import type { LinkRequest } from '../upstreams/link.ts';
import { mostRounds } from './bounds.ts';
import { forward } from './forward.ts';

const ask = { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object' } } };
const everything = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

/** A legacy caller in a session, a modern server, and what the caller gets and says. */
async function calling(script: Script, capabilities: JsonObject = everything, more: Partial<RequestSpec> = {}) {
  const world = await makeWorld({
    files: { tools: [tool('read')], ask: ['elicitation', 'sampling', 'roots'], script },
  });
  const session = beginSession(world, { capabilities });
  const stream = makeStream();
  const cancellation = createCanceller();
  const exchange = await intended(world, {
    value: { id: 1, method: 'tools/call', params: { name: 'files__read', arguments: { path: 'a' } } },
    era: 'legacy',
    session,
    stream,
    cancellation,
    ...more,
  });
  const answering = forward(exchange, world);
  await settle();
  const reply = async (id: number, body: object): Promise<void> => {
    session.settle(messageOf({ id, ...body }));
    await settle();
  };
  const sent = (): JsonObject[] => stream.sent.map((text) => JSON.parse(text) as JsonObject);
  const requests = (): LinkRequest[] =>
    world.server('files').link.requests.filter(({ method }) => method === 'tools/call');
  return { world, session, cancellation, answering, reply, sent, requests };
}

/** Asks in the first try, then answers with what came back. */
const asking =
  (inputRequests: object | undefined, requestState?: string): Script =>
  ({ params }) => {
    const { inputResponses, requestState: given } = jsonOf(params) as JsonObject;
    if (inputResponses === undefined && given === undefined) {
      return { resultType: 'input_required', inputRequests, requestState };
    }
    return { resultType: 'complete', content: [], structuredContent: { inputResponses, given } };
  };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a modern server that asks a legacy caller', () => {
  it('[any-caller-any-server] has its questions put on the call’s own stream and goes on with the answers and its own state', async () => {
    const { answering, reply, sent, requests } = await calling(
      asking({ name: ask, models: { method: 'roots/list' } }, 'inner'),
    );
    expect(sent()).toEqual([
      { jsonrpc: '2.0', id: 1, ...ask },
      { jsonrpc: '2.0', id: 2, method: 'roots/list' },
    ]);
    await reply(2, { result: { roots: [] } });
    await reply(1, { result: { action: 'accept', content: { name: 'Ada' } } });
    const answer = await answering;
    expect(jsonOf('body' in answer ? answer.body : undefined)).toEqual({
      content: [],
      structuredContent: {
        inputResponses: { name: { action: 'accept', content: { name: 'Ada' } }, models: { roots: [] } },
        given: 'inner',
      },
    });
    const [first, second] = requests();
    expect(second?.id).not.toBe(first?.id);
    expect(jsonOf(second?.params)).toMatchObject({ name: 'read', arguments: { path: 'a' } });
  });

  it('is told what this caller declared, cut to what `ask` allows', async () => {
    const { requests, answering } = await calling(() => ({ content: [] }), {
      elicitation: { url: {}, x: 1 },
      tasks: {},
    });
    await answering;
    const { _meta } = jsonOf(requests()[0]?.params) as { _meta: JsonObject };
    expect(_meta['io.modelcontextprotocol/clientCapabilities']).toEqual({ elicitation: { url: {} } });
  });

  it.each([
    ['a kind that was not declared', {}, { a: ask }],
    ['a form where only pages were declared', { elicitation: { url: {} } }, { a: ask }],
    [
      'a page where only forms were declared',
      { elicitation: {} },
      { a: { ...ask, params: { mode: 'url', url: 'https://a.example/' } } },
    ],
    ['a method that callers do not have', everything, { a: { method: 'tools/call' } }],
    ['one such thing among good ones', { elicitation: {} }, { a: ask, b: { method: 'roots/list' } }],
  ])('is refused %s, and nothing is asked', async (_, capabilities, inputRequests) => {
    const { answering, sent } = await calling(asking(inputRequests), capabilities);
    expect(await answering).toMatchObject({ name: 'cannot-ask' });
    expect(sent()).toEqual([]);
  });

  it.each([
    ['inputRequests that are no object', '[]'],
    ['nothing at all', undefined],
    ['too much at once', Object.fromEntries(Array.from({ length: 17 }, (_x, i) => [`k${i}`, ask]))],
  ])('is refused with %s', async (_, inputRequests) => {
    const { answering, sent } = await calling(asking(inputRequests as object));
    expect(await answering).toMatchObject({ name: 'bad-answer' });
    expect(sent()).toEqual([]);
  });

  it('hears of an error as a cancelled form; what has no such answer ends the call', async () => {
    const form = await calling(asking({ a: ask }));
    await form.reply(1, { error: { code: -1, message: 'no' } });
    const answer = await form.answering;
    expect(jsonOf('body' in answer ? answer.body : undefined)).toMatchObject({
      structuredContent: { inputResponses: { a: { action: 'cancel' } } },
    });
    const sampling = await calling(asking({ a: { method: 'sampling/createMessage', params: { messages: [] } } }));
    await sampling.reply(1, { error: { code: -1, message: 'no' } });
    expect(await sampling.answering).toMatchObject({ name: 'unbridgeable' });
  });

  it('that wants a page visited has it named by an id of ours, and the caller hears when the server has seen it', async () => {
    const page = { method: 'elicitation/create', params: { mode: 'url', url: 'https://a.example/', message: 'Go' } };
    const { answering, reply, sent } = await calling(asking({ a: page }));
    const [question] = sent();
    const { elicitationId } = (question?.['params'] ?? {}) as JsonObject;
    expect(elicitationId).toMatch(/^[\w-]{22}$/);
    await reply(1, { result: { action: 'accept' } });
    await answering;
    expect(sent()[1]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/elicitation/complete',
      params: { elicitationId },
    });
  });

  it('says nothing of a page that the caller declined', async () => {
    const page = { method: 'elicitation/create', params: { mode: 'url', url: 'https://a.example/', message: 'Go' } };
    const { answering, reply, sent } = await calling(asking({ a: page }));
    await reply(1, { result: { action: 'decline' } });
    await answering;
    expect(sent()).toHaveLength(1);
  });

  it('may ask only so often', async () => {
    const again: Script = () => ({ resultType: 'input_required', inputRequests: { a: ask } });
    const { answering, reply, requests } = await calling(again);
    for (let round = 1; round <= mostRounds; round++) await reply(round, { result: { action: 'accept' } });
    expect(await answering).toMatchObject({ name: 'unbridgeable' });
    expect(requests()).toHaveLength(mostRounds + 1);
  });

  it('that only wants to be tried again is given time between the tries', async () => {
    const { answering, requests } = await calling(asking(undefined, 'later'));
    expect(requests()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(250);
    expect(await answering).toMatchObject({ kind: 'result' });
    expect(jsonOf(requests()[1]?.params)).toMatchObject({ requestState: 'later' });
  });

  it('waits for a caller no longer than a round may take, and the question is taken back', async () => {
    const { answering, session, requests } = await calling(asking({ a: ask }));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(await answering).toMatchObject({ name: 'timeout' });
    expect(session.settle(messageOf({ id: 1, result: {} }))).toBe(false);
    expect(requests()).toHaveLength(1);
  });

  it('is not tried again for a caller that has cancelled the call', async () => {
    const { answering, cancellation, requests } = await calling(asking({ a: ask }));
    cancellation.cancel('enough');
    expect(await answering).toMatchObject({ name: 'cancelled' });
    expect(requests()).toHaveLength(1);
  });

  it('hears nothing from another session of the same caller', async () => {
    const { answering, world, reply } = await calling(asking({ a: ask }));
    const other = beginSession(world, { capabilities: everything });
    expect(other.settle(messageOf({ id: 1, result: { action: 'accept', content: { name: 'Eve' } } }))).toBe(false);
    await reply(1, { result: { action: 'accept', content: { name: 'Ada' } } });
    const answer = await answering;
    expect(JSON.stringify(jsonOf('body' in answer ? answer.body : undefined))).toContain('Ada');
  });
});
