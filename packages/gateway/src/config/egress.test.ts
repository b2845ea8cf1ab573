import { createAuthority } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';
import { diffConfig } from './diff.ts';
import { loadConfig } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import { withVirtualFiles, type VirtualFile } from './virtual-files.ts';

const password = ['syn', 'thetic'].join('');
const machine: ConfigPorts = {
  env: { HTTPS_PROXY: `http://me:${password}@proxy.example:3128`, OTHER_PROXY: 'http://other.example:3128' },
  identity: { uid: 1000, groups: new Set([1000]) },
  nodePath: '/opt/node',
  workingFolder: '/etc/sp',
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: '' }),
};

const load = (yaml: string, files: Record<string, VirtualFile> = {}) => {
  const all = new Map(Object.entries(files).map(([name, file]) => [`/etc/sp/${name}`, file]));
  all.set('/etc/sp/a.yaml', { content: `version: 1\n${yaml}` });
  return loadConfig(['a.yaml'], withVirtualFiles(machine, all));
};
const good = async (yaml: string, files?: Record<string, VirtualFile>) => {
  const loaded = await load(yaml, files);
  return loaded.ok ? loaded : expect.fail(JSON.stringify(loaded.problems));
};

const makeCertificate = (): string => createAuthority().cert;

describe('egress', () => {
  it('reaches public addresses only, directly, where nothing is said', async () => {
    const { config } = await good('');
    expect(config.egress).toEqual({ allow: [], proxy: undefined, ca: undefined });
  });

  it('names blocks of addresses, a proxy behind a reference, and a file of authorities', async () => {
    const pem = makeCertificate();
    const { config, warnings } = await good(
      "egress: { allow: [10.0.0.0/8, 'fd00::/8', 127.0.0.1], proxy: env:HTTPS_PROXY, ca: pki/ca.pem }",
      { 'pki/ca.pem': { content: `Somebody's authority\n${pem}\n${pem}\n`, mode: 0o644 } },
    );
    expect(config.egress.allow).toEqual(['10.0.0.0/8', 'fd00::/8', '127.0.0.1']);
    expect(config.egress.proxy?.reveal()).toBe(machine.env['HTTPS_PROXY']);
    expect(config.egress.ca?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(config.secretFiles).toContain('/etc/sp/pki/ca.pem');
    expect(warnings).toEqual([]);
    expect(JSON.stringify(config)).not.toContain(password);
  });

  it('takes authorities behind a reference too', async () => {
    const pem = makeCertificate();
    const { config } = await good('egress: { ca: file:ca.pem }', { 'ca.pem': { content: pem, mode: 0o600 } });
    expect(config.egress.ca).toContain('BEGIN CERTIFICATE');
  });

  it.each(['169.254.0.0/16', '169.254.169.254', "'fe80::/10'"])(
    'warns of %s, where clouds keep credentials',
    async (text) => {
      const { warnings } = await good(`egress: { allow: [${text}] }`);
      expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('credentials of machines')]);
    },
  );

  it('changes the connections to servers at a URL with its proxy and authorities, and with nothing else', async () => {
    const servers = 'upstreams: { a: { command: [x] }, b: { url: https://b.example, limit: 1/s } }\n';
    const { config } = await good(servers);
    const changed = async (egress: string) => diffConfig(config, (await good(`${servers}${egress}`)).config);
    expect(await changed('egress: { allow: [10.0.0.0/8] }')).toMatchObject({
      egress: true,
      upstreams: { changed: [] },
    });
    expect(await changed('egress: { proxy: env:OTHER_PROXY }')).toMatchObject({
      egress: true,
      upstreams: { changed: ['b'] },
    });
  });
});
