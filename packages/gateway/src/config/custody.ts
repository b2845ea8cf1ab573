/** Readers of what a server that the gateway starts may use and reach: `limits` and `sandbox` of an upstream. */
import { duration, size } from './grammar.ts';
import type { ConfigNode } from './node.ts';
import { object, type Keys } from './object.ts';
import { integer, list, toggle, type Reader } from './reader.ts';
import type { ResourceLimitsConfig, SandboxConfig } from './types.ts';

const MIB = 1024 * 1024;

const limitKeys: Keys<ResourceLimitsConfig> = {
  memory: {
    reader: size({ minimum: 16 * MIB, maximum: 2 ** 42, words: 'from 16MiB to 4096GiB' }),
    description: 'Memory of the server and all its processes together',
  },
  processes: { reader: integer(1, 100_000, 64), description: 'Processes, its own included' },
  files: { reader: integer(16, 1_000_000, 256), description: 'Open files of each process' },
  cpu: {
    reader: duration({ minimum: 1000, maximum: 365 * 24 * 3_600_000, words: 'from 1s to 365d' }),
    description: 'Processor time of each process',
  },
};

/** `limits:` of an upstream with `command`. */
export const resourceLimits: Reader<ResourceLimitsConfig> = object<ResourceLimitsConfig>(limitKeys, {
  wanted: 'the limits of a server',
  example: '{ memory: 512MiB, processes: 64, files: 256 }',
  hints: {
    body: 'it stands at the top of the file, under limits',
    message: 'it stands at the top of the file, under limits',
    rate: 'write limit: 10/s beside limits',
    time: 'write cpu for processor time, or maxTime beside limits for a request',
  },
});

/** A sandbox, or that there is none. */
export type SandboxSetting = SandboxConfig | 'off';

const walls = (path: Reader<string>): Reader<SandboxConfig> => {
  const keys: Keys<SandboxConfig> = {
    network: { reader: toggle, fallback: false, description: 'Whether it may use the network' },
    read: {
      reader: list(path, 'paths', '[/srv/data]', true),
      fallback: [],
      description: 'Paths that it may read besides the system and its cwd',
    },
    write: { reader: list(path, 'paths', '[./data]', true), fallback: [], description: 'Paths that it may change' },
  };
  return object<SandboxConfig>(keys, { wanted: 'a sandbox', example: '{ network: off, write: [./data] }' });
};

/**
 * Makes the reader of `sandbox:`: a switch, or what is let through the walls.
 *
 * @param path - reads a path and makes it absolute
 */
export function sandbox(path: Reader<string>): Reader<SandboxSetting> {
  const open = walls(path);
  return {
    schema: { anyOf: [toggle.schema, open.schema] },
    read: (node: ConfigNode, reading) => {
      if (node.kind === 'map') return open.read(node, reading);
      const isOn = toggle.read(node, reading);
      if (isOn === undefined) return undefined;
      return isOn ? { network: false, read: [], write: [] } : 'off';
    },
  };
}
