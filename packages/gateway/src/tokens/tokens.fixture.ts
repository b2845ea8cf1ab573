/** Configurations with issuers, read from text as an operator would write it, and files that tests change. */
import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'vitest';
import { loadConfig } from '../config/load.ts';
import type { ConfigPorts, FileFacts } from '../config/ports.ts';
import type { Config } from '../config/types.ts';
import { withVirtualFiles } from '../config/virtual-files.ts';

const machine: ConfigPorts = {
  env: { SECRET: ['a secret of the', 'length that is needed'].join(' ') },
  identity: { uid: 1000, groups: new Set([1000]) },
  nodePath: '/opt/node',
  workingFolder: '/etc/sp',
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: '' }),
};

/** Loads a configuration with these issuers, in YAML, and a role `reader`. */
export async function loadIssuers(issuers: string, more = 'publicUrl: https://mcp.example.com'): Promise<Config> {
  const content = `version: 1\n${more}\ncallers: { jwt: [${issuers}] }\nroles: { reader: {}, admin: {} }\n`;
  const loaded = await loadConfig(['a.yaml'], withVirtualFiles(machine, new Map([['/etc/sp/a.yaml', { content }]])));
  return loaded.ok ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

/** A file that a test changes. */
export interface ChangingFile {
  /** `absent` takes the file away. */
  content: string;
  mode: number;
  /** How often it was read. */
  readonly reads: number;
  readonly ports: ConfigPorts;
}

/** Makes a file that is there at any path. */
export function changingFile(content: string): ChangingFile {
  let reads = 0;
  const file: ChangingFile = {
    content,
    mode: 0o644,
    get reads() {
      return reads;
    },
    ports: {
      ...machine,
      facts: async (): Promise<FileFacts | 'absent'> =>
        file.content === 'absent'
          ? 'absent'
          : {
              kind: 'file',
              mode: file.mode,
              uid: 0,
              gid: 0,
              size: file.content.length,
              stamp: `${file.mode} ${file.content}`,
            },
      read: async () => {
        reads += 1;
        return Buffer.from(file.content);
      },
    },
  };
  return file;
}

/** A key set with public keys of these names. */
export function keySetOf(...kids: readonly string[]): string {
  const keys = kids.map((kid) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' };
  });
  return JSON.stringify({ keys });
}
