import { describe, expect, it } from 'vitest';
import { isUnchanged, diffConfig } from './diff.ts';
import { configJsonSchema } from './json-schema.ts';
import { loadConfig } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import { printConfig } from './print.ts';
import { withVirtualFiles } from './virtual-files.ts';

const value = ['not', 'to', 'be', 'seen'].join('-');
const machine: ConfigPorts = {
  env: { TOKEN: value },
  identity: { uid: 1, groups: new Set([1]) },
  nodePath: '/opt/node',
  workingFolder: '/etc/sp',
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: '' }),
};

const files = {
  '/etc/sp/main.yaml': `version: 1
include: [more.yaml]
limits: { depth: 9 }
roles:
  reader:
    tools: [b.x, '!b.y', { tool: 'b.*', limit: 10/m burst 20 }]
    resources: ['b.file:///srv/*']
audit: { arguments: { 'b.*': [schema] } }
`,
  '/etc/sp/more.yaml': `upstreams:
  b: { command: [node, 'a b', "it's", 'on'], env: { A: env:TOKEN, B: 'true', C: 12 } }
  c: { url: https://c.example/mcp, auth: { bearer: env:TOKEN } }
`,
};

async function load(texts: Record<string, string>) {
  const loaded = await loadConfig(
    ['main.yaml'],
    withVirtualFiles(machine, new Map(Object.entries(texts).map(([path, content]) => [path, { content }]))),
  );
  return loaded.ok ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

describe('printConfig', () => {
  it('says where each value comes from', async () => {
    const printed = printConfig(await load(files));
    expect(printed).toMatch(/^ {2}depth: 9 +# main\.yaml:3$/m);
    expect(printed).toMatch(/^ {2}body: 1MiB +# default$/m);
    expect(printed).toMatch(/^ {6}- '!b\.y' +# main\.yaml:6$/m);
    expect(printed).toMatch(/^ {6}A: env:TOKEN +# more\.yaml:2$/m);
    expect(printed).toMatch(/^ {4}timeout: 60s +# default$/m);
    expect(printed).not.toContain('include');
  });

  it('shows no secret', async () => {
    expect(printConfig(await load(files))).not.toContain(value);
  });

  it('means the same when it is loaded again', async () => {
    const config = await load(files);
    const again = await load({ '/etc/sp/main.yaml': printConfig(config) });
    expect(diffConfig(config, again)).toSatisfy(isUnchanged);
    expect(diffConfig(config, await load({ '/etc/sp/main.yaml': 'version: 1\n' }))).not.toSatisfy(isUnchanged);
  });
});

describe('configJsonSchema', () => {
  it('describes every key and allows no other', () => {
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const node = Object.fromEntries(Object.entries(schema));
      const properties = node['properties'];
      if (typeof properties === 'object' && properties !== null) {
        expect(node['additionalProperties'], path).toBe(false);
        for (const [key, below] of Object.entries(properties))
          expect(below, `${path}.${key}`).toHaveProperty('description', expect.stringMatching(/\S/));
      }
      for (const [key, below] of Object.entries(node)) walk(below, `${path}.${key}`);
    };
    walk(configJsonSchema(), '');
  });

  it('names its dialect and the one required key', () => {
    expect(configJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['version'],
    });
  });
});
