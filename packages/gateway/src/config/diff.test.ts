import { describe, expect, it } from 'vitest';
import { diffConfig, isUnchanged } from './diff.ts';
import { loadConfig } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import { withVirtualFiles } from './virtual-files.ts';

async function load(yaml: string, env: Record<string, string> = { TOKEN: 'one' }) {
  const ports: ConfigPorts = {
    env,
    identity: undefined,
    nodePath: '/opt/node',
    workingFolder: '/etc/sp',
    facts: async () => 'absent',
    read: async () => 'absent',
    list: async () => 'absent',
    run: async () => ({ ok: false, reason: '' }),
  };
  const loaded = await loadConfig(
    ['a.yaml'],
    withVirtualFiles(ports, new Map([['/etc/sp/a.yaml', { content: `version: 1\n${yaml}` }]])),
  );
  return loaded.ok ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

const nothing = {
  policy: false,
  mode: false,
  callers: false,
  limits: false,
  door: false,
  audit: false,
  egress: false,
  tests: false,
  tls: false,
  upstreams: { added: [], removed: [], changed: [], tuned: [] },
  needsRestart: [],
};

const one = 'upstreams: { a: { command: [x], env: { T: env:TOKEN } }, b: { url: https://b.example } }\n';

describe('diffConfig', () => {
  it('compares conditions by their text', async () => {
    const grant = (when: string) =>
      `upstreams: { a: { command: [x] } }\nroles: { r: { tools: [{ tool: a.b, when: '${when}' }] } }`;
    const before = await load(grant('args.a == 1'));
    expect(diffConfig(before, await load(`deny: []\n${grant('args.a == 1')}`)).policy).toBe(false);
    expect(diffConfig(before, await load(grant('args.a == 2'))).policy).toBe(true);
  });

  it('sees nothing where only places changed', async () => {
    const changes = diffConfig(await load(one), await load(`# a comment\n\n${one}`));
    expect(changes).toEqual(nothing);
    expect(isUnchanged(changes)).toBe(true);
  });

  it.each<[string, string, object]>([
    ['a denial', "deny: ['*.x']\n", { policy: true }],
    ['a role', 'roles: { r: {} }\n', { policy: true }],
    ['a view', "views: { v: { tools: ['*'] } }\n", { policy: true }],
    ['an effect', "effects: { '*': write }\n", { policy: true }],
    ['the mode', 'mode: observe\n', { policy: true, mode: true }],
    ['a caller rule', 'callers: { keys: off }\n', { callers: true }],
    ['a limit', 'limits: { depth: 5 }\n', { limits: true }],
    ['the way of refusing', 'refusals: status\n', { door: true }],
    ['a door', 'doors: { websocket: on }\n', { door: true }],
    ['an origin', 'origins: [https://a.example]\n', { door: true }],
    ['what may be reached', 'egress: { allow: [10.0.0.0/8] }\n', { egress: true }],
    ['what is recorded', 'audit: { arguments: { files.read: [path] } }\n', { audit: true }],
    ['how it is recorded', 'audit: { durability: full }\n', { audit: true, needsRestart: ['audit.durability'] }],
    ['the listen address', 'listen: 127.0.0.1:1\n', { needsRestart: ['listen'] }],
    ['the admin port', 'admin: off\n', { needsRestart: ['admin'] }],
    ['the store', 'store: sqlite:x\n', { needsRestart: ['store'] }],
    ['the master key', 'master: env:K\n', { needsRestart: ['master'] }],
    ['the audit folder', 'audit: { directory: x }\n', { needsRestart: ['audit.directory'] }],
  ])('names %s', async (_what, yaml, expected) => {
    const changes = diffConfig(await load(one), await load(one + yaml));
    expect(changes).toEqual({ ...nothing, ...expected });
    expect(isUnchanged(changes)).toBe(false);
  });

  it('tells upstreams that came, went, changed and were tuned apart', async () => {
    const before = await load(
      'upstreams: { a: { command: [x] }, b: { command: [x] }, c: { command: [x] }, d: { command: [x] } }\n',
    );
    const after = await load(
      'upstreams: { b: { command: [x] }, c: { command: [y] }, d: { command: [x], limit: 1/s, timeout: 5s }, e: { command: [x] } }\n',
    );
    expect(diffConfig(before, after)).toEqual({
      ...nothing,
      upstreams: { added: ['e'], removed: ['a'], changed: ['c'], tuned: ['d'] },
    });
  });

  it('sees that a secret has another value', async () => {
    const changes = diffConfig(await load(one), await load(one, { TOKEN: 'two' }));
    expect(changes).toEqual({ ...nothing, upstreams: { ...nothing.upstreams, changed: ['a'] } });
  });
});
