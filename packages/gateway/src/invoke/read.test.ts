import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  errorAnswer,
  filesPath,
  grantOf,
  intended,
  jsonOf,
  makeWorld,
  messageOf,
  policyOf,
  settle,
  type RequestSpec,
  type ServerSpec,
  type TestWorld,
} from '../exchange.fixture.ts';
import { readResource } from './read.ts';

const open = { ttlMs: 5000, cacheScope: 'public' };
const own = { ttlMs: 5000, cacheScope: 'private' };

/** A server whose answers are numbered. */
function numbered(hints: object, more: ServerSpec = {}): ServerSpec {
  let count = 0;
  return {
    script: ({ params }) => {
      const { uri } = jsonOf(params) as { uri: string };
      return { resultType: 'complete', contents: [{ uri, text: `answer ${(count += 1)}` }], ...hints };
    },
    ...more,
  };
}

interface Read {
  readonly contents: readonly { readonly uri: string; readonly text: string }[];
  readonly ttlMs?: number;
  readonly cacheScope?: string;
}

const asking = (params: object = {}, meta: object = {}) => ({
  id: 1,
  method: 'resources/read',
  params: { uri: 'mcp+files:file:///a', ...params, _meta: { ...envelope(), ...meta } },
});

async function read(world: TestWorld, spec: Partial<RequestSpec> = {}): Promise<Read> {
  const value = spec.era === 'legacy' ? { ...asking(), params: { uri: 'mcp+files:file:///a' } } : asking();
  const answer = await readResource(await intended(world, { value, ...spec }), world);
  if (!('body' in answer)) throw new Error(`refused: ${answer.name}`);
  return jsonOf(answer.body) as Read;
}

const text = async (world: TestWorld, spec?: Partial<RequestSpec>) => (await read(world, spec)).contents[0]?.text;

describe('a resource', () => {
  it('that its server lets be kept for all is read once, and shown to each as it calls it', async () => {
    const world = await makeWorld({ files: numbered(open) });
    expect(await read(world)).toMatchObject({ contents: [{ uri: 'mcp+files:file:///a', text: 'answer 1' }] });
    const direct = { ...asking(), params: { ...asking().params, uri: 'file:///a' } };
    expect(await read(world, { value: direct, path: filesPath, caller: 'key:eve' })).toMatchObject({
      contents: [{ uri: 'file:///a', text: 'answer 1' }],
    });
    const session = beginSession(world);
    expect(await read(world, { era: 'legacy', session })).toEqual({
      contents: [{ uri: 'mcp+files:file:///a', text: 'answer 1' }],
    });
  });

  it('that is private is kept for its caller with its roles alone', async () => {
    const everything = { resources: [grantOf('*')] };
    const world = await makeWorld({ files: numbered(own) }, policyOf({ reader: everything, writer: everything }));
    expect(await text(world)).toBe('answer 1');
    expect(await text(world, { caller: 'key:eve' })).toBe('answer 2');
    expect(await text(world, { roles: ['reader', 'writer'] })).toBe('answer 3');
    expect(await text(world)).toBe('answer 1');
  });

  it('is told to hold as long as it still does, and for this caller alone', async () => {
    const world = await makeWorld({ files: numbered(open) });
    expect(await read(world)).toMatchObject({ ttlMs: 5000, cacheScope: 'private' });
    world.clock.advance(1200);
    expect(await read(world)).toMatchObject({ ttlMs: 3800, cacheScope: 'private' });
  });

  it.each([
    [{ ttlMs: -1, cacheScope: 'public' }],
    [{ ttlMs: '5', cacheScope: 'public' }],
    [{ ttlMs: 5000, cacheScope: 'all' }],
    [{}],
  ])('with the hints %j is told not to hold', async (hints) => {
    const world = await makeWorld({ files: numbered(hints) });
    expect(await read(world)).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    expect(await text(world)).toBe('answer 2');
  });

  it('of a legacy server is asked for each time, whatever stands in the answer', async () => {
    const world = await makeWorld({ files: numbered(open, { era: 'legacy' }) });
    expect([await text(world), await text(world)]).toEqual(['answer 1', 'answer 2']);
  });

  it.each<[string, Partial<RequestSpec>]>([
    ['goes on with a call', { value: asking({ inputResponses: {} }) }],
    ['has params that nobody knows', { value: asking({ version: 2 }) }],
    ['says something of its own in _meta', { value: asking({}, { 'com.example/tenant': 'a' }) }],
    ['mirrors params in headers', { headers: { 'mcp-param-tenant': 'a' } }],
  ])('is asked for anew where the request %s', async (_, spec) => {
    const world = await makeWorld({ files: numbered(open) });
    await read(world);
    expect(await text(world, spec)).toBe('answer 2');
    expect(await text(world)).toBe('answer 1');
  });

  it('does not depend on progress tokens, traces and how a client calls itself', async () => {
    const world = await makeWorld({ files: numbered(open) });
    await read(world);
    const meta = {
      progressToken: 7,
      traceparent: '00-0-0-00',
      'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' },
    };
    expect(await text(world, { value: asking({}, meta) })).toBe('answer 1');
  });

  it('may depend on what a caller can be asked, where the server may ask', async () => {
    const elicitation = {
      value: { ...asking(), params: { ...asking().params, _meta: envelope({}, { elicitation: {} }) } },
    };
    const asks = await makeWorld({ files: numbered(open, { ask: ['elicitation'], share: 'caller' }) });
    expect([await text(asks), await text(asks, elicitation)]).toEqual(['answer 1', 'answer 2']);
    const silent = await makeWorld({ files: numbered(open) });
    expect([await text(silent), await text(silent, elicitation)]).toEqual(['answer 1', 'answer 1']);
  });

  it('whose server asks something first is neither kept nor given to others', async () => {
    let count = 0;
    const script = () => ({ resultType: 'input_required', requestState: `state ${(count += 1)}`, ...open });
    const world = await makeWorld({ files: { script } });
    const states = [await read(world), await read(world, { caller: 'key:eve' })].map((page) => JSON.stringify(page));
    expect(count).toBe(2);
    expect(states[0]).not.toBe(states[1]);
    expect(states[0]).not.toContain('ttlMs":5000');
  });

  it('that could not be read is asked for again', async () => {
    let count = 0;
    const script = () => {
      count += 1;
      return count === 1 ? errorAnswer({ code: -32602, message: 'No' }) : { contents: [], ...open };
    };
    const world = await makeWorld({ files: { script } });
    await read(world);
    expect(await read(world)).toMatchObject({ contents: [] });
  });

  it('is asked for again when its server says that it has changed', async () => {
    const world = await makeWorld({ files: numbered(open) });
    const updated = (uri: string) =>
      world.server('files').say({
        scope: '',
        message: messageOf({ method: 'notifications/resources/updated', params: { uri } }),
      });
    await read(world);
    updated('file:///b');
    expect(await text(world)).toBe('answer 1');
    updated('file:///a');
    expect(await text(world)).toBe('answer 2');
    world.server('files').sayListChanged('tools');
    expect(await text(world)).toBe('answer 2');
    world.server('files').sayListChanged('resources');
    expect(await text(world)).toBe('answer 3');
  });

  it('is asked for once by a hundred callers at once', async () => {
    let answer: (value: unknown) => void = () => undefined;
    const world = await makeWorld({ files: { script: () => new Promise((resolve) => (answer = resolve)) } });
    const lists = world.server('files').link.requests.length;
    const reading = Array.from({ length: 100 }, (_, i) => text(world, { caller: `key:${i}` }));
    await settle();
    expect(world.server('files').link.requests).toHaveLength(lists + 1);
    answer({ contents: [{ uri: 'file:///a', text: 'one' }], ...open });
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['one']));
  });
});
