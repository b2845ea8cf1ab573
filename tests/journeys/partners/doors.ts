/** The doors of the story: one running gateway with real servers behind it, and the two ways to come in over stdio. */

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { baseEnvironment, createKey, postModern, sallyportBin, startGateway, waitFor } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { startFixtureServer } from '../../fixtures/conformance/server.ts';
import type { FixtureServer } from '../../fixtures/conformance/server.ts';
import type { Reach } from './caller.ts';

const moduleFile = (path: string): string => fileURLToPath(new URL(`../../../node_modules/${path}`, import.meta.url));
const everything = moduleFile('@modelcontextprotocol/server-everything/dist/index.js');
const filesystem = moduleFile('@modelcontextprotocol/server-filesystem/dist/index.js');
const sdkServer = fileURLToPath(new URL('../../fixtures/upstreams/sdk-server.ts', import.meta.url));

/** A way in, and how things are called there. */
export interface Door {
  readonly name: string;
  readonly reach: Reach;
  /** True where all servers stand behind one door and names carry the server's. */
  readonly isAggregated: boolean;
  /** True where a role takes something away. */
  readonly isRestricted: boolean;
}

/** Every door, and what keeps them open. */
export interface Doors {
  readonly doors: readonly Door[];
  /** The running gateway's folder. */
  readonly gateway: Gateway;
  /** Folder that the file server shares. */
  readonly shared: string;
  close(): Promise<void>;
}

/** What the shared folder's one file says. */
export const sharedText = 'the gate stood open';

/** Starts the gateway and everything behind it. */
export async function openDoors(): Promise<Doors> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-doors-')));
  const shared = join(dir, 'shared');
  await mkdir(shared);
  await writeFile(join(shared, 'note.txt'), sharedText);
  const fixture = await startFixtureServer();
  const config = configFor(shared, fixture);
  const running = join(dir, 'running');
  const alone = join(dir, 'alone');
  await Promise.all([running, alone].map((folder) => mkdir(folder)));
  const gateway = await startGateway({ config, dir: running });
  const key = await createKey(running, { name: 'partner', role: 'reader' });
  // A running gateway learns of a new key within a second.
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key })).status === 200, {
    what: 'the key to work',
  });
  // The second folder's gateway is started by whoever comes in over stdio, so that nothing runs there to be joined.
  const aloneFile = join(alone, 'sallyport.yaml');
  await writeFile(aloneFile, JSON.stringify({ version: 1, admin: false, ...config }), { mode: 0o600 });
  const env = { ...baseEnvironment(dir), XDG_STATE_HOME: join(dir, 'xdg') };
  const stdio = (...args: string[]): Reach => ({ kind: 'stdio', command: sallyportBin, args, env });
  const { origin } = new URL(gateway.url);
  const all = { isAggregated: true, isRestricted: true };
  return {
    gateway,
    shared,
    doors: [
      { name: '/mcp', reach: { kind: 'http', url: gateway.url, key }, ...all },
      {
        name: '/mcp/everything',
        reach: { kind: 'http', url: `${gateway.url}/everything`, key },
        isAggregated: false,
        isRestricted: true,
      },
      { name: '/sse', reach: { kind: 'sse', url: origin + '/sse', key }, ...all },
      {
        name: '/sse/everything',
        reach: { kind: 'sse', url: origin + '/sse/everything', key },
        isAggregated: false,
        isRestricted: true,
      },
      { name: 'websocket /mcp', reach: { kind: 'websocket', url: gateway.url.replace('http', 'ws') }, ...all },
      {
        name: 'websocket /mcp/everything',
        reach: { kind: 'websocket', url: `${gateway.url.replace('http', 'ws')}/everything` },
        isAggregated: false,
        isRestricted: true,
      },
      { name: 'run --stdio, joining', reach: stdio('run', '--stdio', '-c', gateway.configPath), ...all },
      { name: 'run --stdio, alone', reach: stdio('run', '--stdio', '-c', aloneFile), ...all },
      {
        name: 'wrap',
        reach: stdio('wrap', '--', process.execPath, everything, 'stdio'),
        isAggregated: false,
        isRestricted: false,
      },
    ],
    async close() {
      await gateway.stop();
      await fixture.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function configFor(shared: string, fixture: FixtureServer): Readonly<Record<string, unknown>> {
  return {
    doors: { websocket: 'on', sse: 'on' },
    callers: { local: 'reader', anonymous: 'reader', keys: true },
    deny: ['everything.get-env'],
    roles: {
      reader: {
        tools: ['everything.*', 'files.read_*', 'files.list_*', 'modern.*', 'fixture.*'],
        resources: ['*'],
        prompts: ['*'],
      },
    },
    upstreams: {
      everything: { command: [process.execPath, everything, 'stdio'] },
      files: { command: [process.execPath, filesystem, shared] },
      modern: { command: [process.execPath, sdkServer] },
      fixture: { url: fixture.url },
    },
  };
}
