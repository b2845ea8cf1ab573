import { describe, expect, it } from 'vitest';
import { importServers, isOwnEntry, legalName } from './import-servers.ts';
import { readClientServers } from './read-servers.ts';

const home = '/home/ada';
const target = { home, env: { HOME: home, SET: 'x' }, folder: '/work' };

function imported(config: unknown, workspace = '/work', envFiles: Record<string, Record<string, string>> = {}) {
  const { servers } = readClientServers(JSON.stringify(config), workspace);
  const source = { program: 'Cursor', workspace, servers, readEnvFile: (path: string) => envFiles[path] };
  return importServers([source], target);
}

const token = `ghp${'_'}${'a1b2'.repeat(9)}`;

describe('importServers', () => {
  it('turns commands and urls into upstreams', () => {
    const { upstreams } = imported({
      mcpServers: {
        files: { command: 'npx', args: ['-y', 'server-filesystem', '/srv'], env: { LOG_LEVEL: 'debug' } },
        docs: { url: 'https://docs.example.com/mcp' },
      },
    });
    expect(upstreams).toEqual([
      {
        kind: 'stdio',
        name: 'files',
        from: '"files" of Cursor',
        command: ['npx', '-y', 'server-filesystem', '/srv'],
        env: [
          ['HOME', 'inherit'],
          ['LOG_LEVEL', 'debug'],
        ],
        cwd: undefined,
      },
      {
        kind: 'http',
        name: 'docs',
        from: '"docs" of Cursor',
        url: 'https://docs.example.com/mcp',
        bearer: undefined,
        headers: [],
      },
    ]);
  });

  it('moves every literal secret out, wherever it stands', () => {
    const config = {
      mcpServers: {
        git: { command: 'git-server', env: { GITHUB_TOKEN: token } },
        db: {
          command: 'db-server',
          args: ['--password', 'hunter-two', `--api-key=${token}`, `postgres://u:${'p'}w@db/x`],
        },
        web: {
          url: 'https://w.example.com/mcp',
          headers: { Authorization: `Bearer ${token}`, 'X-Api-Key': 'short-one' },
        },
        remote: {
          command: 'npx',
          args: ['mcp-remote', 'https://r.example.com', '--header', `Authorization: Bearer ${token}`],
        },
      },
    };
    const { upstreams, secrets } = imported(config);
    const rest = JSON.stringify(upstreams);
    for (const secret of [token, 'hunter-two', `u:${'p'}w`, 'short-one']) {
      expect(rest).not.toContain(secret);
      expect(JSON.stringify(secrets)).toContain(secret);
    }
    expect(secrets.map((secret) => secret.file)).toEqual([
      'git-GITHUB_TOKEN',
      'db-password',
      'db-api-key',
      'db-ARGUMENT_4',
      'web-Authorization',
      'web-X-Api-Key',
      'remote-Authorization',
    ]);
    expect(upstreams[2]).toMatchObject({
      bearer: undefined,
      headers: [
        ['Authorization', 'file:state/secrets/web-Authorization'],
        ['X-Api-Key', 'file:state/secrets/web-X-Api-Key'],
      ],
    });
  });

  it('makes a bearer token and a login in a URL what they are', () => {
    const { upstreams, secrets } = imported({
      mcpServers: {
        a: { url: 'https://a.example.com/mcp', headers: { authorization: 'Bearer plain', Accept: 'x' } },
        b: { url: `https://ada:${'pa'}ss@b.example.com/mcp` },
      },
    });
    expect(upstreams[0]).toMatchObject({ bearer: 'file:state/secrets/a-TOKEN', headers: [] });
    expect(upstreams[1]).toMatchObject({
      url: 'https://b.example.com/mcp',
      headers: [['Authorization', 'file:state/secrets/b-Authorization']],
    });
    expect(secrets).toEqual([
      { file: 'a-TOKEN', value: 'plain' },
      { file: 'b-Authorization', value: `Basic ${Buffer.from('ada:pass').toString('base64')}` },
    ]);
  });

  it.each(['a%zz:b', 'a:%', '%ff:b'])('leaves out a server whose login in the URL cannot be read: %s', (login) => {
    const { upstreams, secrets, remarks } = imported({
      mcpServers: { bad: { url: `http://${login}@h.example.com/` }, good: { command: 'x' } },
    });
    expect(upstreams.map(({ name }) => name)).toEqual(['good']);
    expect(secrets).toEqual([]);
    expect(remarks).toMatchObject([{ server: 'bad', text: expect.stringContaining('left out') as unknown }]);
    expect(JSON.stringify(remarks)).not.toContain(login);
  });

  it('reads variables of the environment, in both spellings and with a fallback', () => {
    const { upstreams } = imported({
      mcpServers: {
        a: { command: 'a', env: { ONE: '${env:ONE}', TWO: '${TWO}', THREE: '${SET:-x}', FOUR: '${UNSET:-fallback}' } },
        b: { url: 'https://b.example.com', headers: { Authorization: 'Bearer ${env:B_TOKEN}' } },
      },
    });
    expect(upstreams[0]).toMatchObject({
      env: [
        ['HOME', 'inherit'],
        ['ONE', 'env:ONE'],
        ['TWO', 'env:TWO'],
        ['THREE', 'env:SET'],
        ['FOUR', 'fallback'],
      ],
    });
    expect(upstreams[1]).toMatchObject({ bearer: 'env:B_TOKEN' });
  });

  it('reports inputs and mixed values as secrets that a person has to fill in', () => {
    const { upstreams, secrets } = imported({
      servers: {
        perplexity: { type: 'stdio', command: 'p', env: { API_KEY: '${input:key}', URL: 'https://${env:HOST}/x' } },
      },
    });
    expect(secrets).toEqual([
      { file: 'perplexity-API_KEY', value: undefined, needs: '${input:key}' },
      { file: 'perplexity-URL', value: undefined, needs: '${env:HOST}' },
    ]);
    expect(upstreams[0]).toMatchObject({
      env: [
        ['HOME', 'inherit'],
        ['API_KEY', 'file:state/secrets/perplexity-API_KEY'],
        ['URL', 'file:state/secrets/perplexity-URL'],
      ],
    });
  });

  it('resolves folders, environment files and relative commands where the client would', () => {
    const { upstreams, secrets } = imported(
      { servers: { a: { command: './run.sh', args: ['${userHome}/x'], envFile: '${workspaceFolder}/.env' } } },
      '/project',
      { '/project/.env': { MODE: 'fast', MY_SECRET: 'abc' } },
    );
    expect(upstreams[0]).toMatchObject({ command: ['./run.sh', `${home}/x`], cwd: '/project' });
    expect(secrets).toEqual([{ file: 'a-MY_SECRET', value: 'abc' }]);
  });

  it('leaves alone what a server replaces by itself in its arguments', () => {
    const { upstreams } = imported({
      mcpServers: {
        r: {
          command: 'npx',
          args: ['mcp-remote', '--header', 'Authorization:${AUTH}'],
          env: { AUTH: `Bearer ${token}` },
        },
      },
    });
    expect(upstreams[0]).toMatchObject({ command: ['npx', 'mcp-remote', '--header', 'Authorization:${AUTH}'] });
  });

  it('makes names legal and unique and says so', () => {
    const { upstreams, remarks } = imported({
      mcpServers: { 'My Server': { command: 'a' }, my_server: { command: 'b' }, '3d': { command: 'c' } },
    });
    expect(upstreams.map((upstream) => upstream.name)).toEqual(['my-server', 'my-server-2', 'd']);
    expect(remarks.map((remark) => remark.server)).toEqual(['My Server', 'my_server', '3d']);
  });

  it('takes a server that stands in two files once, and leaves out what is off or Sallyport itself', () => {
    const { upstreams, remarks } = imported({
      mcpServers: {
        a: { command: 'a' },
        off: { command: 'x', disabled: true },
        old: { type: 'sse', url: 'https://old.example.com/sse' },
        sallyport: {
          command: '/usr/bin/node',
          args: ['/opt/sallyport/src/main.ts', 'run', '--stdio', '-c', '/x.yaml'],
        },
      },
      servers: { a: { command: 'a' } },
    });
    expect(upstreams.map((upstream) => upstream.name)).toEqual(['a', 'old']);
    expect(remarks.map((remark) => remark.server)).toEqual(['off']);
  });

  it('keeps text that reads like a reference what it is, by a file of its own', () => {
    const { upstreams, secrets } = imported({ mcpServers: { a: { command: 'a', args: ['env:HOME', 'file:///srv'] } } });
    expect(upstreams[0]).toMatchObject({ command: ['a', 'file:state/secrets/a-ARGUMENT_1', 'file:///srv'] });
    expect(secrets).toEqual([{ file: 'a-ARGUMENT_1', value: 'env:HOME' }]);
  });
});

describe('legalName', () => {
  it('gives every name a legal form', () => {
    expect(legalName('GitHub Copilot (beta)')).toBe('github-copilot-beta');
    expect(legalName('---')).toBe('server');
    expect(legalName('a'.repeat(40))).toBe('a'.repeat(24));
    for (const name of ['ß', '9', 'x_', '-a-']) expect(legalName(name)).toMatch(/^[a-z][a-z0-9-]{0,23}$/);
  });
});

describe('readClientServers', () => {
  it('survives every shape', () => {
    for (const text of [
      '[]',
      'null',
      '1',
      '{"mcpServers": 3}',
      '{"mcpServers": {"a": null, "b": [], "c": {}}}',
      '{"servers": {"__proto__": {"command": "x"}}}',
    ]) {
      expect(() => readClientServers(text, '/work'), text).not.toThrow();
    }
    expect(readClientServers('{"mcpServers": {"c": {}}}', '/w').unreadable).toEqual([
      { name: 'c', reason: 'neither a command nor a url' },
    ]);
  });

  it('reads the servers of this project from a file that lists projects', () => {
    const text = JSON.stringify({
      projects: { '/work': { mcpServers: { p: { command: 'p' } } }, '/other': { mcpServers: { q: { command: 'q' } } } },
    });
    expect(readClientServers(text, '/work').servers.map((server) => server.name)).toEqual(['p']);
  });

  it('knows an entry that starts Sallyport', () => {
    const { servers } = readClientServers(
      '{"mcpServers":{"x":{"command":"npx","args":["sallyport","run","--stdio"]}}}',
      '/w',
    );
    expect(servers.map(isOwnEntry)).toEqual([true]);
  });
});
