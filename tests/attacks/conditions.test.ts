// Conditions under attack: hostile arguments deny, quickly; paths of the corpus stay outside; a real gateway hides,
// narrows and refuses as the rules say.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { compileCondition, type CallFacts, type Condition } from '@sallyport/guard';
import {
  createKey,
  LegacySession,
  postModern,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostileArguments } from './hostile-arguments.ts';

function conditionOf(source: string): Condition {
  const compiled = compileCondition(source);
  return 'offset' in compiled ? expect.fail(`${source}: ${compiled.message}`) : compiled;
}

function factsOf(args: unknown): CallFacts {
  return {
    args,
    caller: { id: 'key:ada', kind: 'key', roles: ['reader'] },
    target: { server: 'db', name: 'query', key: 'db.query', kind: 'tool' },
  };
}

describe('hostile arguments', () => {
  it('are 54 kinds', () => {
    expect(hostileArguments).toHaveLength(54);
  });

  it.each(hostileArguments)('[conditions] deny: $what', ({ when, args }) => {
    const condition = conditionOf(when);
    const facts = factsOf(args());
    const began = performance.now();
    expect(condition.evaluate(facts)).not.toBe(true);
    // A hang ceiling; the figure is measured by `npm run prove 4.7`.
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

const corpus = new URL('../../../shared/corpus/path-traversal/', import.meta.url);
const isThere = existsSync(corpus);

describe.skipIf(!isThere)('the paths of the traversal corpus (skipped where ../shared is not there)', () => {
  const lines = isThere
    ? readdirSync(corpus)
        .filter((name) => name.endsWith('.txt'))
        .flatMap((name) => readFileSync(new URL(name, corpus), 'latin1').split('\n'))
        .filter((line) => line !== '')
    : [];

  it('[conditions] never lie in a folder under any of its names', () => {
    expect(lines.length).toBeGreaterThan(23_000);
    const condition = conditionOf('within(args.path, "/srv/data") || within(args.path, "file:///srv/data")');
    const inside: string[] = [];
    for (const line of lines) {
      for (const path of [line, `/srv/data/${line}`, `/srv/data${line}`, `file:///srv/data/${line}`]) {
        if (condition.evaluate(factsOf({ path })) === true && leaves(path)) inside.push(path);
      }
    }
    expect(inside).toEqual([]);
  });

  /** What any program could make of it: decoded twice, either slash, dots that vanish. */
  function leaves(path: string): boolean {
    let text = path.replace(/^file:\/\//, '');
    for (let round = 0; round < 3; round += 1) {
      text = text.replace(
        /%u([0-9a-f]{4})|%([0-9a-f]{2})/gi,
        (_all, wide: string | undefined, one: string | undefined) =>
          String.fromCharCode(Number.parseInt(wide ?? one ?? '0', 16)),
      );
    }
    const segments = text.normalize('NFKC').split(/[/\\]/);
    return segments.some((segment) => /^\.\.+[ .]*$/.test(segment)) || !text.startsWith('/srv/data');
  }
});

const tools = [
  {
    name: 'query',
    inputSchema: {
      type: 'object',
      properties: { schema: { type: 'string' }, limit: { type: 'integer' } },
      required: ['schema'],
    },
  },
  { name: 'never' },
  { name: 'others' },
  { name: 'dump' },
];
const resources = ['file:///srv/pub/a.txt', 'file:///etc/passwd'].map((uri) => ({ uri, name: uri }));
const prompts = [{ name: 'ask', arguments: [{ name: 'topic' }] }];

describe('a gateway with conditions', () => {
  let db: RecordingUpstream;
  let gateway: Gateway;
  let key: string;

  beforeAll(async () => {
    db = await startRecordingUpstream({
      tools,
      script: ({ method, era }) => {
        const hints = era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
        if (method === 'resources/list') return { kind: 'result', result: { resources, ...hints } } as const;
        if (method === 'prompts/list') return { kind: 'result', result: { prompts, ...hints } } as const;
        return undefined;
      },
    });
    gateway = await startGateway({
      config: {
        roles: {
          analyst: {
            tools: [
              { tool: 'db.query', when: 'args.schema in ["public", "reports"] && args.limit <= 100' },
              { tool: 'db.never', when: 'args.a == 1 && args.a == 2' },
              { tool: 'db.others', when: 'caller.id == "key:somebody"' },
            ],
            resources: [{ resource: 'db.*', when: 'within(args.uri, "file:///srv/pub")' }],
            prompts: [{ prompt: 'db.*', when: 'args.topic == "sales"' }],
          },
        },
        upstreams: { db: { url: db.url } },
      },
    });
    key = await createKey(gateway.dir, { name: 'ada', role: 'analyst' });
  }, 60_000);

  afterAll(async () => {
    await gateway?.stop();
    await db?.close();
  }, 60_000);

  beforeEach(() => db.clear());

  function ask(method: string, params: Record<string, unknown>) {
    return postModern(gateway.url, { method, params, key });
  }

  const query = (args: unknown) => ask('tools/call', { name: 'db__query', arguments: args });
  const calls = () => db.requests.filter(({ method }) => method === 'tools/call').length;

  it('[conditions] lets through what they say, as it came', async () => {
    const answer = await query({ schema: 'public', limit: 5 });
    expect(answer.response?.result?.['isError']).not.toBe(true);
    expect(calls()).toBe(1);
  });

  it.each([
    ['another value', '{"schema":"hr","limit":5}'],
    ['a missing argument', '{"schema":"public"}'],
    ['a number beyond 2^53', '{"schema":"public","limit":-9007199254740993}'],
    ['a number in a text', '{"schema":"public","limit":"5"}'],
    ['a list for a text', '{"schema":["public"],"limit":5}'],
    ['no arguments', '{}'],
  ])('[conditions] refuses %s in words, and nothing reaches the server', async (_what, text) => {
    const answer = await query(JSON.parse(text));
    expect(answer.response?.result?.['isError']).toBe(true);
    expect(answer.text).toContain('"reason":"denied"');
    expect(calls()).toBe(0);
  });

  it('[conditions] answers for what no arguments allow as for what does not exist', async () => {
    for (const name of ['db__never', 'db__others', 'db__dump', 'db__nosuch']) {
      const answer = await ask('tools/call', { name, arguments: { a: 1 } });
      expect(answer.text).toContain(`Unknown tool: ${name}`);
    }
    expect(calls()).toBe(0);
  });

  it('[list-equals-call] lists what some call may reach, and says which values are left', async () => {
    const listed = await ask('tools/list', {});
    expect(listed.response?.result).toMatchObject({
      cacheScope: 'private',
      tools: [
        {
          name: 'db__query',
          inputSchema: {
            properties: { schema: { type: 'string', enum: ['public', 'reports'] }, limit: { type: 'integer' } },
            required: ['schema'],
          },
        },
      ],
    });
    const session = await LegacySession.open(gateway.url, { key });
    const { response } = await session.request('tools/list', {});
    expect(JSON.stringify(response?.result)).toContain('"enum":["public","reports"]');
    await session.close();
  });

  it('[conditions] judges resources by their URI, for lists and reads alike', async () => {
    const listed = await ask('resources/list', {});
    expect(listed.text).toContain('mcp+db:file:///srv/pub/a.txt');
    expect(listed.text).not.toContain('passwd');
    for (const uri of ['file:///etc/passwd', 'file:///srv/pub/%2e%2e/etc', 'file:///srv/public/a']) {
      const answer = await ask('resources/read', { uri: `mcp+db:${uri}` });
      expect(answer.response?.error).toMatchObject({ code: -32602 });
    }
    expect(db.requests.filter(({ method }) => method === 'resources/read')).toEqual([]);
    await ask('resources/read', { uri: 'mcp+db:file:///srv/pub/a.txt' });
    expect(db.requests.filter(({ method }) => method === 'resources/read')).toHaveLength(1);
  });

  it('[conditions] judges prompts and their completion by the arguments that are there', async () => {
    const prompt = (topic: string) => ask('prompts/get', { name: 'db__ask', arguments: { topic } });
    expect((await prompt('hr')).text).toContain('"reason":"denied"');
    const complete = (value: string) =>
      ask('completion/complete', { ref: { type: 'ref/prompt', name: 'db__ask' }, argument: { name: 'topic', value } });
    expect((await complete('hr')).text).toContain('"reason":"denied"');
    expect(db.requests.filter(({ method }) => method === 'completion/complete')).toEqual([]);
    await prompt('sales');
    expect(db.requests.filter(({ method }) => method === 'prompts/get')).toHaveLength(1);
  });
});
