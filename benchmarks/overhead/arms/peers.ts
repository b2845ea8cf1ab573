// npm peers that put Streamable HTTP before another MCP server. Each starts the echo server over stdio, which is what all
// of them can do; its process runs on the load core.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { Dialect } from '../call-template.ts';
import { nodeCommand, onCore, start, until, type Running } from '../process.ts';
import { CannotServe, fileOf, plainModern, type Arm, type RunningArm } from './arm.ts';

const run = promisify(execFile);

/** Installs the peers as the lock file has them, where that was not done yet. */
async function install(): Promise<void> {
  const folder = fileOf('.');
  if (existsSync(fileOf('node_modules/.package-lock.json'))) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit'], { cwd: folder });
}

function echoCommand(tools: number): readonly string[] {
  return onCore('load', nodeCommand(fileOf('upstream.ts'), 'stdio', String(tools)));
}

/** Peers want to be told their port. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Peers start programs by name; the Node that runs this must be the one that they find. */
const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };

const legacy: Dialect = { era: 'legacy', path: '/mcp', prefix: '' };

function peer(words: readonly string[], folder: string): Running {
  const [script = '', ...args] = words;
  return start([process.execPath, fileOf(`node_modules/${script}`), ...args], {
    core: 'subject',
    cwd: folder,
    env: { ...env, HOME: folder },
  });
}

async function serving(running: Running, port: number, dialect: Dialect): Promise<RunningArm> {
  await until(running, () => isListening(port));
  return { port, pid: running.pid, dialect, keys: [], stop: running.stop };
}

async function isListening(port: number): Promise<true | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
      method: 'OPTIONS',
      signal: AbortSignal.timeout(1000),
    });
    await answer.body?.cancel();
    return true;
  } catch {
    return undefined;
  }
}

/** `mcp-proxy`, stateless modern calls. */
export const mcpProxy: Arm = {
  name: 'mcp-proxy',
  about: 'npm mcp-proxy 6.7.19, modern calls, before the same server over stdio',
  async start({ tools, folder }) {
    await install();
    const port = await freePort();
    const words = [
      'mcp-proxy/dist/bin/mcp-proxy.mjs',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--server',
      'stream',
    ];
    const running = peer([...words, '--upstreamProtocol', 'auto', '--', ...echoCommand(tools)], folder);
    return serving(running, port, plainModern);
  },
};

/** `mcp-proxy`, calls in legacy sessions. */
export const mcpProxyLegacy: Arm = {
  name: 'mcp-proxy-legacy',
  about: 'npm mcp-proxy 6.7.19, calls in legacy sessions, no event store, before the same server over stdio',
  async start({ tools, folder }) {
    await install();
    const port = await freePort();
    const words = [
      'mcp-proxy/dist/bin/mcp-proxy.mjs',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--server',
      'stream',
    ];
    const running = peer([...words, '--no-eventStore', '--', ...echoCommand(tools)], folder);
    return serving(running, port, legacy);
  },
};

/** `supergateway` with sessions; without them it starts a process for each request. */
export const supergateway: Arm = {
  name: 'supergateway',
  about: 'npm supergateway 4.0.0, stateful: a server process for each session',
  async start({ tools, folder }) {
    await install();
    const port = await freePort();
    const words = [
      'supergateway/dist/index.js',
      '--outputTransport',
      'streamableHttp',
      '--stateful',
      '--logLevel',
      'none',
    ];
    const running = peer([...words, '--port', String(port), '--stdio', echoCommand(tools).join(' ')], folder);
    return serving(running, port, legacy);
  },
};

/** `mcp-hub`, which is asked whether it can do it at all. */
export const mcpHub: Arm = {
  name: 'mcp-hub',
  about: 'npm mcp-hub 4.2.1',
  async start({ tools, folder }) {
    await install();
    const port = await freePort();
    const file = join(folder, 'servers.json');
    const [command = '', ...args] = echoCommand(tools);
    await writeFile(file, JSON.stringify({ mcpServers: { bench: { command, args } } }));
    const running = peer(['mcp-hub/dist/cli.js', '--port', String(port), '--config', file], folder);
    await until(running, () => isListening(port));
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'load', version: '1.0.0' } };
    const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    });
    await answer.body?.cancel();
    if (answer.ok)
      return { port, pid: running.pid, dialect: { ...legacy, prefix: 'bench__' }, keys: [], stop: running.stop };
    await running.stop();
    throw new CannotServe(
      `does not serve Streamable HTTP (POST /mcp: HTTP ${answer.status}); only HTTP+SSE of 2024-11-05`,
    );
  },
};
