import { describe, expect, it } from 'vitest';
import {
  beginSession,
  filesPath,
  grantOf,
  intended,
  jsonOf,
  makeWorld,
  parsed,
  policyOf,
  tool,
  type RequestSpec,
  type TestWorld,
} from '../exchange.fixture.ts';
import { answerDiscover, answerInitialize, answerPing, answerSetLevel } from './handshake.ts';

const capabilities = {
  tools: { listChanged: false },
  resources: { subscribe: true },
  experimental: { x: {} },
  tasks: {},
};
const world = await makeWorld({
  files: { capabilities, tools: [tool('read')] },
  other: { capabilities: { prompts: {}, extensions: {} } },
});

const hello = (params: object): RequestSpec => ({ value: { id: 1, method: 'initialize', params }, era: 'legacy' });
const sound = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'editor', version: '1' } };

async function initialize(spec: RequestSpec, from: TestWorld = world) {
  return answerInitialize(await intended(from, spec), from);
}

async function introduced(spec: RequestSpec) {
  const answer = await initialize(spec);
  return jsonOf('body' in answer ? answer.body : undefined) as Record<string, unknown>;
}

describe('initialize', () => {
  it('begins a session of the caller at this path, which the header names', async () => {
    const answer = await initialize(hello(sound));
    const id = 'headers' in answer ? answer.headers?.[1] : undefined;
    expect('headers' in answer ? answer.headers?.[0] : undefined).toBe('Mcp-Session-Id');
    expect(world.sessions.find(id ?? '', parsed(world, hello(sound)))).toMatchObject({
      owner: 'key:ada',
      revision: '2025-11-25',
      clientName: 'editor',
    });
    expect(world.sessions.find(id ?? '', parsed(world, { ...hello(sound), caller: 'key:eve' }))).toBeUndefined();
  });

  it.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2024-11-05', '2024-11-05'],
    ['2026-07-28', '2025-11-25'],
    ['1999-01-01', '2025-11-25'],
    ['', '2025-11-25'],
  ])('asked for %s agrees on %s', async (protocolVersion, agreed) => {
    expect(await introduced(hello({ ...sound, protocolVersion }))).toMatchObject({ protocolVersion: agreed });
  });

  it('on /mcp offers what some server has and the gateway can carry, and nothing else', async () => {
    expect(await introduced(hello(sound))).toMatchObject({
      serverInfo: { name: 'sallyport' },
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        prompts: { listChanged: true },
      },
    });
    const offered = (await introduced(hello(sound)))['capabilities'];
    expect(Object.keys(offered as object).sort()).toEqual(['prompts', 'resources', 'tools']);
  });

  it('on a server’s path introduces that server', async () => {
    const introduction = await introduced({ ...hello(sound), path: filesPath });
    expect(introduction).toMatchObject({ serverInfo: { name: 'scripted' } });
    expect(introduction['capabilities']).not.toHaveProperty('prompts');
  });

  it.each([
    {},
    { ...sound, protocolVersion: 7 },
    { ...sound, capabilities: [] },
    { ...sound, capabilities: undefined },
  ])('refuses params like %j', async (params) => {
    expect(await initialize(hello(params))).toMatchObject({ name: 'invalid-params' });
  });

  it('keeps of what a program declares only what a server may use, and little of that', async () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, []]));
    const declared = { elicitation: { form: {} }, sampling: many, roots: 'yes', experimental: many, other: {} };
    const clientInfo = { name: 'n'.repeat(5000), version: 7, title: 'x'.repeat(5000), icons: [many] };
    const answer = await initialize(hello({ ...sound, capabilities: declared, clientInfo }));
    const id = ('headers' in answer ? answer.headers?.[1] : undefined) ?? '';
    expect(world.sessions.find(id, parsed(world, hello(sound)))).toMatchObject({
      handshake: {
        clientCapabilities: { elicitation: { form: {} }, sampling: {} },
        clientInfo: { name: 'n'.repeat(200) },
      },
    });
  });

  it('refuses to begin a session within a session', async () => {
    expect(await initialize({ ...hello(sound), session: beginSession(world) })).toMatchObject({
      name: 'invalid-params',
    });
  });

  it('refuses when there are too many sessions, and says when to come back', async () => {
    const full: TestWorld = { ...world, sessions: { ...world.sessions, create: () => undefined } };
    expect(await initialize(hello(sound), full)).toMatchObject({ name: 'unavailable', retryAfterMs: 60_000 });
  });
});

describe('server/discover', () => {
  it('tells a modern caller all revisions, what is offered, and that it is for this caller only', async () => {
    const answer = await answerDiscover(await intended(world, { value: { id: 1, method: 'server/discover' } }), world);
    expect(jsonOf(answer.body)).toMatchObject({
      resultType: 'complete',
      supportedVersions: expect.arrayContaining(['2026-07-28', '2025-11-25']),
      capabilities: { tools: { listChanged: true } },
      cacheScope: 'private',
      ttlMs: 60_000,
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'sallyport' } },
    });
  });
});

describe.each(['initialize', 'server/discover'])('a server that the caller can reach nothing of, in %s', (method) => {
  it('[unknown-equals-forbidden] does not exist: neither its words nor what it can do', async () => {
    const small = { tools: {} };
    const specs = {
      files: { capabilities: small, instructions: 'Ask for files.', tools: [tool('read')] },
      vault: { capabilities: { ...small, prompts: {}, completions: {} }, instructions: 'The code is 7.' },
    };
    const policy = policyOf({ reader: { tools: [grantOf('files.*')] }, keeper: { prompts: [grantOf('vault.*')] } });
    const guarded = await makeWorld(specs, policy);
    const alone = await makeWorld({ files: specs.files }, policy);
    const introduction = async (from: TestWorld, roles: readonly string[]) => {
      const exchange = await intended(from, { ...hello(sound), value: { id: 1, method, params: sound }, roles });
      const answer =
        method === 'initialize' ? await answerInitialize(exchange, from) : await answerDiscover(exchange, from);
      return jsonOf('body' in answer ? answer.body : undefined);
    };
    expect(await introduction(guarded, ['reader'])).toEqual(await introduction(alone, ['reader']));
    expect(await introduction(guarded, ['reader', 'keeper'])).toMatchObject({
      instructions: 'files: Ask for files.\n\nvault: The code is 7.',
      capabilities: { prompts: {}, completions: {} },
    });
  });
});

describe.each(['initialize', 'server/discover'])('a server that is sick, in %s', (method) => {
  const policy = policyOf({ reader: { tools: [grantOf('files.*')] }, keeper: { tools: [grantOf('*')] } });

  it('is named to who may use it, and to nobody else', async () => {
    const guarded = await makeWorld({ files: { tools: [tool('read')] }, vault: { tools: [tool('open')] } }, policy);
    guarded.server('vault').become('sick');
    const introduction = async (roles: readonly string[]) => {
      const exchange = await intended(guarded, { ...hello(sound), value: { id: 1, method, params: sound }, roles });
      const answer =
        method === 'initialize' ? await answerInitialize(exchange, guarded) : await answerDiscover(exchange, guarded);
      return JSON.stringify(jsonOf('body' in answer ? answer.body : undefined));
    };
    expect(await introduction(['keeper'])).toContain('"io.sallyport/unavailable":[{"server":"vault","state":"sick"}]');
    expect(await introduction(['reader'])).not.toContain('vault');
  });
});

describe('ping', () => {
  it('is answered with an empty result', () => {
    expect(jsonOf(answerPing().body)).toEqual({});
  });
});

describe('logging/setLevel', () => {
  const value = (level: unknown) => ({ id: 1, method: 'logging/setLevel', params: { level } });

  it('is kept with the session', async () => {
    const session = beginSession(world);
    expect(answerSetLevel(await intended(world, { value: value('warning'), era: 'legacy', session }))).toMatchObject({
      kind: 'result',
    });
    expect(session.logLevel).toBe('warning');
  });

  it.each(['loud', 7, undefined, 'Warning'])('of %j is refused and changes nothing', async (level) => {
    const session = beginSession(world);
    expect(answerSetLevel(await intended(world, { value: value(level), era: 'legacy', session }))).toMatchObject({
      name: 'invalid-params',
    });
    expect(session.logLevel).toBeUndefined();
  });
});
