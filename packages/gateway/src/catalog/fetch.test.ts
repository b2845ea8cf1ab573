import { describe, expect, it } from 'vitest';
import { jsonOf, scriptedServer, tool, type ServerSpec } from '../exchange.fixture.ts';
import { linkFailure } from '../upstreams/link.ts';
import { fetchList } from './fetch.ts';

async function fetched(spec: ServerSpec) {
  const server = scriptedServer('files', spec);
  return { server, lists: await fetchList(server) };
}

const failing = { kind: 'failure', failure: linkFailure('timeout', 'Text.') };
const onlyTools = { tools: {} };

describe('fetching lists', () => {
  it('asks only for what the server’s capabilities promise, on the gateway’s own behalf', async () => {
    const { server, lists } = await fetched({ capabilities: onlyTools, tools: [tool('a')] });
    expect(lists).toMatchObject({
      kind: 'lists',
      lists: { tools: [{ name: 'a' }], prompts: [], resources: [], templates: [] },
    });
    expect(server.link.requests.map(({ method }) => method)).toEqual(['tools/list']);
    expect(server.wishes).toMatchObject([{ scope: '', clientCapabilities: {} }]);
  });

  it('says who it is to a modern server', async () => {
    const { server } = await fetched({ capabilities: onlyTools });
    expect(jsonOf(server.link.requests[0]?.params)).toMatchObject({
      _meta: { 'io.modelcontextprotocol/clientCapabilities': {} },
    });
  });

  it('reads page after page', async () => {
    const pages: Record<string, object> = {
      '': { tools: [tool('a')], nextCursor: 'p2' },
      p2: { tools: [tool('b')], nextCursor: '' },
    };
    const { lists } = await fetched({
      capabilities: onlyTools,
      listScript: (request) => {
        const { cursor } = jsonOf(request.params) as { cursor?: string };
        return cursor === '' ? { tools: [tool('c')] } : pages[cursor ?? ''];
      },
    });
    expect(lists).toMatchObject({ lists: { tools: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } });
  });

  it('ends when a server leads it in a circle or on for ever', async () => {
    const circle = await fetched({
      capabilities: onlyTools,
      listScript: () => ({ tools: [tool('a')], nextCursor: 'again' }),
    });
    expect(circle.server.link.requests).toHaveLength(2);
    let page = 0;
    const endless = await fetched({
      capabilities: onlyTools,
      listScript: () => ({ tools: [], nextCursor: String((page += 1)) }),
    });
    expect(endless.server.link.requests).toHaveLength(100);
  });

  it('keeps a bounded number of definitions, and none that is no object', async () => {
    const tools = ['text', null, ...Array.from({ length: 2000 }, () => ({}))];
    let page = 0;
    const listScript = () => ({ tools, nextCursor: String((page += 1)) });
    const { lists } = await fetched({ capabilities: onlyTools, listScript });
    expect(lists.kind === 'lists' && lists.lists.tools).toHaveLength(10_000);
  });

  it('fails when all lists together are larger than a server’s may be, and reads no further', async () => {
    const description = 'd'.repeat(3_900_000);
    let page = 0;
    const { server, lists } = await fetched({
      listScript: ({ method }) => {
        const member = method === 'resources/templates/list' ? 'resourceTemplates' : method.split('/')[0];
        return { [member ?? '']: [{ name: 'a', description }], nextCursor: page % 2 === 0 ? String((page += 1)) : '' };
      },
    });
    expect(lists).toMatchObject({ kind: 'failure', failure: { reason: 'too-large' } });
    expect(server.link.requests).toHaveLength(5);
  });

  it('fails so in its last list too', async () => {
    const description = 'd'.repeat(3_900_000);
    let page = 0;
    const { lists } = await fetched({
      listScript: ({ method }) =>
        method === 'resources/templates/list'
          ? { resourceTemplates: [{ uriTemplate: 'x', description }], nextCursor: String((page += 1)) }
          : { tools: [], prompts: [], resources: [] },
    });
    expect(lists).toMatchObject({ kind: 'failure', failure: { reason: 'too-large' } });
  });

  it.each([{}, { tools: {} }, { tools: null }])('fails when the answer is no list: %j', async (answer) => {
    expect((await fetched({ capabilities: onlyTools, listScript: () => answer })).lists).toMatchObject({
      kind: 'failure',
      failure: { reason: 'bad-answer' },
    });
  });

  it('fails with its conversation and with a main list, and goes on without templates', async () => {
    const server = scriptedServer('files', {});
    server.failure = linkFailure('unreachable', 'Text.');
    expect(await fetchList(server)).toMatchObject({ kind: 'failure', failure: { reason: 'unreachable' } });
    expect(
      (await fetched({ listScript: ({ method }) => (method === 'prompts/list' ? failing : undefined) })).lists,
    ).toMatchObject({ kind: 'failure' });
    expect(
      (await fetched({ listScript: ({ method }) => (method === 'resources/templates/list' ? failing : undefined) }))
        .lists,
    ).toMatchObject({ kind: 'lists' });
  });

  it.each([
    [5000, 5000],
    [0, 1000],
    [undefined, undefined],
    [-1, 1000],
    ['5000', 1000],
    [1e300, 1000],
    [1.5, 1000],
  ])('takes the bound %j of the server as %s', async (ttlMs, expected) => {
    const { lists } = await fetched({ capabilities: onlyTools, listScript: () => ({ tools: [], ttlMs }) });
    expect(lists).toMatchObject({ ttlMs: expected });
  });
});
