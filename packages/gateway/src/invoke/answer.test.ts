import type { refusals } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  errorAnswer,
  filesPath,
  intended,
  jsonOf,
  makeWorld,
  parsed,
  resultAnswer,
  scriptedLink,
  tool,
  type RequestSpec,
} from '../exchange.fixture.ts';
import { resolveTarget, type GatewayTarget } from '../resolve.ts';
import { linkFailure, type AskKind, type LinkAnswer, type LinkFailureReason } from '../upstreams/link.ts';
import { readAnswer, refuseFailure } from './answer.ts';

const world = await makeWorld({
  files: {
    tools: [tool('read'), tool('listed', { outputSchema: { type: 'array' } })],
    resources: [{ uri: 'file:///a', name: 'a' }],
  },
});
const call: RequestSpec = { value: { id: 1, method: 'tools/call', params: { name: 'files__read', arguments: {} } } };
const read: RequestSpec = { value: { id: 1, method: 'resources/read', params: { uri: 'mcp+files:file:///a' } } };

async function taken(spec: RequestSpec, from: 'modern' | 'legacy', given: LinkAnswer, ask: readonly AskKind[] = []) {
  const exchange = await intended(world, spec);
  const target: GatewayTarget = exchange.target;
  if (given.kind !== 'answer') throw new Error('a failure');
  return readAnswer(given.message, {
    exchange,
    target,
    link: scriptedLink(from, {}, () => ({})),
    ask,
    interim: 2,
    world,
  });
}

const bodyOf = (answer: Awaited<ReturnType<typeof taken>>) =>
  'body' in answer ? Buffer.from(answer.body).toString() : answer.name;

describe('a result', () => {
  it('within one era keeps the server’s bytes', async () => {
    const body = '{ "resultType":"complete","content":[{"type":"text","text":"\\u0061"}] }';
    expect(bodyOf(await taken(call, 'modern', resultAnswer(body)))).toBe(body);
    expect(await taken(call, 'modern', resultAnswer(body))).toMatchObject({
      kind: 'result',
      isToolError: false,
      interim: 2,
    });
  });

  it('says when the tool itself reported a failure', async () => {
    expect(await taken(call, 'modern', resultAnswer('{"content":[],"isError":true}'))).toMatchObject({
      isToolError: true,
    });
    expect(await taken(call, 'modern', resultAnswer('{"content":[],"isError":"true"}'))).toMatchObject({
      isToolError: false,
    });
  });

  it('has its URIs rewritten on /mcp and left alone on the server’s path', async () => {
    const body = '{"contents":[{"uri":"file:///a"}]}';
    expect(bodyOf(await taken(read, 'modern', resultAnswer(body)))).toContain('mcp+files:file:///a');
    const direct = { value: { id: 1, method: 'resources/read', params: { uri: 'file:///a' } }, path: filesPath };
    expect(bodyOf(await taken(direct, 'modern', resultAnswer(body)))).toBe(body);
  });

  it.each(['task', 'Complete', '', 7, null])(
    'of the type %j, which nobody negotiated, is refused',
    async (resultType) => {
      expect(await taken(call, 'modern', resultAnswer(JSON.stringify({ resultType, content: [] })))).toMatchObject({
        name: 'bad-answer',
      });
    },
  );

  it('of a legacy server gets what modern callers expect, and keeps nothing that a legacy server cannot say', async () => {
    const body = '{"contents":[],"resultType":"complete","ttlMs":999,"cacheScope":"public"}';
    const answer = await taken(read, 'legacy', resultAnswer(body));
    expect(JSON.parse(bodyOf(answer))).toEqual({
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
      contents: [],
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'scripted', version: '1' } },
    });
  });

  it('of a modern server loses what legacy callers do not know, and is wrapped where the tool was', async () => {
    const legacy: RequestSpec = {
      value: { id: 1, method: 'tools/call', params: { name: 'files__listed' } },
      era: 'legacy',
    };
    const body = '{"resultType":"complete","content":[],"structuredContent":[1]}';
    expect(JSON.parse(bodyOf(await taken(legacy, 'modern', resultAnswer(body))))).toEqual({
      content: [],
      structuredContent: { result: [1] },
    });
  });
});

describe('a result that asks for more', () => {
  const asked = (capabilities: object): RequestSpec => ({
    value: {
      id: 1,
      method: 'tools/call',
      params: { name: 'files__read', arguments: {}, _meta: envelope({}, { ...capabilities }) },
    },
  });
  const asking = (method: string, requestState: unknown = 'inner') =>
    resultAnswer(
      JSON.stringify({ resultType: 'input_required', inputRequests: { a: { method, params: {} } }, requestState }),
    );

  it('carries the server’s state sealed, so that only the same call brings it back', async () => {
    const answer = await taken(asked({ elicitation: {} }), 'modern', asking('elicitation/create'), ['elicitation']);
    const { requestState } = JSON.parse(bodyOf(answer)) as { requestState: string };
    expect(bodyOf(answer)).not.toContain('inner');
    const again = (params: object, more: Partial<RequestSpec> = {}) =>
      resolveTarget(
        parsed(world, { value: { id: 2, method: 'tools/call', params: { requestState, ...params } }, ...more }),
        world,
      );
    expect(await again({ name: 'files__read', arguments: {} })).toMatchObject({ requestState: 'inner' });
    expect(await again({ name: 'files__read', arguments: { x: 1 } })).toMatchObject({ name: 'bad-handle' });
    expect(await again({ name: 'files__listed', arguments: {} })).toMatchObject({ name: 'bad-handle' });
    expect(await again({ name: 'files__read', arguments: {} }, { caller: 'key:eve' })).toMatchObject({
      name: 'bad-handle',
    });
  });

  it.each(['elicitation/create', 'sampling/createMessage', 'roots/list', 'tools/call', ''])(
    'for %s is refused where `ask` does not allow it',
    async (method) => {
      const declared = asked({ elicitation: {}, sampling: {}, roots: {} });
      expect(await taken(declared, 'modern', asking(method), [])).toMatchObject({ name: 'cannot-ask' });
    },
  );

  it.each(['elicitation/create', 'sampling/createMessage', 'roots/list'])(
    'for %s is refused where this caller did not declare it, whatever `ask` allows',
    async (method) => {
      const all = ['elicitation', 'sampling', 'roots'] as const;
      expect(await taken(asked({}), 'modern', asking(method), all)).toMatchObject({ name: 'cannot-ask' });
      const one = asked({ elicitation: {}, sampling: {}, roots: {} });
      expect(await taken(one, 'modern', asking(method), all)).toMatchObject({ kind: 'result' });
    },
  );

  it.each(['[{"method":"sampling/createMessage"}]', '"sampling/createMessage"', '7', 'null', 'true'])(
    'is refused when what it asks is no object: %s',
    async (inputRequests) => {
      for (const ask of [[], ['elicitation', 'sampling']] as const) {
        const answer = resultAnswer(`{"resultType":"input_required","inputRequests":${inputRequests}}`);
        const declared = asked({ elicitation: {}, sampling: {} });
        expect(await taken(declared, 'modern', answer, ask)).toMatchObject({ name: 'bad-answer' });
      }
    },
  );

  it('[one-record] leaves a record of each question that reaches the caller, and of no other', async () => {
    const declared = asked({ elicitation: {}, sampling: {} });
    const before = world.recorded.length;
    await taken(declared, 'modern', asking('elicitation/create'), ['sampling']);
    expect(world.recorded).toHaveLength(before);
    await taken(declared, 'modern', asking('elicitation/create'), ['elicitation']);
    expect(world.recorded.slice(before)).toMatchObject([
      { kind: 'outcome', method: 'elicitation/create', target: { upstream: 'files', kind: 'caller' } },
    ]);
  });

  it('is refused with more state than a caller could bring back', async () => {
    const answer = asking('elicitation/create', 'x'.repeat(32 * 1024 + 1));
    const declared = asked({ elicitation: {} });
    expect(await taken(declared, 'modern', answer, ['elicitation'])).toMatchObject({ name: 'bad-answer' });
  });

  it('is refused for one kind that is not allowed among allowed ones', async () => {
    const both = resultAnswer(
      '{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create"},"b":{"method":"sampling/createMessage"}}}',
    );
    const declared = asked({ elicitation: {}, sampling: {} });
    expect(await taken(declared, 'modern', both, ['elicitation'])).toMatchObject({ name: 'cannot-ask' });
  });

  it('is refused where it asks nothing, and for a method that may not ask', async () => {
    const empty = resultAnswer('{"resultType":"input_required"}');
    expect(await taken(asked({}), 'modern', empty)).toMatchObject({ name: 'bad-answer' });
    const complete: RequestSpec = {
      value: {
        id: 1,
        method: 'completion/complete',
        params: { ref: { type: 'ref/resource', uri: 'mcp+files:file:///a' }, _meta: envelope({}, { elicitation: {} }) },
      },
    };
    expect(await taken(complete, 'modern', asking('elicitation/create'), ['elicitation'])).toMatchObject({
      name: 'bad-answer',
    });
  });

  it('never reaches a legacy caller as it is', async () => {
    expect(
      await taken({ ...call, era: 'legacy' }, 'modern', asking('elicitation/create'), ['elicitation']),
    ).toMatchObject({ name: 'bad-answer' });
  });
});

describe('a missing client capability', () => {
  const missing = (...names: string[]) =>
    errorAnswer({
      code: -32021,
      message: 'inner words',
      data: { requiredCapabilities: Object.fromEntries(names.map((name) => [name, {}])), inner: 'x' },
    });

  it('that this caller did not declare is told in our words', async () => {
    const answer = await taken(call, 'modern', missing('sampling'), ['sampling']);
    expect(answer).toMatchObject({ kind: 'error', code: -32021 });
    expect(JSON.parse(bodyOf(answer))).toEqual({
      code: -32021,
      message: 'Missing required client capability',
      data: { requiredCapabilities: { sampling: {} } },
    });
  });

  it('that is the tasks extension cannot be had by a legacy caller, and is told to a modern one', async () => {
    const required = missing('extensions');
    expect(await taken({ ...call, era: 'legacy' }, 'modern', required)).toMatchObject({ name: 'unbridgeable' });
    expect(JSON.parse(bodyOf(await taken(call, 'modern', required)))).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { extensions: {} } },
    });
  });

  it('that we kept from the server is a refusal of ours, in either era', async () => {
    expect(await taken(call, 'modern', missing('sampling'), [])).toMatchObject({ name: 'cannot-ask' });
    expect(await taken({ ...call, era: 'legacy' }, 'modern', missing('sampling'), ['sampling'])).toMatchObject({
      name: 'cannot-ask',
    });
  });
});

describe('pages that a legacy server wants visited first', () => {
  const pages = errorAnswer({
    code: -32042,
    message: 'visit',
    data: { elicitations: [{ mode: 'url', elicitationId: 'e', url: 'https://a.example/', message: 'Sign in' }] },
  });
  const asked = (capabilities: object): RequestSpec => ({
    value: { id: 1, method: 'tools/call', params: { name: 'files__read', _meta: envelope({}, { ...capabilities }) } },
  });

  it('become a question of a modern caller that can show them', async () => {
    const answer = await taken(asked({ elicitation: { url: {} } }), 'legacy', pages, ['elicitation']);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        page1: { method: 'elicitation/create', params: { mode: 'url', url: 'https://a.example/', message: 'Sign in' } },
      },
    });
    expect(bodyOf(answer)).not.toContain('elicitationId');
  });

  it('are kept from a caller that cannot, or that may not be asked', async () => {
    expect(await taken(asked({ elicitation: {} }), 'legacy', pages, ['elicitation'])).toMatchObject({
      name: 'cannot-ask',
    });
    expect(await taken(asked({ elicitation: { url: {} } }), 'legacy', pages, [])).toMatchObject({ name: 'cannot-ask' });
    expect(await taken({ ...call, era: 'legacy' }, 'legacy', pages, [])).toMatchObject({ name: 'cannot-ask' });
  });
});

describe('an error', () => {
  it('within one era keeps the server’s bytes and code', async () => {
    const answer = await taken(call, 'modern', errorAnswer({ code: -32603, message: 'broken', data: { a: 1 } }));
    expect(answer).toMatchObject({ kind: 'error', code: -32603 });
    expect(JSON.parse(bodyOf(answer))).toEqual({ code: -32603, message: 'broken', data: { a: 1 } });
  });

  it.each([-32020, -32022])('%i, which speaks about our own request, never reaches the caller', async (code) => {
    const answer = await taken(call, 'modern', errorAnswer({ code, message: 'you sent 2099' }));
    expect(answer).toMatchObject({ name: 'bad-answer' });
  });

  it('names the resource as the caller did', async () => {
    const error = errorAnswer({ code: -32602, message: 'none', data: { uri: 'file:///a' } });
    expect(JSON.parse(bodyOf(await taken(read, 'modern', error)))).toMatchObject({
      data: { uri: 'mcp+files:file:///a' },
    });
    const other = errorAnswer({ code: -32602, message: 'none', data: { uri: 'file:///b' } });
    expect(JSON.parse(bodyOf(await taken(read, 'modern', other)))).toMatchObject({ data: { uri: 'file:///b' } });
  });

  it('has the code of the caller’s era for a resource that is not there', async () => {
    const modern = await taken(
      read,
      'legacy',
      errorAnswer({ code: -32002, message: 'none', data: { uri: 'file:///a' } }),
    );
    expect(JSON.parse(bodyOf(modern))).toMatchObject({ code: -32602 });
    const session = beginSession(world);
    const legacy = await taken(
      { ...read, era: 'legacy', session },
      'modern',
      errorAnswer({ code: -32602, message: 'none', data: { uri: 'file:///a' } }),
    );
    expect(JSON.parse(bodyOf(legacy))).toMatchObject({ code: -32002 });
  });
});

describe('what a server says under the gateway’s name', () => {
  const mark = '{"reason":"insufficient_scope","exchange":"fake0000"}';
  const marked = [
    ['as usual', '"io.sallyport/refusal"'],
    ['with an escaped slash', '"io.sallyport\\/refusal"'],
    ['with an escaped letter', '"io\\u002esallyport/refusal"'],
  ] as const;
  const session = beginSession(world);
  const direct = {
    value: { id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } },
    path: filesPath,
  };

  it.each(marked)('does not reach the caller, written %s', async (_how, key) => {
    const body = `{"resultType":"complete","content":[], "_meta":{"own":1, ${key}:${mark}},"isError":true}`;
    const left = '{"resultType":"complete","content":[], "_meta":{"own":1},"isError":true}';
    for (const spec of [call, direct]) expect(bodyOf(await taken(spec, 'modern', resultAnswer(body)))).toBe(left);
    for (const [era, from] of [
      ['modern', 'legacy'],
      ['legacy', 'modern'],
      ['legacy', 'legacy'],
    ] as const) {
      const spec = era === 'legacy' ? { ...call, era, session } : call;
      const answer = bodyOf(await taken(spec, from, resultAnswer(body)));
      expect([answer.includes('fake0000'), answer.includes('"own":1')]).toEqual([false, true]);
    }
  });

  it('is left alone where it is no member of `_meta`', async () => {
    const body =
      '{ "content":[{"type":"text","text":"\\u0061 io.sallyport/refusal"}],"_meta":{ "x":"io.sallyport/y"} }';
    expect(bodyOf(await taken(direct, 'modern', resultAnswer(body)))).toBe(body);
  });
});

describe('a failure of the way', () => {
  it.each<[LinkFailureReason, keyof typeof refusals]>([
    ['timeout', 'timeout'],
    ['bad-answer', 'bad-answer'],
    ['too-large', 'answer-too-large'],
    ['cancelled', 'cancelled'],
    ['unreachable', 'unavailable'],
    ['closed', 'unavailable'],
    ['session-lost', 'unavailable'],
    ['unauthorized', 'unavailable'],
    ['busy', 'unavailable'],
    ['exhausted', 'unavailable'],
  ])('%s becomes the refusal %s, its detail for the operator only', (reason, name) => {
    const refusal = refuseFailure(linkFailure(reason, 'Text.', { detail: 'exit 1' }), 5);
    expect(refusal).toMatchObject({ name, note: 'exit 1' });
  });

  it('tells the caller when to try again', () => {
    expect(refuseFailure(linkFailure('busy', 'Text.', { retryAfterMs: 9 }), 5)).toMatchObject({
      retryAfterMs: 9,
      note: 'Text.',
    });
    expect(refuseFailure(linkFailure('too-large', 'Text.'), 5)).toMatchObject({ fill: { limit: 5 } });
  });
});

it('a modern answer can be read by whoever sealed nothing', async () => {
  const value = { id: 1, method: 'tools/call', params: { name: 'files__read', _meta: envelope() } };
  const answer = await taken({ value }, 'modern', resultAnswer('{"content":[]}'));
  expect(jsonOf('body' in answer ? answer.body : undefined)).toEqual({ content: [] });
});
