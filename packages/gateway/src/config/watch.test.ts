import { describe, expect, it } from 'vitest';
import type { ConfigChanges } from './diff.ts';
import { loadConfig } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import type { Problem } from './problem.ts';
import type { Config } from './types.ts';
import { withVirtualFiles, type VirtualFile } from './virtual-files.ts';
import { watchConfig, type WatchPorts } from './watch.ts';

/** A machine whose clock only moves when told, with files that a test can change. */
async function setup(content: string, more: Record<string, string> = {}) {
  const files = new Map<string, VirtualFile>();
  const write = (name: string, text: string): void => void files.set(`/etc/sp/${name}`, { content: text });
  write('main.yaml', content);
  for (const [name, text] of Object.entries(more)) write(name, text);
  const counters = { reads: 0, runs: 0 };
  let onRead: (() => void) | undefined;
  const outside: ConfigPorts = {
    env: {},
    identity: undefined,
    nodePath: '/opt/node',
    workingFolder: '/etc/sp',
    facts: async () => 'absent',
    read: async () => 'absent',
    list: async () => 'absent',
    run: async () => {
      counters.runs += 1;
      return { ok: true, output: new Uint8Array([65]) };
    },
  };
  const virtual = withVirtualFiles(outside, files);
  const ports: ConfigPorts = {
    ...virtual,
    read: async (path, limit) => {
      counters.reads += 1;
      const bytes = await virtual.read(path, limit);
      onRead?.();
      return bytes;
    },
  };

  const timers = new Map<object, { ms: number; run: () => void }>();
  const folders = new Map<string, () => void>();
  const watchPorts: WatchPorts = {
    ...ports,
    watchFolder: (path, onChange) => {
      folders.set(path, onChange);
      return () => void folders.delete(path);
    },
    schedule: (ms, run) => {
      const id = {};
      timers.set(id, { ms, run });
      return () => void timers.delete(id);
    },
  };
  const loaded = await loadConfig(['main.yaml'], ports);
  if (!loaded.ok) return expect.fail(JSON.stringify(loaded.problems));
  const seen: { config: Config; changes: ConfigChanges }[] = [];
  const problems: (readonly Problem[])[] = [];
  const mended: string[] = [];
  const watch = watchConfig(['main.yaml'], loaded.config, watchPorts, {
    onChange: (config, changes) => void seen.push({ config, changes }),
    onProblem: (found) => void problems.push(found),
    onMended: () => void mended.push('mended'),
  });
  return {
    files,
    write,
    watch,
    seen,
    problems,
    mended,
    folders,
    timers,
    counters,
    /** Runs timers of this length that are set now. */
    fire: (ms: number): void => {
      for (const [id, timer] of [...timers]) {
        if (timer.ms !== ms) continue;
        timers.delete(id);
        timer.run();
      }
    },
    whenRead: (then: (() => void) | undefined): void => void (onRead = then),
  };
}

describe('watchConfig', () => {
  it('says nothing while nothing changes, and reads no file for it', async () => {
    const machine = await setup('version: 1\n');
    await machine.watch.check();
    const { reads } = machine.counters;
    await machine.watch.check();
    await machine.watch.check();
    expect(machine.counters.reads).toBe(reads);
    expect(machine.seen).toEqual([]);
    await machine.watch.close();
  });

  it('hands over a new configuration and what changed', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    await machine.watch.check();
    expect(machine.seen).toMatchObject([{ config: { refusals: 'status' }, changes: { door: true, policy: false } }]);
    await machine.watch.check();
    expect(machine.seen).toHaveLength(1);
    await machine.watch.close();
  });

  it('says once that a mistake was undone, and nothing has changed', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\nlissten: 1\n');
    await machine.watch.check();
    expect([machine.problems.length, machine.mended]).toEqual([1, []]);
    machine.write('main.yaml', 'version: 1\n');
    await machine.watch.check();
    await machine.watch.check();
    expect([machine.problems.length, machine.mended, machine.seen]).toEqual([1, ['mended'], []]);
    await machine.watch.close();
  });

  it('finds a change that was made before it began', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    machine.fire(500);
    await machine.watch.check();
    expect(machine.seen).toHaveLength(1);
    await machine.watch.close();
  });

  it('[config-reload] keeps the old configuration when the new one is wrong, says so once, and takes the next right one', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\nrefusals: never\n');
    await machine.watch.check();
    await machine.watch.check();
    expect(machine.seen).toEqual([]);
    expect(machine.problems).toMatchObject([[{ line: 2, column: 11 }]]);
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    await machine.watch.check();
    expect(machine.seen).toHaveLength(1);
    await machine.watch.close();
  });

  it('survives that a file is gone for a moment', async () => {
    const machine = await setup('version: 1\n');
    machine.files.delete('/etc/sp/main.yaml');
    await machine.watch.check();
    expect(machine.problems).toMatchObject([[{ message: '/etc/sp/main.yaml does not exist' }]]);
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    await machine.watch.check();
    expect(machine.seen).toHaveLength(1);
    await machine.watch.close();
  });

  it('sees included files come and go, and secrets change', async () => {
    const machine = await setup(
      "version: 1\ninclude: ['more/*.yaml']\nupstreams: { a: { command: [x], env: { A: file:a } } }\n",
      {
        'more/a.yaml': 'roles: { a: {} }\n',
        a: 'one',
      },
    );
    machine.write('more/b.yaml', 'roles: { b: {} }\n');
    await machine.watch.check();
    expect(machine.seen.at(-1)?.config.roles.map((role) => role.name)).toEqual(['a', 'b']);
    machine.files.delete('/etc/sp/more/a.yaml');
    await machine.watch.check();
    expect(machine.seen.at(-1)?.config.roles.map((role) => role.name)).toEqual(['b']);
    machine.write('a', 'two');
    await machine.watch.check();
    expect(machine.seen.at(-1)?.changes.upstreams.changed).toEqual(['a']);
    expect([...machine.folders.keys()].sort()).toEqual(['/etc/sp', '/etc/sp/more']);
    await machine.watch.close();
  });

  it('hands over rules that only moved, because explanations point at lines', async () => {
    const machine = await setup("version: 1\ndeny: ['*.x']\n");
    machine.write('main.yaml', "version: 1\n\ndeny: ['*.x']\n");
    await machine.watch.check();
    expect(machine.seen).toMatchObject([{ config: { deny: [{ origin: { line: 3 } }] }, changes: { policy: false } }]);
    await machine.watch.close();
  });

  it('runs commands again only when files changed', async () => {
    const machine = await setup('version: 1\nupstreams: { a: { command: [x], env: { A: command:show } } }\n');
    await machine.watch.check();
    await machine.watch.check();
    expect(machine.counters.runs).toBe(1);
    await machine.watch.close();
  });

  it('gathers the events of a folder for 100 ms', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    for (let event = 0; event < 5; event += 1) machine.folders.get('/etc/sp')?.();
    expect([...machine.timers.values()].filter((timer) => timer.ms === 100)).toHaveLength(1);
    machine.fire(100);
    await machine.watch.check();
    expect(machine.seen).toHaveLength(1);
    await machine.watch.close();
  });

  it('reads again what was written while it was read', async () => {
    const machine = await setup('version: 1\n');
    machine.write('main.yaml', 'version: 1\n');
    let writes = 0;
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    machine.whenRead(() => {
      writes += 1;
      if (writes === 2) machine.write('main.yaml', 'version: 1\nrefusals: status\nlimits: { depth: 7 }\n');
    });
    await machine.watch.check();
    expect(machine.seen).toEqual([]);
    machine.whenRead(undefined);
    machine.fire(100);
    await machine.watch.check();
    expect(machine.seen).toMatchObject([{ config: { refusals: 'status', limits: { depth: 7 } } }]);
    await machine.watch.close();
  });

  it('leaves no timer and no watcher behind', async () => {
    const machine = await setup('version: 1\n');
    machine.folders.get('/etc/sp')?.();
    await machine.watch.close();
    expect(machine.timers.size + machine.folders.size).toBe(0);
    machine.write('main.yaml', 'version: 1\nrefusals: status\n');
    await machine.watch.check();
    expect(machine.seen).toEqual([]);
  });
});
