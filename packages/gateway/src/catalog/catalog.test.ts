import { describe, expect, it } from 'vitest';
import { frozenClock, makeWorld, scriptedServer, settle, tool } from '../exchange.fixture.ts';
import { createCatalog, type CatalogChange } from './catalog.ts';

function makeCatalog() {
  const clock = frozenClock();
  const log: string[] = [];
  const catalog = createCatalog({
    clock,
    timers: clock.timers,
    log: (server, line) => void log.push(`${server}: ${line}`),
  });
  const changes: CatalogChange[] = [];
  catalog.onChange((change) => changes.push(change));
  return { catalog, clock, log, changes };
}

const toolNames = (catalog: ReturnType<typeof createCatalog>, server = 'files') => [
  ...(catalog.server(server)?.tools.keys() ?? []),
];

describe('the catalog', () => {
  it('keeps servers in the order in which they were put under its care, whichever answers first', async () => {
    const { catalog } = makeCatalog();
    const [one, two] = [scriptedServer('one', {}), scriptedServer('two', {})];
    catalog.watch(one);
    catalog.watch(two);
    await catalog.refresh('two');
    await catalog.refresh('one');
    expect(catalog.servers().map(({ server }) => server)).toEqual(['one', 'two']);
  });

  it('finds tools and prompts by wire name, and never by what is no legal name', async () => {
    const { catalog } = await makeWorld({ files: { tools: [tool('read')], prompts: [{ name: 'read' }] } });
    expect(catalog.byWireName('tools', 'files__read')).toMatchObject({ kind: 'tool' });
    expect(catalog.byWireName('prompts', 'files__read')).toMatchObject({ kind: 'prompt' });
    for (const name of ['read', 'files__read ', '__proto__', ''])
      expect(catalog.byWireName('tools', name)).toBeUndefined();
  });

  it('gives a wire name that two long names are cut to, to the first', async () => {
    const { catalog } = await makeWorld({ files: { tools: [tool('a'.repeat(100))] } });
    const wire = catalog.server('files')?.tools.get('a'.repeat(100))?.wireName ?? '';
    expect(wire).toHaveLength(64);
    expect(catalog.byWireName('tools', wire)).toMatchObject({ name: 'a'.repeat(100) });
  });

  it('quarantines what cannot be guarded, says so once, and shows the rest', async () => {
    const { catalog, log } = await makeWorld({
      files: { tools: [tool('read'), tool('b d'), tool('read'), { name: 'x' }] },
    });
    expect(toolNames(catalog)).toEqual(['read']);
    expect(catalog.server('files')?.quarantined.map(({ name }) => name)).toEqual(['b d', 'read', 'x']);
    expect(log).toHaveLength(3);
  });

  it('keeps what it has when a server’s lists cannot be read, and says why', async () => {
    const world = await makeWorld({ files: { tools: [tool('read')] } });
    world.server('files').spec = {
      listScript: () => {
        throw new Error('broken');
      },
    };
    await world.catalog.refresh('files');
    expect(toolNames(world.catalog)).toEqual(['read']);
    expect(world.log.join()).toContain('could not be read');
  });

  it('tells of each list that changed, and of none that did not', async () => {
    const { catalog, changes } = makeCatalog();
    const server = scriptedServer('files', { tools: [tool('a')], prompts: [{ name: 'p' }] });
    catalog.watch(server);
    await catalog.refresh('files');
    changes.length = 0;
    const { epoch } = catalog;
    await catalog.refresh('files');
    expect([changes, catalog.epoch]).toEqual([[], epoch]);
    server.spec = { tools: [tool('a', { description: 'new' })], prompts: [{ name: 'p' }] };
    await catalog.refresh('files');
    expect(changes).toEqual([{ server: 'files', list: 'tools' }]);
    expect(catalog.epoch).toBeGreaterThan(epoch);
  });

  it('reads again when the server says that a list has changed, and tells of it even if it reads the same', async () => {
    const { catalog, changes, clock } = makeCatalog();
    const server = scriptedServer('files', { tools: [tool('a')] });
    catalog.watch(server);
    await catalog.refresh('files');
    changes.length = 0;
    server.spec = { tools: [tool('b')] };
    server.sayListChanged('tools');
    await settle();
    expect(toolNames(catalog)).toEqual(['b']);
    clock.advance(1000);
    server.sayListChanged('prompts');
    await settle();
    expect(changes).toEqual([
      { server: 'files', list: 'tools' },
      { server: 'files', list: 'prompts' },
    ]);
  });

  it('reads a server that floods it with announcements once in each interval, and tells of each list once', async () => {
    const { catalog, changes, clock } = makeCatalog();
    const server = scriptedServer('files', { capabilities: { tools: {} }, tools: [tool('a')] });
    catalog.watch(server);
    await catalog.refresh('files');
    changes.length = 0;
    for (let i = 0; i < 500; i++) {
      server.sayListChanged('tools');
      server.sayListChanged('resources');
      if (i % 100 === 0) await settle();
    }
    await settle();
    // The first announcement is followed at once, the other 999 wait together.
    expect(server.link.requests).toHaveLength(2);
    clock.advance(999);
    await settle();
    expect(server.link.requests).toHaveLength(2);
    clock.advance(1);
    await settle();
    expect(server.link.requests).toHaveLength(3);
    expect(changes.map(({ list }) => list)).toEqual(['tools', 'resources', 'tools']);
    clock.advance(5000);
    await settle();
    expect(server.link.requests).toHaveLength(3);
  });

  it('keeps a server’s order when it gives the same definitions in another', async () => {
    const { catalog, changes } = makeCatalog();
    const server = scriptedServer('files', { tools: [tool('a'), tool('b')] });
    catalog.watch(server);
    await catalog.refresh('files');
    changes.length = 0;
    server.spec = { tools: [tool('b'), tool('a')] };
    await catalog.refresh('files');
    expect([toolNames(catalog), changes]).toEqual([['a', 'b'], []]);
  });

  it('tells once when resources and their templates change together', async () => {
    const { catalog, changes } = makeCatalog();
    const server = scriptedServer('files', { resources: [{ uri: 'a:b' }], templates: [{ uriTemplate: 'a:{b}' }] });
    catalog.watch(server);
    await catalog.refresh('files');
    expect(changes).toEqual([{ server: 'files', list: 'resources' }]);
  });

  it('says which servers cannot be vouched for, and why, until they can', async () => {
    const { catalog } = makeCatalog();
    const [one, two] = [scriptedServer('one', { capabilities: { tools: {} } }), scriptedServer('two', {})];
    catalog.watch(one);
    catalog.watch(two);
    expect([...catalog.absent()]).toEqual([
      ['one', 'starting'],
      ['two', 'starting'],
    ]);
    await Promise.all([catalog.refresh('one'), catalog.refresh('two')]);
    expect([...catalog.absent()]).toEqual([]);
    two.become('sick');
    one.spec = { capabilities: { tools: {} }, listScript: () => ({ tools: 'none' }) };
    await catalog.refresh('one');
    expect([...catalog.absent()]).toEqual([
      ['one', 'unreadable'],
      ['two', 'sick'],
    ]);
    expect(catalog.failure('one')).toContain('not answered with a list');
    catalog.forget('one');
    two.become('ready');
    expect([...catalog.absent()]).toEqual([]);
  });

  it('fills nobody’s log with the definitions that it holds back', async () => {
    const { catalog, log, clock } = makeCatalog();
    const many = Array.from({ length: 500 }, (_, i) => tool(`bad name ${i}`));
    catalog.watch(scriptedServer('files', { tools: many }));
    await catalog.refresh('files');
    expect(log).toHaveLength(20);
    clock.advance(1000);
    expect(log.at(-1)).toBe('files: (480 more such lines were left out)');
    expect(catalog.server('files')?.quarantined).toHaveLength(500);
  });

  it('does not miss a change that is announced while it reads', async () => {
    const { catalog } = makeCatalog();
    let answer: (value: object) => void = () => undefined;
    const server = scriptedServer('files', {
      capabilities: { tools: {} },
      listScript: () => new Promise((resolve) => (answer = resolve)),
    });
    catalog.watch(server);
    const first = catalog.refresh('files');
    await settle();
    server.sayListChanged('tools');
    server.spec = { tools: [tool('new')] };
    answer({ tools: [tool('old')] });
    await first;
    await settle();
    expect(toolNames(catalog)).toEqual(['new']);
  });

  it('reads a server’s lists once however many ask for it at once', async () => {
    const { catalog } = makeCatalog();
    const server = scriptedServer('files', { capabilities: { tools: {} } });
    catalog.watch(server);
    await Promise.all([catalog.refresh('files'), catalog.refresh('files'), catalog.refresh('files')]);
    expect(server.link.requests).toHaveLength(1);
  });

  it('forgets a server with everything in it, and tells of it', async () => {
    const { catalog, changes } = makeCatalog();
    const server = scriptedServer('files', { tools: [tool('a')] });
    catalog.watch(server);
    await catalog.refresh('files');
    changes.length = 0;
    catalog.forget('files');
    expect([catalog.servers(), catalog.byWireName('tools', 'files__a')]).toEqual([[], undefined]);
    expect(changes.map(({ list }) => list)).toEqual(['tools', 'prompts', 'resources']);
    catalog.forget('files');
    await catalog.refresh('files');
    expect(changes).toHaveLength(3);
  });

  it('does not take the lists of a server that was replaced while they were read', async () => {
    const { catalog } = makeCatalog();
    let answer: (value: object) => void = () => undefined;
    const old = scriptedServer('files', {
      capabilities: { tools: {} },
      listScript: () => new Promise((resolve) => (answer = resolve)),
    });
    catalog.watch(old);
    const first = catalog.refresh('files');
    await settle();
    catalog.forget('files');
    catalog.watch(scriptedServer('files', { tools: [tool('new')] }));
    const second = catalog.refresh('files');
    answer({ tools: [tool('old')] });
    await Promise.all([first, second]);
    expect(toolNames(catalog)).toEqual(['new']);
  });

  it('asks only servers anew whose lists are older than their own bound', async () => {
    const { catalog, clock } = makeCatalog();
    const [short, long] = [
      scriptedServer('short', { capabilities: { tools: {} }, listScript: () => ({ tools: [], ttlMs: 5000 }) }),
      scriptedServer('long', { capabilities: { tools: {} } }),
    ];
    for (const server of [short, long]) catalog.watch(server);
    await Promise.all([catalog.refresh('short'), catalog.refresh('long')]);
    clock.advance(5001);
    catalog.refreshStale();
    catalog.refreshStale();
    await settle();
    expect([short.link.requests.length, long.link.requests.length]).toEqual([2, 1]);
  });

  it('tells of a server that has come, so that callers look again', async () => {
    const { catalog, changes } = makeCatalog();
    catalog.watch(scriptedServer('files', { tools: [tool('a')] }));
    await catalog.refresh('files');
    expect(changes).toEqual([{ server: 'files', list: 'tools' }]);
  });

  it('asks a server again whose lists could not be read at first, and not all the time', async () => {
    const { catalog, clock } = makeCatalog();
    const failing = () => {
      throw new Error('busy');
    };
    const server = scriptedServer('files', { capabilities: { tools: {} }, listScript: failing });
    catalog.watch(server);
    await catalog.refresh('files');
    for (let i = 0; i < 5; i++) catalog.refreshStale();
    await settle();
    expect(server.link.requests).toHaveLength(1);
    server.spec = { tools: [tool('late')] };
    clock.advance(1001);
    catalog.refreshStale();
    await settle();
    expect(toolNames(catalog)).toEqual(['late']);
  });

  it('tells nobody who has stopped listening', async () => {
    const { catalog } = makeCatalog();
    let told = 0;
    const stop = catalog.onChange(() => (told += 1));
    stop();
    catalog.watch(scriptedServer('files', { tools: [tool('a')] }));
    await catalog.refresh('files');
    catalog.forget('files');
    expect(told).toBe(0);
  });
});
