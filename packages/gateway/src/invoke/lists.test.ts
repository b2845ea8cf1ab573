import fc from 'fast-check';
import { decideCall, type CallFacts } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import {
  filesPath,
  grantOf,
  intended,
  jsonOf,
  makeRules,
  makeWorld,
  parsed,
  policyOf,
  settle,
  tool,
  type RequestSpec,
  type TestWorld,
} from '../exchange.fixture.ts';
import { resolveTarget } from '../resolve.ts';
import { answerList } from './lists.ts';

function factsOf(server: string, name: string): CallFacts {
  const caller = { id: 'key:ada', kind: 'key', roles: [] };
  return { args: {}, caller, target: { server, name, key: `${server}.${name}`, kind: 'tool' } };
}

interface Page {
  readonly [member: string]: unknown;
  readonly nextCursor?: string;
}

async function list(
  world: TestWorld,
  method: string,
  more: Partial<RequestSpec> & { readonly cursor?: string | undefined } = {},
): Promise<Page> {
  const params = more.cursor === undefined ? {} : { cursor: more.cursor };
  const exchange = await intended(world, { value: { id: 1, method, params }, ...more });
  const answer = answerList(exchange, world);
  if (!('body' in answer)) throw new Error(`refused: ${answer.name}`);
  return jsonOf(answer.body) as Page;
}

const names = (page: Page, member = 'tools', key = 'name') =>
  (page[member] as Record<string, string>[]).map((entry) => entry[key]);

const specs = {
  files: {
    tools: [tool('read'), tool('write', { outputSchema: { type: 'array' } })],
    prompts: [{ name: 'ask' }],
    resources: [{ uri: 'file:///a', name: 'a' }],
    templates: [
      { uriTemplate: 'file:///srv/{path}', name: 't' },
      { uriTemplate: 'db://{table}', name: 'd' },
    ],
  },
  other: { tools: [tool('read')] },
};

describe('a list', () => {
  it('on /mcp holds every server’s entries under wire names, in the order of the file', async () => {
    const world = await makeWorld(specs);
    expect(names(await list(world, 'tools/list'))).toEqual(['files__read', 'files__write', 'other__read']);
    expect(names(await list(world, 'prompts/list'), 'prompts')).toEqual(['files__ask']);
    expect(names(await list(world, 'resources/list'), 'resources', 'uri')).toEqual(['mcp+files:file:///a']);
    expect(names(await list(world, 'resources/templates/list'), 'resourceTemplates', 'uriTemplate')).toEqual([
      'mcp+files:file:///srv/{path}',
      'mcp+files:db://{table}',
    ]);
  });

  it('on a server’s path holds its entries under their own names', async () => {
    const world = await makeWorld(specs);
    expect(names(await list(world, 'tools/list', { path: filesPath }))).toEqual(['read', 'write']);
    expect(names(await list(world, 'resources/list', { path: filesPath }), 'resources', 'uri')).toEqual(['file:///a']);
  });

  it('tells a modern caller that it is private and how long it holds, and a legacy caller nothing of that', async () => {
    const world = await makeWorld(specs);
    expect(await list(world, 'prompts/list')).toMatchObject({
      resultType: 'complete',
      cacheScope: 'private',
      ttlMs: 60_000,
    });
    expect(Object.keys(await list(world, 'prompts/list', { era: 'legacy' }))).toEqual(['prompts']);
  });

  it('shows tools in the caller’s era', async () => {
    const world = await makeWorld(specs);
    const schema = (page: Page) => (page['tools'] as { outputSchema?: { type: string } }[])[1]?.outputSchema?.type;
    expect(schema(await list(world, 'tools/list'))).toBe('array');
    expect(schema(await list(world, 'tools/list', { era: 'legacy' }))).toBe('object');
  });

  it('holds nothing for a caller without grants, and says the same of every list', async () => {
    const world = await makeWorld(specs, policyOf({ reader: {} }));
    expect(names(await list(world, 'tools/list'))).toEqual([]);
    expect(names(await list(world, 'resources/templates/list'), 'resourceTemplates')).toEqual([]);
  });

  it('follows the policy of the exchange at once', async () => {
    const world = await makeWorld(specs);
    expect(names(await list(world, 'tools/list'))).toHaveLength(3);
    world.inForce = makeRules(policyOf({ reader: { tools: [grantOf('files.read')] } }), ['files', 'other']);
    expect(names(await list(world, 'tools/list'))).toEqual(['files__read']);
  });

  it('follows the catalog at once', async () => {
    const world = await makeWorld(specs);
    await list(world, 'tools/list');
    world.server('files').spec = { tools: [tool('fresh')] };
    await world.catalog.refresh('files');
    expect(names(await list(world, 'tools/list'))).toEqual(['files__fresh', 'other__read']);
  });

  it('asks servers anew whose lists are too old, and answers meanwhile from what it has', async () => {
    const world = await makeWorld(specs);
    world.server('files').spec = { tools: [tool('fresh')] };
    world.clock.advance(60_001);
    expect(names(await list(world, 'tools/list', { path: filesPath }))).toEqual(['read', 'write']);
    await settle();
    expect(names(await list(world, 'tools/list', { path: filesPath }))).toEqual(['fresh']);
  });

  it('shows a template when some URI that it makes may be read, and hides it when none may', async () => {
    const shown = async (patterns: readonly string[], denied: readonly string[] = []) => {
      const world = await makeWorld(
        specs,
        policyOf({ reader: { resources: patterns.map((pattern) => grantOf(pattern)) } }, denied),
      );
      return names(
        await list(world, 'resources/templates/list', { path: filesPath }),
        'resourceTemplates',
        'uriTemplate',
      );
    };
    expect(await shown(['files.file:///srv/public/*'])).toEqual(['file:///srv/{path}']);
    expect(await shown(['files.file:///etc/*'])).toEqual([]);
    expect(await shown(['files.*'], ['files.file:*'])).toEqual(['db://{table}']);
    expect(await shown(['files.*', '!files.db:*'])).toEqual(['file:///srv/{path}']);
  });

  it('shows exactly what some call of the caller could reach', async () => {
    const toolNames = ['a', 'ab', 'b', 'read', 'read_file', 'write'];
    const pattern = fc
      .tuple(fc.constantFrom('*', 'files', 'other'), fc.constantFrom('*', 'a*', '*b', 'read', 'r*e', 'write'))
      .map(([server, name]) => `${server}.${name}`);
    const grant = fc
      .tuple(pattern, fc.boolean(), fc.constantFrom(undefined, true, false))
      .map(([text, isSubtraction, holds]) =>
        grantOf(
          isSubtraction ? `!${text}` : text,
          holds === undefined || isSubtraction ? {} : { condition: { source: '', evaluate: () => true } },
        ),
      );
    const servers = {
      files: { tools: toolNames.map((name) => tool(name)) },
      other: { tools: toolNames.map((name) => tool(name)) },
    };
    const world = await makeWorld(servers);
    await fc.assert(
      fc.asyncProperty(
        fc.array(grant, { maxLength: 4 }),
        fc.array(grant, { maxLength: 3 }),
        fc.array(pattern, { maxLength: 2 }),
        async (one, two, denied) => {
          const policy = policyOf({ one: { tools: one }, two: { tools: two } }, denied);
          world.inForce = makeRules(policy, ['files', 'other']);
          const roles = ['one', 'two'];
          const shown = new Set(names(await list(world, 'tools/list', { roles })));
          for (const server of ['files', 'other']) {
            for (const name of toolNames) {
              const effect = decideCall(
                policy.access(roles),
                'tools',
                `${server}.${name}`,
                factsOf(server, name),
              ).effect;
              expect(shown.has(`${server}__${name}`)).toBe(effect === 'allow');
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a long list', () => {
  const many = { files: { tools: Array.from({ length: 2500 }, (_, i) => tool(`t${i}`)) } };

  it('comes in pages whose cursors lead through all of it, once', async () => {
    const world = await makeWorld(many);
    const seen: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(world, 'tools/list', { cursor });
      seen.push(...names(page));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 2500 }, (_, i) => `files__t${i}`));
  });

  it('gives cursors that say nothing and work for nobody else', async () => {
    const world = await makeWorld(many);
    const { nextCursor } = await list(world, 'tools/list');
    expect(nextCursor).not.toContain('1000');
    const value = { id: 1, method: 'tools/list', params: { cursor: nextCursor } };
    expect(await resolveTarget(parsed(world, { value, caller: 'key:eve' }), world)).toMatchObject({
      name: 'bad-handle',
    });
    expect(await resolveTarget(parsed(world, { value, path: filesPath }), world)).toMatchObject({ name: 'bad-handle' });
  });

  it('goes to another page where its definitions would be more than a message may have', async () => {
    const large = {
      files: { tools: Array.from({ length: 9 }, (_, i) => tool(`t${i}`, { description: 'x'.repeat(2e5) })) },
    };
    const world = await makeWorld(large);
    const seen: (string | undefined)[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const page = await list(world, 'tools/list', { cursor });
      expect(JSON.stringify(page).length).toBeLessThan(world.inForce.limits.message);
      seen.push(...names(page));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(pages).toBe(5);
    expect(seen).toEqual(Array.from({ length: 9 }, (_, i) => `files__t${i}`));
  });
});

describe('a list whose servers change between two pages', () => {
  const tools = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => tool(`${prefix}${i}`));
  const three = () => ({
    one: { tools: tools('a', 600) },
    two: { tools: tools('b', 600) },
    last: { tools: tools('c', 600) },
  });
  const wire = (server: string, prefix: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `${server}__${prefix}${from + i}`);

  it('shows what stays exactly once, in the order of the file', async () => {
    const world = await makeWorld(three());
    const first = await list(world, 'tools/list');
    expect(names(first)).toEqual([...wire('one', 'a', 0, 600), ...wire('two', 'b', 0, 400)]);
    const second = await list(world, 'tools/list', { cursor: first.nextCursor });
    expect(names(second)).toEqual([...wire('two', 'b', 400, 600), ...wire('last', 'c', 0, 600)]);
    expect(second.nextCursor).toBeUndefined();
  });

  it('goes on with the next server where the one that it was at is gone', async () => {
    const world = await makeWorld(three());
    const { nextCursor } = await list(world, 'tools/list');
    world.catalog.forget('two');
    (world.servers as Map<string, unknown>).delete('two');
    expect(names(await list(world, 'tools/list', { cursor: nextCursor }))).toEqual(wire('last', 'c', 0, 600));
  });

  it('skips nothing where a server before it is gone', async () => {
    const world = await makeWorld(three());
    const { nextCursor } = await list(world, 'tools/list');
    world.catalog.forget('one');
    (world.servers as Map<string, unknown>).delete('one');
    expect(names(await list(world, 'tools/list', { cursor: nextCursor }))).toEqual([
      ...wire('two', 'b', 400, 600),
      ...wire('last', 'c', 0, 600),
    ]);
  });

  it('skips nothing where definitions before the place vanish or come', async () => {
    const world = await makeWorld(three());
    const { nextCursor } = await list(world, 'tools/list');
    world.server('two').spec = { tools: [tool('new'), ...tools('b', 600).slice(100)] };
    await world.catalog.refresh('two');
    expect(names(await list(world, 'tools/list', { cursor: nextCursor }))).toEqual([
      ...wire('two', 'b', 400, 600),
      ...wire('last', 'c', 0, 600),
    ]);
  });

  it('shows a server’s part again where the definition shown last is gone, and gives up the second time', async () => {
    const world = await makeWorld({ two: { tools: tools('b', 2500) } });
    const first = await list(world, 'tools/list');
    world.server('two').spec = { tools: tools('x', 2500) };
    await world.catalog.refresh('two');
    const second = await list(world, 'tools/list', { cursor: first.nextCursor });
    expect(names(second)).toEqual(wire('two', 'x', 0, 1000));
    world.server('two').spec = { tools: tools('y', 2500) };
    await world.catalog.refresh('two');
    const exchange = await intended(world, {
      value: { id: 1, method: 'tools/list', params: { cursor: second.nextCursor } },
    });
    expect(answerList(exchange, world)).toMatchObject({ name: 'bad-handle' });
  });

  it('shows on a later page only what the caller may still see', async () => {
    const world = await makeWorld(three());
    const { nextCursor } = await list(world, 'tools/list');
    world.inForce = makeRules(policyOf({ reader: { tools: [grantOf('last.*')] } }), ['one', 'two', 'last']);
    expect(names(await list(world, 'tools/list', { cursor: nextCursor }))).toEqual(wire('last', 'c', 0, 600));
  });

  it('takes a cursor for its time, its list and its revision only', async () => {
    const world = await makeWorld(three());
    const { nextCursor } = await list(world, 'tools/list');
    const value = (method: string) => ({ id: 1, method, params: { cursor: nextCursor } });
    const refused = { name: 'bad-handle' };
    expect(await resolveTarget(parsed(world, { value: value('prompts/list') }), world)).toMatchObject(refused);
    const legacy = parsed(world, { value: value('tools/list'), era: 'legacy' });
    expect(await resolveTarget(legacy, world)).toMatchObject(refused);
    world.clock.advance(15 * 60_000);
    expect(await resolveTarget(parsed(world, { value: value('tools/list') }), world)).toMatchObject(refused);
  });
});

describe('a list with a server that is sick', () => {
  const unavailable = (page: Page) =>
    (page['_meta'] as Record<string, unknown> | undefined)?.['io.sallyport/unavailable'];

  it('shows what was read before and names the server, in both eras and on its own path', async () => {
    const world = await makeWorld(specs);
    world.server('files').become('sick');
    const named = [{ server: 'files', state: 'sick' }];
    for (const era of ['modern', 'legacy'] as const) {
      const page = await list(world, 'tools/list', { era });
      expect(names(page)).toEqual(['files__read', 'files__write', 'other__read']);
      expect(unavailable(page)).toEqual(named);
      expect(unavailable(await list(world, 'tools/list', { era, path: filesPath }))).toEqual(named);
    }
    world.server('files').become('ready');
    expect(unavailable(await list(world, 'tools/list'))).toBeUndefined();
  });

  it('[unknown-equals-forbidden] says nothing of it to a caller who may reach nothing of it', async () => {
    const policy = policyOf({ reader: { tools: [grantOf('other.*')] } });
    const world = await makeWorld(specs, policy);
    const well = await list(world, 'tools/list');
    world.server('files').become('sick');
    // Neither by name nor by how long the answer holds.
    expect(await list(world, 'tools/list')).toEqual(well);
    const exchange = await intended(world, { value: { id: 1, method: 'tools/list' }, path: filesPath });
    const answer = answerList(exchange, world);
    expect(JSON.stringify(jsonOf('body' in answer ? answer.body : undefined))).not.toContain('unavailable');
  });
});

describe('how long a list holds', () => {
  const ttlOf = async (world: TestWorld, roles?: readonly string[]) =>
    (await list(world, 'tools/list', roles === undefined ? {} : { roles }))['ttlMs'];
  const short = (ttlMs: number) => ({ capabilities: { tools: {} }, listScript: () => ({ tools: [tool('t')], ttlMs }) });

  it('is as long as the least of its servers allows, counted from when that was read', async () => {
    const world = await makeWorld({ a: short(30_000), b: short(5000) });
    expect(await ttlOf(world)).toBe(5000);
    world.clock.advance(2000);
    expect(await ttlOf(world)).toBe(3000);
  });

  it('does not depend on servers that the caller may not reach', async () => {
    const policy = policyOf({ reader: { tools: [grantOf('a.*')] }, keeper: { tools: [grantOf('*')] } });
    const world = await makeWorld({ a: short(30_000), b: short(5000) }, policy);
    expect(await ttlOf(world)).toBe(30_000);
    expect(await ttlOf(world, ['keeper'])).toBe(5000);
  });
});

describe('what an administrator has stopped', () => {
  it('is in no list, so that nobody reads the words of a server that has been taken over', async () => {
    const world = await makeWorld(specs);
    await list(world, 'tools/list');
    world.blocked.add('tool files.write');
    expect(names(await list(world, 'tools/list'))).toEqual(['files__read', 'other__read']);
    world.blocked.add('upstream files');
    expect(names(await list(world, 'tools/list'))).toEqual(['other__read']);
    expect(names(await list(world, 'resources/list'), 'resources', 'uri')).toEqual([]);
    world.blocked.clear();
    expect(names(await list(world, 'tools/list'))).toHaveLength(3);
  });
});
