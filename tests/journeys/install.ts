/** From packed tarballs in an empty folder, with an empty HOME, to a guarded answer. */

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { pack } from '../../scripts/pack.ts';
import { emptyEnvironment, firstRun, must, writePorts } from './first-run.ts';
import type { FirstRun } from './first-run.ts';

/** An empty folder into which Sallyport was installed. */
export interface Installed {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tarballs: readonly string[];
  remove(): Promise<void>;
}

/** The example server that `init` writes; installed with the tarballs it is not fetched again at the first run. */
const exampleServer = '@modelcontextprotocol/server-filesystem@2026.8.31';

/**
 * Packs every public package and installs the tarballs.
 * @param withServer also installs the example server, so that `npx` finds it here.
 */
export async function installPacked(withServer: boolean): Promise<Installed> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-install-')));
  const [home, folder] = [join(base, 'home'), join(base, 'project')];
  await Promise.all([home, folder].map((each) => mkdir(each)));
  const env = emptyEnvironment(home, [dirname(process.execPath)]);
  const certificates = env['NODE_EXTRA_CA_CERTS'];
  // A server gets HOME and nothing else of our network settings, so npm below it finds them there.
  if (certificates !== undefined) await writeFile(join(home, '.npmrc'), `cafile=${certificates}\n`);
  const tarballs = await pack(join(base, 'tarballs'));
  const wanted = withServer ? [...tarballs, exampleServer] : tarballs;
  await must(['npm', 'install', '--no-fund', '--no-audit', '--loglevel=error', ...wanted], folder, env);
  return { folder, env, tarballs, remove: () => rm(base, { recursive: true, force: true }) };
}

/** `npx sallyport init`, then `npx sallyport run` and what it prints. */
export async function initAndRun({ folder, env }: Installed, readyCeilingMs: number): Promise<FirstRun> {
  await must(['npx', 'sallyport', 'init'], folder, env);
  const ports = await writePorts(folder);
  return firstRun(
    ['npx', 'sallyport', 'run', '-c', 'sallyport.yaml', '-c', ports, '--try', 'reader'],
    folder,
    env,
    readyCeilingMs,
  );
}
