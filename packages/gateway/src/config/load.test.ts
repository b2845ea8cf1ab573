import { describe, expect, it } from 'vitest';
import { loadConfig, type Loaded } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import type { Config, HttpUpstreamConfig, StdioUpstreamConfig } from './types.ts';
import { withVirtualFiles, type VirtualFile } from './virtual-files.ts';

const value = ['v', 'alue-', '1'].join('');

function machine(overrides: Partial<ConfigPorts> = {}): ConfigPorts {
  return {
    env: { HOME: '/home/me', TOKEN: value, LISTEN: '127.0.0.1:99' },
    identity: { uid: 1000, groups: new Set([1000, 2000]) },
    nodePath: '/opt/node',
    workingFolder: '/etc/sp',
    facts: async () => 'absent',
    read: async () => 'absent',
    list: async () => 'absent',
    run: async () => ({ ok: false, reason: 'not expected' }),
    ...overrides,
  };
}

function withFiles(files: Record<string, string | VirtualFile>, ports = machine()): ConfigPorts {
  const all = Object.entries(files).map(([path, file]): [string, VirtualFile] => [
    path.startsWith('/') ? path : `/etc/sp/${path}`,
    typeof file === 'string' ? { content: file } : file,
  ]);
  return withVirtualFiles(ports, new Map(all));
}

function load(files: Record<string, string | VirtualFile>, names = ['main.yaml'], ports = machine()): Promise<Loaded> {
  return loadConfig(names, withFiles(files, ports));
}

async function good(
  files: Record<string, string | VirtualFile>,
  names?: string[],
  ports?: ConfigPorts,
): Promise<Config> {
  const loaded = await load(files, names, ports);
  if (!loaded.ok)
    expect.fail(loaded.problems.map((problem) => `${problem.line}:${problem.column} ${problem.message}`).join('\n'));
  return loaded.config;
}

function stdio(config: Config): StdioUpstreamConfig {
  const upstream = config.upstreams.find((candidate) => candidate.kind === 'stdio');
  return upstream ?? expect.fail('no stdio upstream');
}

function http(config: Config): HttpUpstreamConfig {
  const upstream = config.upstreams.find((candidate) => candidate.kind === 'http');
  return upstream ?? expect.fail('no http upstream');
}

describe('loadConfig', () => {
  it('has safe defaults that work', async () => {
    const { tree: _tree, fingerprint: _fingerprint, ...config } = await good({ 'main.yaml': 'version: 1\n' });
    expect(config).toEqual({
      listen: { host: '127.0.0.1', port: 8848 },
      publicUrl: undefined,
      origins: [],
      admin: { listen: { host: '127.0.0.1', port: 8849 } },
      store: { kind: 'sqlite', path: '/etc/sp/state/sallyport.db' },
      master: expect.objectContaining({ kind: 'file', path: '/etc/sp/state/master.key' }),
      refusals: 'result',
      mode: 'enforce',
      doors: { websocket: false, sse: false },
      limits: {
        body: 1024 ** 2,
        message: 4 * 1024 ** 2,
        depth: 64,
        requestTimeout: 60_000,
        perAddress: { tokens: 1000, perMs: 1000, burst: 2000 },
        failedLogins: { tokens: 10, perMs: 60_000, burst: 10 },
        badRequests: undefined,
        effects: undefined,
        concurrentPerCaller: 32,
        openPerCaller: 64,
        openPerAddress: 1024,
      },
      audit: {
        directory: '/etc/sp/state/audit',
        durability: 'intent',
        rotate: 64 * 1024 ** 2,
        keep: undefined,
        arguments: [],
      },
      egress: { allow: [], proxy: undefined, ca: undefined },
      callers: { local: undefined, anonymous: undefined, keys: true, jwt: [], introspection: undefined },
      deny: [],
      effects: [],
      roles: [],
      views: [],
      upstreams: [],
      tests: [],
      files: ['/etc/sp/main.yaml'],
      secretFiles: [],
      folders: [],
    });
  });

  it('reads grants with their places', async () => {
    const yaml =
      "version: 1\nupstreams: { db: { command: [a] } }\nroles:\n  reader:\n    tools: [db.*, '!db.drop', { tool: db.query, limit: 10/m }]\n";
    const { roles } = await good({ 'main.yaml': yaml });
    expect(roles[0]?.origin).toEqual({ file: '/etc/sp/main.yaml', line: 4, column: 3 });
    expect(roles[0]?.tools).toEqual([
      { pattern: 'db.*', isSubtraction: false, origin: { file: '/etc/sp/main.yaml', line: 5, column: 13 } },
      { pattern: 'db.drop', isSubtraction: true, origin: { file: '/etc/sp/main.yaml', line: 5, column: 19 } },
      {
        pattern: 'db.query',
        isSubtraction: false,
        limit: { tokens: 10, perMs: 60_000, burst: 10 },
        origin: { file: '/etc/sp/main.yaml', line: 5, column: 31 },
      },
    ]);
  });

  it('takes on, off, true and false for a switch', async () => {
    for (const [word, keys] of [
      ['on', true],
      ['true', true],
      ['off', false],
      ['false', false],
    ] as const) {
      const yaml = `version: 1\ncallers: { keys: ${word} }\nadmin: off\ndoors: { websocket: ${word} }\n`;
      const config = await good({ 'main.yaml': yaml });
      expect(config.callers.keys).toBe(keys);
      expect(config.doors).toEqual({ websocket: keys, sse: false });
      expect(config.admin).toBeUndefined();
    }
  });

  it('reads JSON, a byte order mark, carriage returns, and anchors', async () => {
    await good({ 'main.yaml': '{"version": 1}' });
    await good({ 'main.yaml': '\ufeffversion: 1\r\nrefusals: status\r\n' });
    const config = await good({
      'main.yaml': "version: 1\nroles:\n  a: { tools: &all ['*'] }\n  b: { tools: *all }\n",
    });
    expect(config.roles.map((role) => role.tools[0]?.pattern)).toEqual(['*', '*']);
  });

  it('lays files over each other in order and lets null remove', async () => {
    const config = await good(
      {
        'main.yaml':
          'version: 1\nrefusals: status\nlimits: { depth: 9, body: 2MiB }\norigins: [https://a.example]\nroles: { a: {}, b: {} }\n',
        'over.yaml': 'refusals: null\nlimits: { depth: 10 }\norigins: [https://b.example]\nroles: { b: ~, c: {} }\n',
      },
      ['main.yaml', 'over.yaml'],
    );
    expect(config.refusals).toBe('result');
    expect(config.limits).toMatchObject({ depth: 10, body: 2 * 1024 ** 2 });
    expect(config.origins).toEqual(['https://b.example']);
    expect(config.roles.map((role) => [role.name, role.origin.file])).toEqual([
      ['a', '/etc/sp/main.yaml'],
      ['c', '/etc/sp/over.yaml'],
    ]);
  });

  it('adds included files, whose paths start from their own folder', async () => {
    const config = await good({
      'main.yaml':
        "version: 1\ninclude: ['servers/*.yaml', roles.yaml]\nupstreams: { a: { command: [a] } }\ntests: [{ as: r, call: b.x, expect: unknown }]\n",
      'servers/b.yaml':
        'upstreams: { b: { command: [b], cwd: data } }\ntests: [{ as: r, call: a.x, expect: unknown }]\n',
      'servers/.hidden.yaml': 'upstreams: { hidden: { command: [b] } }\n',
      'servers/notes.txt': 'not yaml: [',
      'roles.yaml': 'roles: { r: {} }\n',
    });
    expect(config.files).toEqual(['/etc/sp/main.yaml', '/etc/sp/servers/b.yaml', '/etc/sp/roles.yaml']);
    expect(config.folders).toEqual(['/etc/sp/servers', '/etc/sp']);
    expect(config.upstreams).toMatchObject([
      { name: 'a', cwd: '/etc/sp' },
      { name: 'b', cwd: '/etc/sp/servers/data' },
    ]);
    expect(config.tests.map((test) => test.call)).toEqual(['b.x', 'a.x']);
  });

  it('leaves what only servers are given unread on request, and everything else stays checked', async () => {
    const yaml =
      'version: 1\nlisten: env:LISTEN\nupstreams:\n  a: { command: [env:NO_1, env:NO_2], cwd: env:NO_3, env: { A: env:NO_4, B: file:absent, C: "command:show", HOME2: inherit } }\n  b: { url: env:NO_5, auth: { bearer: env:NO_6 }, limit: 5/s }\n';
    const loaded = await loadConfig(['main.yaml'], withFiles({ 'main.yaml': yaml }), { secrets: 'skip' });
    if (!loaded.ok) expect.fail(loaded.problems.map((problem) => problem.message).join('\n'));
    expect(loaded.warnings).toEqual([]);
    expect(loaded.config).toMatchObject({ listen: { port: 99 }, secretFiles: [] });
    expect(loaded.config.upstreams).toMatchObject([
      { name: 'a', share: 'all' },
      { name: 'b', limit: { tokens: 5 } },
    ]);
    const [a, b] = loaded.config.upstreams as Config['upstreams'];
    expect(() => a?.kind === 'stdio' && a.env.get('A')?.reveal()).toThrow('env:NO_4 was not followed');
    expect(() => b?.kind === 'http' && b.credentials[0]?.value.reveal()).toThrow('env:NO_6 was not followed');

    const withFault = { 'main.yaml': { content: yaml.replace('limit: 5/s', 'limit: env:NO_7'), mode: 0o666 } };
    const faulty = await loadConfig(['main.yaml'], withFiles(withFault), { secrets: 'skip' });
    expect(faulty.ok).toBe(false);
    expect(!faulty.ok && faulty.problems.map(({ code }) => code)).toEqual(['unsafe-file', 'secret']);
  });

  it('follows references in any text and keeps secrets wrapped', async () => {
    const config = await good(
      {
        'main.yaml':
          'version: 1\nlisten: env:LISTEN\nupstreams:\n  a: { command: [x, env:TOKEN], env: { A: env:TOKEN, B: file:secrets/b, C: "command:show \'a b\'", D: plain, E: 7, HOME: inherit } }\n  b: { url: https://b.example/mcp, auth: { bearer: env:TOKEN } }\n  c: { url: https://c.example/mcp, auth: { header: { X-Key: file:secrets/b } } }\n',
        'secrets/b': { content: 'from file\r\n' },
      },
      undefined,
      machine({
        run: async (argv, { cwd }) => ({
          ok: true,
          output: new TextEncoder().encode(`${JSON.stringify(argv)} in ${cwd}\n`),
        }),
      }),
    );
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 99 });
    expect(stdio(config).command).toEqual(['x', value]);
    expect(Object.fromEntries([...stdio(config).env].map(([name, secret]) => [name, secret.reveal()]))).toEqual({
      A: value,
      B: 'from file',
      C: '["show","a b"] in /etc/sp',
      D: 'plain',
      E: '7',
      HOME: '/home/me',
    });
    expect(
      config.upstreams
        .filter((upstream) => upstream.kind === 'http')
        .map(({ credentials }) => credentials.map(({ name, value: secret }) => [name, secret.reveal()])),
    ).toEqual([[['authorization', `Bearer ${value}`]], [['x-key', 'from file']]]);
    expect(config.secretFiles).toEqual(['/etc/sp/secrets/b']);
  });

  it('takes file:// for a URI and not for a reference', async () => {
    const config = await good({ 'main.yaml': 'version: 1\nupstreams: { a: { command: [x, file:///srv] } }\n' });
    expect(stdio(config).command).toEqual(['x', 'file:///srv']);
  });

  it('starts a bare `node` with the Node that runs it, and no other program', async () => {
    const config = await good({ 'main.yaml': 'version: 1\nupstreams: { a: { command: [node, node, ""] } }\n' });
    expect(stdio(config).command).toEqual(['/opt/node', 'node', '']);
  });

  it('leaves the master key to whoever opens the store', async () => {
    const config = await good({ 'main.yaml': 'version: 1\nmaster: env:NOT_SET\n' });
    expect(config.master).toMatchObject({ kind: 'env', name: 'NOT_SET' });
  });

  it('gives an HTTP upstream a connection a caller and lets it ask', async () => {
    const config = await good({
      'main.yaml': 'version: 1\nupstreams: { a: { url: "http://127.0.0.1:1/mcp", ask: [elicitation] } }\n',
    });
    expect(http(config)).toMatchObject({
      share: 'caller',
      ask: ['elicitation'],
      timeout: 60_000,
      maxTime: 600_000,
      credentials: [],
    });
  });

  it('tells by its URL what carries the messages of a server', async () => {
    const config = await good({
      'main.yaml':
        'version: 1\nupstreams: { a: { url: "wss://a.example/mcp" }, b: { url: "ws://127.0.0.1:1/" }, c: { url: "https://c.example/sse" } }\n',
    });
    expect(config.upstreams.map(({ name, kind, share }) => [name, kind, share])).toEqual([
      ['a', 'websocket', 'caller'],
      ['b', 'websocket', 'caller'],
      ['c', 'http', 'caller'],
    ]);
  });

  it('warns of a credential that travels in clear over WebSocket, too', async () => {
    const yaml =
      'version: 1\nupstreams:\n  a: { url: "ws://a.example", auth: { bearer: env:TOKEN } }\n  b: { url: "ws://[::1]", auth: { bearer: env:TOKEN } }\n';
    const loaded = await load({ 'main.yaml': yaml }, undefined, machine());
    expect(loaded.warnings.map(({ line, suggestion }) => [line, suggestion])).toEqual([
      [3, 'use wss:// if the server knows it'],
    ]);
  });

  it('lets our own groups read secrets and change files', async () => {
    const yaml = 'version: 1\nupstreams: { a: { command: [x], env: { A: file:a } } }\n';
    await good({ 'main.yaml': { content: yaml, mode: 0o664, gid: 2000 }, a: { content: 'x', mode: 0o440, gid: 2000 } });
  });

  it('does not look at permissions where files have none', async () => {
    const yaml = { content: 'version: 1\n', mode: 0o666 };
    await good({ 'main.yaml': yaml }, undefined, machine({ identity: undefined }));
  });

  it('refuses a folder in which everyone can replace the file, unless it is sticky', async () => {
    const inFolder = (mode: number): ConfigPorts =>
      machine({
        facts: async (path) =>
          path === '/etc/sp' ? { kind: 'folder', mode, uid: 0, gid: 0, size: 0, stamp: '' } : 'absent',
      });
    const loaded = await load({ 'main.yaml': 'version: 1\n' }, undefined, inFolder(0o777));
    expect(loaded.ok ? [] : loaded.problems.map((problem) => problem.code)).toEqual(['unsafe-file']);
    await good({ 'main.yaml': 'version: 1\n' }, undefined, inFolder(0o1777));
  });

  it('runs no command on the word of a file that others can change', async () => {
    let ran = 0;
    const run: ConfigPorts['run'] = async () => {
      ran += 1;
      return { ok: true, output: new Uint8Array([65]) };
    };
    const content = 'version: 1\nupstreams: { a: { command: [x], env: { A: command:show } } }\n';
    const unsafe = await load({ 'main.yaml': { content, mode: 0o606 } }, undefined, machine({ run }));
    expect(unsafe.ok).toBe(false);
    expect(ran).toBe(0);
    await good({ 'main.yaml': content }, undefined, machine({ run }));
    expect(ran).toBe(1);
  });

  it('follows each reference once, however often it stands', async () => {
    let ran = 0;
    const run: ConfigPorts['run'] = async () => {
      ran += 1;
      return { ok: true, output: new Uint8Array([65]) };
    };
    const content = 'version: 1\nupstreams: { a: { command: [x], env: { A: command:show, B: command:show } } }\n';
    await good({ 'main.yaml': content }, undefined, machine({ run }));
    expect(ran).toBe(1);
  });

  it('names all that is wrong in one go, in the order of the file', async () => {
    const loaded = await load({
      'main.yaml': 'version: 1\nlisten: 1\nrefusals: x\ncallers: { local: y, keys: z }\ndeny: [!q]\n',
    });
    expect(loaded.ok ? [] : loaded.problems.map((problem) => problem.line)).toEqual([2, 3, 4, 4, 5, 5]);
  });

  it('says how to begin when there is no file', async () => {
    const loaded = await load({});
    expect(loaded).toMatchObject({
      ok: false,
      problems: [
        {
          file: '/etc/sp/main.yaml',
          line: 1,
          column: 1,
          message: '/etc/sp/main.yaml does not exist',
          suggestion: expect.stringContaining('sallyport init'),
        },
      ],
    });
  });

  it('takes no file from the working folder that nobody named', async () => {
    await expect(load({ 'sallyport.yaml': 'version: 1\n' }, [])).rejects.toThrow(RangeError);
  });

  it('points at the first byte that is not UTF-8', async () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('version: 1\nab: '), 0xff]);
    const loaded = await load({ 'main.yaml': { content: bytes } });
    expect(loaded).toMatchObject({
      ok: false,
      problems: [{ line: 2, column: 5, suggestion: 'save the file as UTF-8' }],
    });
  });

  it('refuses a file of more than 1 MiB', async () => {
    const loaded = await load({ 'main.yaml': `version: 1\n#${'x'.repeat(1024 * 1024)}` });
    expect(loaded).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('larger than 1 MiB') }] });
  });

  it('warns of what works and is probably not meant', async () => {
    const yaml =
      "version: 1\ninclude: ['x*.yaml']\nroles: { a: { tools: ['!files.x'] } }\nupstreams:\n  files: { command: [x], env: { NOT_SET: inherit } }\n  far: { url: http://a.example, auth: { bearer: env:TOKEN } }\ndeny: ['fiels.*']\n";
    const loaded = await load({ 'main.yaml': yaml });
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings.map((warning) => [warning.line, warning.message])).toEqual([
      [2, 'no file in /etc/sp matches x*.yaml'],
      [3, 'this list only takes away, so it allows no tools'],
      [5, 'NOT_SET is not set here, so the server will not get it'],
      [6, 'the credential travels to this server without encryption'],
      [7, '"fiels.*" matches nothing: there is no upstream `fiels`'],
    ]);
    expect(loaded.warnings.every((warning) => warning.suggestion !== undefined)).toBe(true);
  });
});

describe('what a local server may use and reach', () => {
  const upstream = (body: string): Record<string, string> => ({
    'main.yaml': `version: 1\nupstreams: { files: { command: [server], ${body} } }\n`,
  });

  it('is everything without limits and sandbox', async () => {
    expect(stdio(await good(upstream('share: all')))).toMatchObject({ limits: undefined, sandbox: undefined });
    expect(stdio(await good(upstream('sandbox: off')))).toMatchObject({ sandbox: undefined });
  });

  it('is read with units and absolute paths', async () => {
    const { limits } = stdio(await good(upstream('limits: { memory: 512MiB, processes: 64, files: 256, cpu: 10m }')));
    expect(limits).toEqual({ memory: 512 * 1024 * 1024, processes: 64, files: 256, cpu: 600_000 });
    expect(stdio(await good(upstream('sandbox: on'))).sandbox).toEqual({ network: false, read: [], write: [] });
    const { sandbox } = stdio(await good(upstream('sandbox: { network: on, read: [/srv], write: [./data] }')));
    expect(sandbox).toEqual({ network: true, read: ['/srv'], write: ['/etc/sp/data'] });
  });

  it('knows which words of its command are secrets', async () => {
    const files = { 'main.yaml': 'version: 1\nupstreams: { files: { command: [server, --token, env:TOKEN] } }\n' };
    const { command, secretArguments } = stdio(await good(files));
    expect([command.at(-1), secretArguments.map((secret) => secret.reveal())]).toEqual([value, [value]]);
  });

  it.each([
    ['limits: { memory: 1MiB }', 'this must be from 16MiB to 4096GiB'],
    ['limits: { processes: many }', 'a whole number from 1 to 100000'],
    ['limits: { body: 1MiB }', '`body` is not a key of the limits of a server'],
    ['sandbox: maybe', '"maybe" is not a switch'],
    ['sandbox: { networks: on }', '`networks` is not a key of a sandbox'],
  ])('is refused: %s', async (body, message) => {
    const loaded = await load(upstream(body));
    expect(loaded.ok ? [] : loaded.problems.map((problem) => problem.message)).toEqual([
      expect.stringContaining(message) as unknown,
    ]);
  });

  it('warns of a package without a fixed version, where it stands, and goes on', async () => {
    const loaded = await load({ 'main.yaml': "version: 1\nupstreams:\n  files: { command: [npx, -y, '@a/b'] }\n" });
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings).toMatchObject([
      {
        ...{ code: 'unpinned', line: 3, column: 31, length: 6 },
        suggestion: 'write "@a/b@1.2.3", with the version that you have looked at',
      },
    ]);
  });
});
