import fc from 'fast-check';
import { decideCall } from '@sallyport/guard';
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
  return jsonOf(answerList(exchange, world).body) as Page;
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
              const effect = decideCall(policy.access(roles), 'tools', `${server}.${name}`, {}).effect;
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

  it('ends where the list has become shorter than the cursor', async () => {
    const world = await makeWorld(many);
    const { nextCursor } = await list(world, 'tools/list');
    world.server('files').spec = { tools: [tool('only')] };
    await world.catalog.refresh('files');
    expect(await list(world, 'tools/list', { cursor: nextCursor })).toMatchObject({ tools: [] });
  });
});
