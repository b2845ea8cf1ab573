import type { Answer, Refusal } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  filesPath,
  grantOf,
  intended,
  jsonOf,
  makeRules,
  makeWorld,
  messageOf,
  parsed,
  policyOf,
  resultAnswer,
  tool,
  type RequestSpec,
  type Script,
  type TestWorld,
} from '../exchange.fixture.ts';
import { resolveTarget } from '../resolve.ts';
import { linkFailure, type LinkListener } from '../upstreams/link.ts';
import { answerDiscover } from './handshake.ts';
import { forward } from './forward.ts';

const extension = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const modernCapabilities = { tools: {}, ...extension };
const legacyCapabilities = { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
const silent: LinkListener = {
  onMessage: () => undefined,
  onRequest: () => Promise.reject(new Error('nothing is asked')),
};
const begun = {
  resultType: 'task',
  taskId: 'inner-id',
  status: 'working',
  ttlMs: 60_000,
  requestState: 'inner-state',
  inputRequests: {},
};

const modern = (script: Script, more: object = {}) =>
  makeWorld({
    files: { tools: [tool('slow')], capabilities: modernCapabilities, script, ask: ['elicitation'], ...more },
  });

const bodyOf = (answer: Answer | Refusal): JsonObject =>
  (jsonOf('body' in answer ? answer.body : undefined) ?? { name: 'name' in answer ? answer.name : '' }) as JsonObject;

const request = (
  method: string,
  params: object,
  capabilities: JsonObject,
  more: Partial<RequestSpec> = {},
): RequestSpec => ({
  value: { id: 1, method, params: { ...params, _meta: envelope({}, capabilities) } },
  ...more,
});

const slow = request('tools/call', { name: 'files__slow', arguments: {} }, extension);
const run = async (world: TestWorld, spec: RequestSpec): Promise<JsonObject> =>
  bodyOf(await forward(await intended(world, spec), world));
const resolved = (world: TestWorld, spec: RequestSpec) => resolveTarget(parsed(world, spec), world);

describe('a task of a modern server', () => {
  const script: Script = ({ method, params }) =>
    method === 'tools/call' ? begun : { resultType: 'complete', ...(jsonOf(params) as object) };

  it('[handles-sealed] has an id that leads back to it for its caller, and says nothing of the server’s own', async () => {
    const world = await modern(script);
    const task = await run(world, slow);
    expect(task).toEqual({
      resultType: 'task',
      taskId: expect.any(String) as string,
      status: 'working',
      ttlMs: 60_000,
    });
    expect(JSON.stringify(task)).not.toContain('inner');
    const { taskId } = task;
    const got = await run(world, request('tasks/get', { taskId, requestState: 'mine' }, extension));
    expect(got).toMatchObject({ resultType: 'complete', taskId });
    expect(got).not.toHaveProperty('requestState');
    const sent = world.server('files').link.requests.at(-1);
    expect([sent?.name, jsonOf(sent?.params)]).toMatchObject(['inner-id', { taskId: 'inner-id' }]);
  });

  it.each<[string, Partial<RequestSpec>]>([
    ['another caller', { caller: 'key:eve' }],
    ['another door', { path: filesPath }],
  ])('[handles-sealed] is nothing to %s', async (_, more) => {
    const world = await modern(script);
    const { taskId } = await run(world, slow);
    const before = world.server('files').link.requests.length;
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      expect(await resolved(world, request(method, { taskId }, extension, more))).toMatchObject({ name: 'bad-handle' });
    }
    expect(world.server('files').link.requests).toHaveLength(before);
  });

  it('[handles-sealed] cannot be guessed, changed or had after its time', async () => {
    const world = await modern(script);
    const { taskId } = (await run(world, slow)) as { taskId: string };
    const changed = `${taskId.slice(0, -2)}${taskId.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const guess of ['inner-id', '', 7, changed, 'A'.repeat(100_000)]) {
      const refused = await resolved(world, request('tasks/get', { taskId: guess }, extension));
      expect(refused).toHaveProperty('isRefusal', true);
    }
    world.clock.advance(119_999);
    expect(await resolved(world, request('tasks/get', { taskId }, extension))).not.toHaveProperty('isRefusal');
    world.clock.advance(1);
    expect(await resolved(world, request('tasks/get', { taskId }, extension))).toMatchObject({ name: 'bad-handle' });
  });

  it('is nothing any more to a caller that may not call its tool', async () => {
    const world = await modern(script);
    const { taskId } = await run(world, slow);
    world.inForce = makeRules(policyOf({ reader: { tools: [grantOf('files.other')] } }), ['files']);
    expect(await resolved(world, request('tasks/get', { taskId }, extension))).toMatchObject({ name: 'bad-handle' });
  });

  it('is refused for a caller that did not declare tasks, and not offered to it', async () => {
    const world = await modern(script);
    expect(await run(world, request('tools/call', { name: 'files__slow' }, {}))).toEqual({ name: 'bad-answer' });
    const sent = world.server('files').link.requests.at(-1);
    expect(JSON.stringify(jsonOf(sent?.params))).not.toContain('extensions');
  });

  it('is asked about with the extension declared, as the extension wants it', async () => {
    const world = await modern(script);
    const { taskId } = await run(world, slow);
    expect(await resolved(world, request('tasks/get', { taskId }, {}))).toMatchObject({
      name: 'missing-capability',
      data: { requiredCapabilities: extension },
    });
  });

  it('is declared upstream only where the server has the extension, and nothing else of what a caller extends', async () => {
    const more = { extensions: { ...extension.extensions, 'com.example/x': {} }, experimental: { a: {} } };
    const call = request('tools/call', { name: 'files__slow' }, more);
    const declaredAt = async (capabilities: JsonObject): Promise<unknown> => {
      const world = await modern(() => ({ content: [] }), { capabilities });
      await run(world, call);
      const { _meta } = jsonOf(world.server('files').link.requests.at(-1)?.params) as { _meta: JsonObject };
      return _meta['io.modelcontextprotocol/clientCapabilities'];
    };
    expect(await declaredAt(modernCapabilities)).toEqual(extension);
    expect(await declaredAt({ tools: {} })).toEqual({});
  });

  it('is offered to modern callers where a server has the extension', async () => {
    const world = await modern(script);
    const exchange = await intended(world, request('server/discover', {}, {}));
    expect(bodyOf(await answerDiscover(exchange, world))).toMatchObject({ capabilities: extension });
  });

  it('asks only what may be asked of this caller', async () => {
    const asking: Script = ({ method }) =>
      method === 'tools/call'
        ? begun
        : { resultType: 'complete', status: 'input_required', inputRequests: { a: { method: 'elicitation/create' } } };
    const world = await modern(asking);
    const { taskId } = await run(world, slow);
    const all = { ...extension, elicitation: {} };
    expect(await run(world, request('tasks/get', { taskId }, all))).toMatchObject({ status: 'input_required' });
    expect(await run(world, request('tasks/get', { taskId }, extension))).toEqual({ name: 'cannot-ask' });
  });

  it('has its result renamed as the tool’s own would be', async () => {
    const done =
      '{"resultType":"complete","status":"completed","taskId":"inner-id","result":{"content":[{"type":"resource_link","uri":"file:///a"}]}}';
    const world = await modern(({ method }) => (method === 'tools/call' ? begun : resultAnswer(done)));
    const { taskId } = await run(world, slow);
    expect(await run(world, request('tasks/get', { taskId }, extension))).toMatchObject({
      taskId,
      result: { content: [{ uri: 'mcp+files:file:///a' }] },
    });
  });
});

describe('a task of a legacy server', () => {
  const task = { taskId: 'inner-id', status: 'working', ttl: 60_000 };
  const script: Script = ({ method }) => {
    if (method === 'tools/call') return { task };
    if (method === 'tasks/get') return task;
    return { content: [], _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'inner-id' } } };
  };
  const legacy = (own: Script = script) =>
    makeWorld({
      files: {
        era: 'legacy',
        share: 'caller',
        tools: [tool('slow')],
        capabilities: legacyCapabilities,
        script: own,
        ask: ['elicitation'],
      },
    });
  const call = (params: object, more: Partial<RequestSpec>): RequestSpec => ({
    value: { id: 1, method: 'tools/call', params: { name: 'files__slow', ...params } },
    era: 'legacy',
    ...more,
  });

  it('[handles-sealed] is known to its legacy caller by an id of ours, wherever the server names it', async () => {
    const world = await legacy();
    const session = beginSession(world);
    const made = (await run(world, call({ task: { ttl: 60_000 } }, { session }))) as { task: { taskId: string } };
    const { taskId } = made.task;
    expect(JSON.stringify(made)).not.toContain('inner');
    const ask = (method: string, more: Partial<RequestSpec> = {}): RequestSpec => ({
      value: { id: 2, method, params: { taskId } },
      era: 'legacy',
      session,
      ...more,
    });
    expect(await run(world, ask('tasks/get'))).toEqual({ ...task, taskId });
    expect(await run(world, ask('tasks/result'))).toEqual({
      content: [],
      _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
    });
    expect(await resolved(world, ask('tasks/get', { caller: 'key:eve' }))).toMatchObject({ name: 'bad-handle' });
  });

  it('asks about itself only where its caller waits for it', async () => {
    const question = {
      id: 9,
      method: 'elicitation/create',
      params: { message: '?', _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'inner-id' } } },
    };
    const asking: Script = async (request_, listener) => {
      if (request_.method === 'tools/call' && JSON.stringify(jsonOf(request_.params)).includes('ttl')) return { task };
      const { kind, body } = await listener.onRequest(messageOf(question));
      return { content: [], structuredContent: { kind, told: jsonOf(body) } };
    };
    const world = await legacy(asking);
    const session = beginSession(world, { capabilities: { elicitation: {} } });
    const made = (await run(world, call({ task: { ttl: 1 } }, { session }))) as { task: { taskId: string } };
    expect(await run(world, call({}, { session }))).toMatchObject({ structuredContent: { kind: 'error' } });
    const value = { id: 3, method: 'tasks/result', params: { taskId: made.task.taskId } };
    const waiting = run(world, { value, era: 'legacy', session });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    session.settle(messageOf({ id: 1, result: { action: 'accept' } }));
    expect(await waiting).toMatchObject({ structuredContent: { kind: 'result' } });
  });

  it('is not begun for a modern caller, whose words of it do not reach the server', async () => {
    const world = await legacy(() => ({ content: [] }));
    await run(world, request('tools/call', { name: 'files__slow', task: { ttl: 1 } }, extension));
    expect(JSON.stringify(jsonOf(world.server('files').link.requests.at(-1)?.params))).not.toContain('ttl');
  });

  describe('that a tool insists on', () => {
    const only = (own: Script) =>
      makeWorld({
        files: {
          era: 'legacy',
          share: 'caller',
          tools: [tool('slow', { execution: { taskSupport: 'required' } })],
          capabilities: legacyCapabilities,
          script: own,
          ask: ['elicitation'],
        },
      });
    const methodsOf = (world: TestWorld): string[] =>
      world.server('files').link.requests.flatMap(({ method }) => (method.endsWith('/list') ? [] : [method]));

    it('is begun for a modern caller, whose call is held until the task has ended', async () => {
      const world = await only(script);
      expect(await run(world, slow)).toMatchObject({ resultType: 'complete', content: [] });
      const [begin, result] = world.server('files').link.requests.filter(({ method }) => !method.endsWith('/list'));
      expect(jsonOf(begin?.params)).toMatchObject({ name: 'slow', task: { ttl: 600_000 } });
      expect([result?.method, jsonOf(result?.params), result?.timeoutMs]).toEqual([
        'tasks/result',
        { taskId: 'inner-id' },
        600_000,
      ]);
    });

    it('is cancelled at the server when nobody waits for it any more', async () => {
      const failed = { kind: 'failure', failure: linkFailure('cancelled', 'The caller gave up.') };
      const world = await only((made) => (made.method === 'tasks/result' ? failed : script(made, silent)));
      expect(await run(world, slow)).toEqual({ name: 'cancelled' });
      expect(methodsOf(world)).toEqual(['tools/call', 'tasks/result', 'tasks/cancel']);
    });

    it('may be answered at once, and a legacy caller begins it itself', async () => {
      const world = await only(() => ({ content: [] }));
      expect(await run(world, slow)).toMatchObject({ content: [] });
      await run(world, call({ task: { ttl: 5 } }, { session: beginSession(world) }));
      expect(methodsOf(world)).toEqual(['tools/call', 'tools/call']);
      expect(jsonOf(world.server('files').link.requests.at(-1)?.params)).toMatchObject({ task: { ttl: 5 } });
    });

    it('may ask the modern caller about itself and no other task, and the call then waits', async () => {
      const about = (taskId: string) => ({
        id: 9,
        method: 'elicitation/create',
        params: { message: '?', _meta: { 'io.modelcontextprotocol/related-task': { taskId } } },
      });
      const question = about('inner-id');
      const world = await only(async (made, listener) => {
        if (made.method !== 'tasks/result') return script(made, listener);
        expect(await listener.onRequest(messageOf(about('another')))).toMatchObject({ kind: 'error' });
        const { body } = await listener.onRequest(messageOf(question));
        return { content: [], structuredContent: { told: jsonOf(body) } };
      });
      const declared = { elicitation: {} };
      const asked = await run(world, request('tools/call', { name: 'files__slow', arguments: {} }, declared));
      expect(asked).toMatchObject({ resultType: 'input_required', inputRequests: { q1: {} } });
      const more = { requestState: asked['requestState'], inputResponses: { q1: { action: 'accept' } } };
      const again = request('tools/call', { name: 'files__slow', arguments: {}, ...more }, declared);
      expect(await run(world, again)).toMatchObject({ structuredContent: { told: { action: 'accept' } } });
      expect(methodsOf(world)).toEqual(['tools/call', 'tasks/result']);
    });
  });
});
