/** Certificates and keys in the file: what fits together is taken, what does not is refused with the way out. */
import { formatProblem, loadConfig, withVirtualFiles, type ConfigPorts, type VirtualFile } from '@sallyport/gateway';
import { createAuthority, type IssuedCertificate, type TestAuthority } from '@sallyport/testkit';
import { beforeAll, describe, expect, it } from 'vitest';

const folder = '/etc/sallyport';
const main = `${folder}/sallyport.yaml`;

let authority: TestAuthority;
let server: IssuedCertificate;
let other: IssuedCertificate;

beforeAll(async () => {
  authority = createAuthority();
  server = authority.server();
  other = authority.server();
});

interface Given {
  readonly yaml?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly certMode?: number;
  readonly now?: number;
}

async function load({ yaml, cert, key, ca, certMode = 0o644, now = Date.now() }: Given) {
  const files: [string, VirtualFile][] = [
    [main, { content: yaml ?? 'version: 1\ntls: { cert: tls/cert.pem, key: file:tls/key.pem }\n' }],
    [`${folder}/tls/cert.pem`, { content: cert ?? server.cert, mode: certMode }],
    [`${folder}/tls/key.pem`, { content: key ?? server.key }],
    [`${folder}/tls/ca.pem`, { content: ca ?? authority.cert, mode: 0o644 }],
  ];
  const machine: ConfigPorts = {
    env: { CERT: cert ?? server.cert, KEY: key ?? server.key },
    identity: { uid: 1000, groups: new Set([1000]) },
    nodePath: '/usr/bin/node',
    workingFolder: folder,
    now: () => now,
    facts: async () => 'absent',
    read: async () => 'absent',
    list: async () => 'absent',
    run: async () => ({ ok: false, reason: 'exit code 1' }),
  };
  return loadConfig([main], withVirtualFiles(machine, new Map(files)));
}

async function refused(given: Given): Promise<string> {
  const loaded = await load(given);
  if (loaded.ok) return expect.fail('it was accepted');
  expect(loaded.problems).toHaveLength(1);
  return loaded.problems.map((problem) => formatProblem(problem)).join('\n');
}

describe('tls', () => {
  it('[tls] is read from paths and references, and every file is watched', async () => {
    const yaml = [
      'version: 1',
      'tls: { cert: tls/cert.pem, key: file:tls/key.pem, clientCa: tls/ca.pem }',
      "callers: { certificates: { identity: san-uri, roles: { 'spiffe://*': reader } } }",
      'roles: { reader: {} }',
    ].join('\n');
    const loaded = await load({ yaml });
    if (!loaded.ok) return expect.fail(loaded.problems.map(({ message }) => message).join('\n'));
    const { tls, secretFiles } = loaded.config;
    expect(tls?.cert).toContain('BEGIN CERTIFICATE');
    expect(tls?.clientCa).toContain('BEGIN CERTIFICATE');
    expect(JSON.stringify(tls?.key)).toBe('"[secret file:tls/key.pem]"');
    const names = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => `${folder}/tls/${name}`);
    expect([...secretFiles].sort()).toEqual(names.sort());
  });

  it('takes the environment too', async () => {
    expect((await load({ yaml: 'version: 1\ntls: { cert: env:CERT, key: env:KEY }\n' })).ok).toBe(true);
  });

  it('takes a chain behind the certificate', async () => {
    const between = authority.below('Between');
    const issued = between.server();
    expect((await load({ cert: issued.cert + between.cert, key: issued.key })).ok).toBe(true);
  });

  it('[tls] refuses a key of another certificate', async () => {
    expect(await refused({ key: other.key })).toMatch(/do not belong together[^]*was issued for/);
  });

  it('[tls] refuses a chain in the wrong order', async () => {
    const between = authority.below('Between');
    const issued = between.server();
    expect(await refused({ cert: between.cert + issued.cert, key: issued.key })).toContain('do not belong together');
  });

  it('[tls] refuses half a certificate, and one that anybody can change', async () => {
    expect(await refused({ cert: server.cert.slice(0, 200) })).toContain('holds no certificate in PEM');
    expect(await refused({ cert: server.cert + server.cert.slice(0, 200) })).toContain('holds no certificate in PEM');
    expect(await refused({ certMode: 0o666 })).toContain('can be changed by everyone');
  });

  it('[tls] refuses a key in clear, and shows nothing of it', async () => {
    const secret = server.key.split('\n')[1] ?? 'nothing';
    const yaml = `version: 1\ntls: { cert: tls/cert.pem, key: "${server.key.replaceAll('\n', '\\n')}" }\n`;
    const text = await refused({ yaml });
    expect(text).toContain('stands here in clear');
    expect(text).not.toContain(secret);
  });

  it.each([
    ['has expired', 31 * 86_400_000, /expired on \d{4}-\d\d-\d\d/],
    ['is not valid yet', -2 * 86_400_000, /is valid from \d{4}-\d\d-\d\d on/],
  ])('takes a certificate that %s, with a warning', async (_, later, message) => {
    const loaded = await load({ now: Date.now() + later });
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings.map((warning) => warning.message).join()).toMatch(message);
  });

  it('refuses authorities that nobody can name themselves by', async () => {
    const yaml = 'version: 1\ntls: { cert: tls/cert.pem, key: file:tls/key.pem, clientCa: tls/ca.pem }\n';
    expect(await refused({ yaml })).toContain('name nobody');
  });

  it('lets a door listen to other machines', async () => {
    const door = (listen: string, more = '') => ({
      yaml: `version: 1\nlisten: ${listen}\n${more}tls: { cert: tls/cert.pem, key: file:tls/key.pem }\n`,
    });
    expect((await load(door('10.0.0.5:8848'))).ok).toBe(true);
    expect(await refused(door('0.0.0.0:8848'))).toContain('publicUrl');
    expect((await load(door('0.0.0.0:8848', 'publicUrl: https://mcp.example.com\n'))).ok).toBe(true);
  });
});
