/** From a fresh clone with an empty HOME to a guarded answer, with the machine's own Node and npm and nothing else. */

import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/tree.ts';
import { emptyEnvironment, firstRun, must, writePorts } from './first-run.ts';
import type { FirstRun } from './first-run.ts';

/** A clone of what is committed. */
export interface Clone {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** `npm start` on ports that are free, and what it prints. */
  start(): Promise<FirstRun>;
  remove(): Promise<void>;
}

/** Time that an install may take before it counts as hung, milliseconds. */
const installCeiling = 240_000;

/** Clones the repository into an empty folder. */
export async function clone(): Promise<Clone> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-clone-')));
  const [home, folder] = [join(base, 'home'), join(base, 'sallyport')];
  await mkdir(home);
  const env = emptyEnvironment(home);
  await must(['git', 'clone', '--quiet', root, folder], base, env);
  return {
    folder,
    env,
    async start() {
      const ports = await writePorts(base);
      return firstRun(['npm', 'start', '--', '-c', ports], folder, env, installCeiling);
    },
    remove: () => rm(base, { recursive: true, force: true }),
  };
}
