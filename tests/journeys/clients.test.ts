// A person who already uses MCP brings their servers over, connects their client program, and can take it all back.
import { lstat, readFile, readdir, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createTalk,
  everything,
  makeMachine,
  makeSecrets,
  program,
  settingsFolder,
  type Machine,
} from './client-files.ts';

const machines: Machine[] = [];

async function machine(variables: NodeJS.ProcessEnv = {}): Promise<Machine> {
  const made = await makeMachine(variables);
  machines.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(machines.splice(0).map((one) => one.remove()));
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

/** Files below a folder that hold one of the texts, relative to it. */
async function holders(folder: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path, 'utf8');
    if (texts.some((text) => content.includes(text))) found.push(relative(folder, path));
  }
  return found.toSorted();
}

const vscodeFile = (secret: string) => `// servers of this project
{
\t"inputs": [{ "type": "promptString", "id": "perplexity-key", "password": true }],
\t"servers": {
\t\t"github": { "type": "http", "url": "https://api.example.com/mcp", "headers": { "Authorization": "Bearer ${secret}" } },
\t\t/* asks for its key */
\t\t"Perplexity": { "type": "stdio", "command": "npx", "args": ["-y", "server-perplexity"], "env": { "PERPLEXITY_API_KEY": "\${input:perplexity-key}" } },
\t\t"local": { "type": "stdio", "command": "node", "args": ["\${workspaceFolder}/server.js"], "env": { "LEVEL": "debug" }, },
\t},
}
`;

describe('init --from', () => {
  it('[secrets-not-on-disk] takes over the servers of Claude, moves every secret into a file of its own, and gives a configuration that is right', async () => {
    const { token, password, apiKey } = makeSecrets();
    const one = await machine({ EXISTING_TOKEN: 'set-in-the-environment' });
    const desktop = {
      mcpServers: {
        filesystem: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', one.home] },
        GitHub: {
          command: 'npx',
          args: ['-y', 'server-github'],
          env: { GITHUB_PERSONAL_ACCESS_TOKEN: token, LOG_LEVEL: 'debug' },
        },
        db: { command: 'db-server', args: [`postgres://app:${password}@localhost/shop`, '--api-key', apiKey] },
      },
    };
    const code = {
      numStartups: 3,
      mcpServers: { env: { type: 'stdio', command: 'env-server', env: { API_TOKEN: '${EXISTING_TOKEN}' } } },
      projects: {
        [one.work]: { mcpServers: { here: { command: 'here-server' } } },
        '/elsewhere': { mcpServers: { there: { command: 'x' } } },
      },
    };
    await one.write(join(settingsFolder(one.home), 'Claude', 'claude_desktop_config.json'), JSON.stringify(desktop));
    await one.write(join(one.home, '.claude.json'), JSON.stringify(code));

    const made = await one.run('init', '--from', 'claude');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const config = await readFile(join(one.work, 'sallyport.yaml'), 'utf8');
    for (const name of ['filesystem:', 'github:', 'db:', 'env:', 'here:']) expect(config).toContain(`\n  ${name}`);
    expect(config).not.toContain('there:');
    expect(config).toContain('API_TOKEN: env:EXISTING_TOKEN');
    expect(config).toContain('LOG_LEVEL: debug');

    const secrets = [token, password, apiKey];
    expect(await holders(one.work, secrets)).toEqual([
      'state/secrets/db-ARGUMENT_1',
      'state/secrets/db-api-key',
      'state/secrets/github-GITHUB_PERSONAL_ACCESS_TOKEN',
    ]);
    for (const secret of secrets) expect(made.stdout).not.toContain(secret);
    expect(await modeOf(join(one.work, 'state', 'secrets'))).toBe(0o700);
    for (const file of await readdir(join(one.work, 'state', 'secrets'))) {
      expect(await modeOf(join(one.work, 'state', 'secrets', file)), file).toBe(0o600);
    }

    const checked = await one.run('check');
    expect(checked.code).toBe(0);
    // What client programs start without a version is worth a word, and no more than that.
    expect(checked.stderr.match(/: warning: .* has no fixed version/g)).toHaveLength(2);
    expect(checked.stderr).not.toContain('error');
  });

  it('takes over the servers of VS Code from a file with comments, and says what a person has to fill in', async () => {
    const { bearer } = makeSecrets();
    const one = await machine();
    await one.write(join(one.work, '.vscode', 'mcp.json'), vscodeFile(bearer));
    const made = await one.run('init', '--from', 'vscode');
    expect(made.code).toBe(0);
    expect(made.stdout).toContain('fill in state/secrets/perplexity-PERPLEXITY_API_KEY (was ${input:perplexity-key})');
    expect(await holders(one.work, [bearer])).toEqual(['.vscode/mcp.json', 'state/secrets/github-TOKEN']);
    expect(await readFile(join(one.work, 'sallyport.yaml'), 'utf8')).toContain(
      `command: [node, ${one.work}/server.js]`,
    );

    const unfilled = await one.run('check');
    expect(unfilled.code).toBe(1);
    expect(unfilled.stderr).toContain('perplexity-PERPLEXITY_API_KEY does not exist');
    await one.write(join(one.work, 'state', 'secrets', 'perplexity-PERPLEXITY_API_KEY'), 'filled-in');
    await one.chmod(join(one.work, 'state', 'secrets', 'perplexity-PERPLEXITY_API_KEY'), 0o600);
    expect((await one.run('check')).code).toBe(0);
  });

  it('takes over a plain file and the servers of Cursor, those of the project included', async () => {
    const one = await machine();
    await one.write(join(one.home, '.cursor', 'mcp.json'), '{ "mcpServers": { "a": { "command": "a" } } }');
    await one.write(
      join(one.work, '.cursor', 'mcp.json'),
      '{ "mcpServers": { "b": { "url": "http://127.0.0.1:9/mcp" } } }',
    );
    const cursor = await one.run('init', '--from', 'cursor', '--json');
    expect(JSON.parse(cursor.stdout).upstreams).toEqual([
      { name: 'a', kind: 'stdio' },
      { name: 'b', kind: 'http' },
    ]);

    await one.write(join(one.work, 'mine.json'), '{ "mcpServers": { "c": { "command": "c" } } }');
    const refused = await one.run('init', '--from', 'mine.json');
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'sallyport: sallyport.yaml is there already — edit it, or replace it with --force\n',
    });
    const plain = await one.run('init', '--from', 'mine.json', '--force', '--json');
    expect(JSON.parse(plain.stdout).upstreams).toEqual([{ name: 'c', kind: 'stdio' }]);
  });

  it('says what it did not find, and changes nothing', async () => {
    const one = await machine();
    const none = await one.run('init', '--from', 'cursor');
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('no servers found in ~/.cursor/mcp.json');
    const wrong = await one.run('init', '--from', 'curser');
    expect(wrong.stderr).toContain('curser is neither a file nor one of claude, cursor, vscode');
    await one.write(join(one.work, 'broken.json'), '{ "mcpServers": { nonsense');
    expect((await one.run('init', '--from', 'broken.json')).stderr).toMatch(
      /^sallyport: broken\.json: not JSON.* — correct the file/,
    );
    expect(await readdir(one.work)).toEqual(['broken.json']);
  });
});

describe('connect and disconnect', () => {
  const clients = [
    {
      client: 'claude',
      path: (one: Machine) => join(settingsFolder(one.home), 'Claude', 'claude_desktop_config.json'),
      holder: 'mcpServers',
    },
    { client: 'cursor', path: (one: Machine) => join(one.home, '.cursor', 'mcp.json'), holder: 'mcpServers' },
    {
      client: 'vscode',
      path: (one: Machine) => join(settingsFolder(one.home), 'Code', 'User', 'mcp.json'),
      holder: 'servers',
    },
  ] as const;

  for (const { client, path, holder } of clients) {
    it(`writes an entry for ${client} beside the others and takes it out byte for byte`, async () => {
      const one = await machine();
      await one.run('init');
      const before = `// mine\n{\n\t"${holder}": {\n\t\t"other": { "command": "x" }, // stays\n\t},\n\t"theme": "dark"\n}\n`;
      await one.write(path(one), before);
      await one.chmod(path(one), 0o640);

      const connected = await one.run('connect', client);
      expect(connected).toMatchObject({ code: 0, stderr: '' });
      const after = await readFile(path(one), 'utf8');
      expect(after).toContain('"other": { "command": "x" }, // stays');
      expect(after).toContain('"theme": "dark"');
      const backup = (await readdir(join(path(one), '..'))).find((name) => name.includes('before-sallyport')) ?? '';
      expect(await readFile(join(path(one), '..', backup), 'utf8')).toBe(before);
      expect(await modeOf(join(path(one), '..', backup))).toBe(0o600);
      expect(await modeOf(path(one))).toBe(0o640);

      expect((await one.run('connect', client)).stdout).toContain('already connected');
      expect((await one.run('disconnect', client)).code).toBe(0);
      expect(await readFile(path(one), 'utf8')).toBe(before);
      expect(await readdir(join(path(one), '..'))).toEqual([path(one).split('/').at(-1)]);
      expect((await one.run('disconnect', client)).stdout).toContain('not connected');
    });
  }

  it('takes only its own entry out of a file that was changed since', async () => {
    const one = await machine();
    await one.run('init');
    const path = join(one.home, '.cursor', 'mcp.json');
    await one.write(path, '{\n  "mcpServers": {\n    "a": { "command": "a" }\n  }\n}\n');
    await one.run('connect', 'cursor');
    await one.write(
      path,
      (await readFile(path, 'utf8')).replace('"a": { "command": "a" }', '"a": { "command": "changed" }'),
    );
    expect((await one.run('disconnect', 'cursor')).stdout).toContain('removed');
    expect(await readFile(path, 'utf8')).toBe('{\n  "mcpServers": {\n    "a": { "command": "changed" }\n  }\n}\n');
  });

  it('leaves a symbolic link one, and no file where there was none', async () => {
    const one = await machine();
    await one.run('init');
    const real = join(one.home, 'dotfiles', 'mcp.json');
    await one.write(real, '{}\n');
    await one.write(join(one.home, '.cursor', 'keep'), '');
    await symlink(real, join(one.home, '.cursor', 'mcp.json'));
    await one.run('connect', 'cursor');
    expect((await lstat(join(one.home, '.cursor', 'mcp.json'))).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toContain('"sallyport"');
    await one.run('disconnect', 'cursor');
    expect(await readFile(real, 'utf8')).toBe('{}\n');

    await one.run('connect', 'vscode', '--file', 'mcp.json');
    expect(await readFile(join(one.work, 'mcp.json'), 'utf8')).toContain('"servers"');
    await one.run('disconnect', 'vscode', '--file', 'mcp.json');
    expect(await readdir(one.work)).not.toContain('mcp.json');
  });

  it('refuses a file that is no JSON, a missing configuration and an unknown client, and changes nothing', async () => {
    const one = await machine();
    const path = join(one.home, '.cursor', 'mcp.json');
    await one.write(path, '{ "mcpServers": ');
    expect((await one.run('connect', 'cursor')).stderr).toContain('no configuration at sallyport.yaml');
    await one.run('init');
    const broken = await one.run('connect', 'cursor');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('nothing was changed');
    expect(await readFile(path, 'utf8')).toBe('{ "mcpServers": ');
    expect(await one.run('connect', 'curser')).toMatchObject({ code: 2 });
  });
});

describe('a client program', () => {
  const config = `version: 1
callers: { local: admin }
roles:
  admin: { tools: ['*'], resources: ['*'], prompts: ['*'] }
  looker: { tools: ['everything.get-sum'] }
upstreams:
  everything: { command: [node, '${everything}', stdio] }
`;
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'client', version: '1' } };

  /** Starts what `connect` wrote, as the client program would, and introduces itself. */
  async function startEntry(one: Machine, path: string) {
    const { sallyport } = JSON.parse(await readFile(path, 'utf8')).mcpServers;
    const child = one.start(sallyport.command, sallyport.args);
    const talk = createTalk(child);
    expect(await talk.request('initialize', hello)).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
    talk.notify('notifications/initialized');
    return { child, talk };
  }

  const toolNames = async (talk: ReturnType<typeof createTalk>) => {
    const { result } = await talk.request('tools/list', {});
    return JSON.stringify(result);
  };
  const echo = (name: string, message: string) => ({ name, arguments: { message } });

  it('starts what connect wrote, and a second one joins the same gateway', async () => {
    const one = await machine();
    await one.write(join(one.work, 'sallyport.yaml'), config);
    const path = join(one.home, '.cursor', 'mcp.json');
    await one.write(path, '{}');
    expect((await one.run('connect', 'cursor')).code).toBe(0);

    const first = await startEntry(one, path);
    expect(await toolNames(first.talk)).toContain('"everything__echo"');
    const second = await startEntry(one, path);
    const answers = await Promise.all([
      first.talk.request('tools/call', echo('everything__echo', 'one')),
      second.talk.request('tools/call', echo('everything__echo', 'two')),
    ]);
    expect(answers).toMatchObject([
      { result: { content: [{ text: 'Echo: one' }] } },
      { result: { content: [{ text: 'Echo: two' }] } },
    ]);
    expect(JSON.parse((await one.run('status', '--json')).stdout)).toMatchObject({ running: true, connections: 2 });

    // The one that came first hangs up; the other goes on.
    first.child.stdin.end();
    expect(await second.talk.request('tools/call', echo('everything__echo', 'three'))).toMatchObject({
      result: { content: [{ text: 'Echo: three' }] },
    });
    const gone = [first.child, second.child].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    second.child.stdin.end();
    expect(await Promise.all(gone)).toEqual([0, 0]);
    expect([...first.talk.stray, ...second.talk.stray]).toEqual([]);
    expect(await one.run('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('[explain] is refused what its role may not do, and explain says why', async () => {
    const one = await machine();
    await one.write(join(one.work, 'sallyport.yaml'), config.replace('local: admin', 'local: looker'));
    const refused = await one.run('call', 'everything.echo', '{"message":"x"}', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout).error.message).toBe('Unknown tool: echo');
    const allowed = await one.run('call', 'everything.echo', '{"message":"x"}', '--as', 'admin');
    expect(allowed).toMatchObject({ code: 0, stdout: 'Echo: x\n' });
    const why = await one.run('explain', 'everything.echo');
    expect(why.code).toBe(1);
    expect(why.stdout).toContain("add 'everything.echo' to tools of role looker (sallyport.yaml:5:21)");
    const [last] = (await one.run('audit', 'search', '--reason', 'forbidden', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const story = await one.run('explain', last.exchange);
    expect(story.stdout).toMatch(/authorize.*not allowed: role looker/);
  });

  it('starts a wrapped server under its own names, and learns which variables it does not get', async () => {
    const one = await machine({ SECRET_OF_MINE: 'do-not-pass', PASSED_ON: 'yes' });
    const child = one.start(program, ['wrap', '-e', 'PASSED_ON', '--', process.execPath, everything, 'stdio']);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const talk = createTalk(child);
    await talk.request('initialize', hello);
    talk.notify('notifications/initialized');
    const names = await toolNames(talk);
    expect(names).toContain('"echo"');
    expect(names).not.toContain('__echo');
    expect(await talk.request('tools/call', echo('echo', 'hi'))).toMatchObject({
      result: { content: [{ text: 'Echo: hi' }] },
    });
    const environment = JSON.stringify(await talk.request('tools/call', { name: 'get-env', arguments: {} }));
    expect(environment).toContain('PASSED_ON');
    expect(environment).not.toContain('do-not-pass');
    expect(said).toContain('does not get SECRET_OF_MINE;');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    expect(await gone).toBe(0);
    expect(talk.stray).toEqual([]);
    const trail = join(one.home, '.local', 'state', 'sallyport', 'index', 'audit');
    expect(await one.run('audit', 'verify', trail)).toMatchObject({ code: 0 });
  });
});
