// The gateway with every guard on: API keys, roles with patterns and a denial, limits of each kind, argument schemas,
// the audit trail. Calls go through `/mcp`, where names are rewritten.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { Dialect } from '../call-template.ts';
import { nodeCommand, printedPort, start } from '../process.ts';
import { CannotServe, fileOf, type Arm, type ArmSetup, type RunningArm } from './arm.ts';

const aggregated: Dialect = { era: 'modern', path: '/mcp', prefix: 'bench__' };

/** Never reached, so that they are counted but refuse nothing. */
const generous = '100000000/s';

/**
 * The configuration with every guard on.
 *
 * @param upstream - the server behind it, as the file names it
 */
export function guardedConfiguration(durability: string, upstream: object): object {
  return {
    version: 1,
    listen: '127.0.0.1:0',
    admin: false,
    callers: { keys: true },
    limits: { perAddress: generous, failedLogins: '10/m', concurrentPerCaller: 10_000 },
    audit: { directory: 'state/audit', durability, rotate: '64MiB' },
    deny: ['*.delete_*', 'bench.admin-*'],
    roles: {
      caller: {
        tools: [
          'files.read_*',
          '!files.read_media_file',
          { tool: 'bench.tool-*', limit: generous },
          '!bench.tool-secret-*',
          'other.*_list',
        ],
        resources: ['files.file:///srv/*'],
        prompts: ['*'],
        limit: generous,
      },
      operator: { tools: ['*'] },
    },
    upstreams: { bench: { ...upstream, limit: generous } },
  };
}

function sallyport(durability: 'interval' | 'intent' | 'full', program?: () => string): Arm {
  const whose = program === undefined ? 'sallyport' : 'other';
  return {
    name: `${whose}-${durability}`,
    about: `Sallyport${program === undefined ? '' : ' of another checkout'}, all guards on, durability ${durability}`,
    start: (setup) =>
      startGuarded(
        setup,
        guardedConfiguration(durability, { url: `http://127.0.0.1:${setup.upstreamPort}/mcp` }),
        aggregated,
        program?.(),
      ),
  };
}

/** The same program in the checkout that `OVERHEAD_OTHER` names: what it was before a change, say. */
function otherProgram(): string {
  const checkout = process.env['OVERHEAD_OTHER'];
  if (checkout === undefined) throw new CannotServe('OVERHEAD_OTHER names no other checkout');
  return join(resolve(checkout), 'benchmarks', 'overhead', 'arms', 'gateway.ts');
}

/** Starts the gateway on the measured core. */
export async function startGuarded(
  setup: ArmSetup,
  config: object,
  dialect: Dialect,
  program = fileOf('arms/gateway.ts'),
): Promise<RunningArm> {
  const file = join(setup.folder, 'sallyport.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  const profile = process.env['OVERHEAD_PROFILE'];
  const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`];
  const [node = '', ...command] = nodeCommand(program, file, String(setup.keys));
  const running = start([node, ...flags, ...command], { core: 'subject', cwd: setup.folder });
  const port = await printedPort(running);
  const keys = JSON.parse(await readFile(join(setup.folder, 'keys.json'), 'utf8')) as readonly string[];
  return { port, pid: running.pid, dialect, keys, stop: running.stop };
}

/** Records reach the disk in the background, every 50 ms. */
export const sallyportInterval: Arm = sallyport('interval');
/** An intent is on the disk before its call goes out; the default. */
export const sallyportIntent: Arm = sallyport('intent');
/** The outcome is on the disk before the answer, too. */
export const sallyportFull: Arm = sallyport('full');
/** The same of another checkout, so that a change is measured against what it changes in one run. */
export const otherInterval: Arm = sallyport('interval', otherProgram);
export const otherIntent: Arm = sallyport('intent', otherProgram);
