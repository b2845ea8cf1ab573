import { describe, expect, it } from 'vitest';
import { loadConfig } from './config/load.ts';
import type { ConfigPorts } from './config/ports.ts';
import type { Config } from './config/types.ts';
import { withVirtualFiles } from './config/virtual-files.ts';
import { isLoopback, makeRules } from './rules.ts';

const nowhere: ConfigPorts = {
  env: { HOME: '/home/me' },
  identity: { uid: 1000, groups: new Set([1000]) },
  nodePath: '/opt/node',
  workingFolder: '/etc/sp',
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: 'not expected' }),
};

async function configOf(...lines: string[]): Promise<Config> {
  const content = ['version: 1', ...lines].join('\n');
  const loaded = await loadConfig(
    ['main.yaml'],
    withVirtualFiles(nowhere, new Map([['/etc/sp/main.yaml', { content }]])),
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

const rulesOf = async (port: number, ...lines: string[]) => makeRules(await configOf(...lines), port);

describe('the hosts that a door answers to', () => {
  it('are the names of this machine, with the port that it really listens on', async () => {
    const { hosts } = await rulesOf(4711, 'listen: 127.0.0.1:0');
    expect([...hosts].sort()).toEqual(['127.0.0.1:4711', '[::1]:4711', 'localhost:4711']);
  });

  it('include the names without a port where the port is the one that nobody writes', async () => {
    const { hosts } = await rulesOf(80, 'listen: 127.0.0.1:80');
    expect([hosts.has('localhost'), hosts.has('localhost:80')]).toEqual([true, true]);
  });

  it('include that of the public URL, in lower case', async () => {
    const { hosts } = await rulesOf(8848, 'publicUrl: https://MCP.example.com');
    expect([hosts.has('mcp.example.com'), hosts.has('evil.example.com')]).toEqual([true, false]);
  });
});

describe('the hosts of a door to other machines', () => {
  const proxied = 'behindProxy: { trusted: [10.0.0.1] }';

  it('are the address that it listens on, and no names of this machine', async () => {
    const { hosts } = await rulesOf(8848, proxied, 'listen: 10.0.0.5:8848');
    expect([...hosts]).toEqual(['10.0.0.5:8848']);
  });

  it('are those of the public URL alone where it listens on every address', async () => {
    const { hosts } = await rulesOf(8848, proxied, 'listen: 0.0.0.0:8848', 'publicUrl: https://mcp.example.com');
    expect([...hosts].sort()).toEqual(['mcp.example.com', 'mcp.example.com:443']);
  });
});

describe('who comes over TLS', () => {
  it('is everybody where the public URL is https, for a proxy has it then', async () => {
    expect((await rulesOf(8848, 'publicUrl: https://mcp.example.com')).isSecure).toBe(true);
    expect((await rulesOf(8848)).isSecure).toBe(false);
  });
});

describe('the proxies that are believed', () => {
  it('are those of the file, and nobody without it', async () => {
    expect((await rulesOf(8848)).proxy).toBeUndefined();
    const { proxy } = await rulesOf(8848, 'behindProxy: { trusted: [10.0.0.0/24, 192.0.2.1] }');
    expect(['10.0.0.9', '10.0.1.9', '192.0.2.1', '127.0.0.1'].map((each) => proxy?.trusts(each))).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('the origins that may call', () => {
  it('are the door’s own, with its port, so that another page of this machine is a stranger', async () => {
    const { origins } = await rulesOf(4711);
    expect([
      origins.has('http://localhost:4711'),
      origins.has('http://localhost:4712'),
      origins.has('http://localhost'),
    ]).toEqual([true, false, false]);
  });

  it('are those of the file and of the public URL, and then no local ones', async () => {
    const { origins } = await rulesOf(8848, 'publicUrl: https://mcp.example.com', 'origins: [https://app.example.com]');
    expect([...origins].sort()).toEqual(['https://app.example.com', 'https://mcp.example.com']);
  });
});

describe('the rules of a file', () => {
  it('carry its roles, limits, callers, doors and servers', async () => {
    const rules = await rulesOf(
      8848,
      'refusals: status',
      'limits: { body: 1KiB, depth: 9, openPerCaller: 3, openPerAddress: 4 }',
      'doors: { sse: on }',
      'callers: { keys: false, anonymous: reader }',
      'roles: { reader: { tools: [files.read] } }',
      'upstreams: { files: { url: http://127.0.0.1:1/mcp, limit: 10/m } }',
    );
    expect(rules).toMatchObject({
      refusals: 'status',
      limits: { body: 1024, depth: 9, openPerCaller: 3, openPerAddress: 4 },
      doors: { websocket: false, sse: true },
      callers: { keys: false, anonymous: 'reader' },
    });
    expect(rules.callers).not.toHaveProperty('local');
    expect([...rules.servers]).toEqual(['files']);
    expect(rules.upstreamLimits.get('files')).toMatchObject({ tokens: 10, perMs: 60_000 });
    expect(rules.policy.access(['reader']).judge('tools', 'files.read').settled.effect).toBe('allow');
  });

  it('keep the argument values that the file names for a target, and the same answer each time', async () => {
    const rules = await rulesOf(
      8848,
      "audit: { arguments: { 'db.*': [schema], 'db.query': [limit] } }",
      'upstreams: { db: { url: http://127.0.0.1:1/mcp } }',
    );
    for (let i = 0; i < 2; i++) {
      expect(rules.keptArguments('db.query')).toEqual(['schema', 'limit']);
      expect(rules.keptArguments('db.list')).toEqual(['schema']);
      expect(rules.keptArguments('files.read')).toBeUndefined();
    }
  });

  it('keep no argument values by default', async () => {
    expect((await rulesOf(8848)).keptArguments('db.query')).toBeUndefined();
  });
});

describe('a loopback address', () => {
  it.each([
    ['localhost', true],
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.0.0.1.example.com', false],
    ['10.0.0.1', false],
    ['localhost.example.com', false],
  ])('%s: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
