import { describe, expect, it } from 'vitest';
import type { StdioOptions } from './options.ts';
import { prepareCommand, type PreparePorts } from './prepare.ts';
import type { PathFacts, SandboxOptions } from './sandbox.ts';

/** Folders end with a slash; a text is what a symbolic link leads to. */
const machine = (paths: Readonly<Record<string, string | true>>, replacements: Partial<PreparePorts> = {}) => {
  const tried: string[][] = [];
  const look = (path: string): Promise<PathFacts | undefined> => {
    const there = paths[`${path}/`] ?? paths[path];
    if (there === undefined) return Promise.resolve(undefined);
    if (typeof there === 'string') return look(there);
    return Promise.resolve({ real: path, isFolder: `${path}/` in paths });
  };
  const ports: PreparePorts = {
    platform: 'linux',
    machine: { homes: ['/home', '/root', '/home/u1'], path: '/bin:/usr/bin', look },
    tryOut: (argv) => {
      tried.push([...argv]);
      return Promise.resolve(undefined);
    },
    ...replacements,
  };
  return { ports, tried };
};

const usual = {
  '/home/': true,
  '/tmp/': true,
  '/run/': true,
  '/usr/bin/bwrap': true,
  '/usr/bin/server': true,
  '/srv/app/': true,
  '/srv/app/data/': true,
} as const;
const entry = (more: Partial<StdioOptions>): StdioOptions => ({
  ...{ kind: 'stdio', command: ['server', '--flag'], env: {}, cwd: '/srv/app' },
  ...more,
});
const walls = (more: Partial<SandboxOptions> = {}): SandboxOptions => ({
  ...{ network: false, read: [], write: [], hide: [], protect: [] },
  ...more,
});
const commandOf = async (options: StdioOptions, { ports }: { ports: PreparePorts }): Promise<string> => {
  const prepared = await prepareCommand(options, ports);
  return prepared.kind === 'command' ? prepared.command.join(' ') : `${prepared.message}; ${prepared.wayOut}`;
};

describe('a server without bounds', () => {
  it('is started as it is, and nothing is looked at', async () => {
    const { ports, tried } = machine({});
    expect(await prepareCommand(entry({ limits: { memory: undefined } }), ports)).toEqual({
      ...{ kind: 'command', command: ['server', '--flag'], helpers: 0 },
    });
    expect(tried).toEqual([]);
  });
});

describe('a server behind walls', () => {
  it('sees the system read-only, no home, a /tmp of its own, and its cwd read-only', async () => {
    const command = await commandOf(entry({ sandbox: walls() }), machine(usual));
    expect(command).toContain('/usr/bin/bwrap --unshare-user --unshare-pid');
    expect(command).toContain('--unshare-net --die-with-parent --cap-drop ALL --ro-bind / / --dev /dev --proc /proc');
    expect(command).toContain('--tmpfs /tmp --tmpfs /run --tmpfs /home');
    expect(command).toMatch(/--ro-bind \/srv\/app \/srv\/app .*--chdir \/srv\/app -- server --flag$/);
  });

  it('is rehearsed once for each kind of walls', async () => {
    const { ports, tried } = machine(usual);
    for (const network of [false, false, true, true])
      await prepareCommand(entry({ sandbox: walls({ network }) }), ports);
    expect(tried.map((argv) => argv.includes('--unshare-net'))).toEqual([true, false]);
  });

  it('has the network and the paths that its entry lists', async () => {
    const sandbox = walls({ network: true, read: ['/home/u1/shared'], write: ['/srv/app/data'] });
    const command = await commandOf(entry({ sandbox }), machine({ ...usual, '/home/u1/shared/': true }));
    expect(command).not.toContain('--unshare-net');
    expect(command).toContain('--ro-bind /home/u1/shared /home/u1/shared');
    expect(command).toContain('--bind /srv/app/data /srv/app/data');
    expect(command.indexOf('--bind /srv/app/data')).toBeGreaterThan(command.indexOf('--ro-bind /srv/app '));
  });

  it('sees of a program that lies in a home what it needs to run', async () => {
    const paths = {
      ...usual,
      '/home/u1/node/bin/': true,
      '/home/u1/node/bin/npx': '/home/u1/node/lib/node_modules/npm/bin/npx-cli.js',
      '/home/u1/node/lib/node_modules/npm/bin/npx-cli.js': true,
    } as const;
    const command = await commandOf(entry({ command: ['/home/u1/node/bin/npx'], sandbox: walls() }), machine(paths));
    expect(command).toContain('--ro-bind /home/u1/node/bin /home/u1/node/bin');
    expect(command).toContain('--ro-bind /home/u1/node/lib/node_modules /home/u1/node/lib/node_modules');
    expect(command).not.toContain('--ro-bind /home/u1 /home/u1');
  });

  it('never sees the state, nor changes the configuration, where its paths hold them', async () => {
    const paths = {
      ...usual,
      '/srv/app/state/': true,
      '/srv/app/sallyport.yaml': true,
      '/srv/app/state/master.key': true,
    } as const;
    const sandbox = walls({
      write: ['/srv/app'],
      hide: ['/srv/app/state', '/srv/app/state/master.key', '/absent'],
      protect: ['/srv/app/sallyport.yaml'],
    });
    const command = await commandOf(entry({ sandbox }), machine(paths));
    expect(command).toContain('--ro-bind /srv/app/sallyport.yaml /srv/app/sallyport.yaml --tmpfs /srv/app/state');
    expect(command).not.toContain('absent');
  });

  it('has single files hidden where they lie among others', async () => {
    const paths = { ...usual, '/srv/app/sallyport.db': true } as const;
    const sandbox = walls({ hide: ['/srv/app/sallyport.db'] });
    const command = await commandOf(entry({ sandbox }), machine(paths));
    expect(command).toContain('--ro-bind /dev/null /srv/app/sallyport.db');
  });

  it('is refused when it would need what no server may see', async () => {
    const sandbox = walls({ hide: ['/srv/app'] });
    expect(await commandOf(entry({ sandbox }), machine(usual))).toContain('/srv/app lies in /srv/app, which no server');
  });

  it('is refused when it could add a file to the configuration', async () => {
    const sandbox = walls({ write: ['/srv/app/data'], protect: ['/srv/app/data'] });
    expect(await commandOf(entry({ sandbox }), machine(usual))).toContain('the server could change the configuration');
  });

  it.each([
    ['write', walls({ write: ['/absent'] }), '/absent is not there; make it, or correct sandbox.write'],
    ['read', walls({ read: ['/absent'] }), '/absent is not there; make it, or correct sandbox.read'],
  ])('is refused when a path of %s is not there', async (_, sandbox, text) => {
    expect(await commandOf(entry({ sandbox }), machine(usual))).toBe(text);
  });

  it('has its limits set inside, and its walls do not count as its processes', async () => {
    const { ports } = machine(usual);
    const prepared = await prepareCommand(entry({ sandbox: walls(), limits: { files: 64 } }), ports);
    expect(prepared).toMatchObject({ kind: 'command', helpers: 2 });
    expect(await commandOf(entry({ sandbox: walls(), limits: { files: 64 } }), { ports })).toMatch(
      /-- \/bin\/sh -c ulimit -n 64 \|\| exit 125; exec "\$@" limits server --flag$/,
    );
  });
});

describe('a machine that cannot hold the bounds', () => {
  const bwrapGone = { ...usual, '/usr/bin/bwrap': '/nowhere' };

  it('is told of with what to install', async () => {
    const said = await commandOf(entry({ sandbox: walls() }), machine(bwrapGone));
    expect(said).toContain('needs the program bwrap, which is not on the PATH; install bubblewrap (apt install');
  });

  it('is told of with what bubblewrap said', async () => {
    const tryOut = () => Promise.resolve('bwrap: No permissions to create new namespace');
    const said = await commandOf(entry({ sandbox: walls() }), machine(usual, { tryOut }));
    expect(said).toContain('cannot build a sandbox here: bwrap: No permissions to create new namespace');
    expect(said).toContain('write sandbox: off');
  });

  it.each([
    ['darwin', { memory: 1, processes: 1 }, 'memory and processes cannot be limited on darwin'],
    ['win32', { files: 64, cpu: 1 }, 'files and cpu cannot be limited on win32'],
  ])('is told of on %s', async (platform, limits, text) => {
    expect(await commandOf(entry({ limits }), machine(usual, { platform }))).toContain(text);
  });

  it('is none on macOS for what a shell can set', async () => {
    expect(await commandOf(entry({ limits: { files: 64 } }), machine(usual, { platform: 'darwin' }))).toContain(
      'ulimit',
    );
  });
});
