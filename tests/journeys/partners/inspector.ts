/** The MCP Inspector's command line: one process per request, as a person at a shell uses it. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Answer, Json, Method, Partner, Reach } from './caller.ts';

const program = fileURLToPath(
  new URL('../../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);

/** The partner in one era. */
export function inspector(era: 'modern' | 'legacy'): Partner {
  return {
    name: `MCP Inspector CLI, ${era}`,
    transports: ['http', 'stdio'],
    lacks: ['completion/complete'],
    isSlow: true,
    async connect(reach) {
      const home = await mkdtemp(join(tmpdir(), 'sallyport-inspector-'));
      const run = (method: Method, params: Json): Promise<Answer> =>
        ask(home, [...targetOf(reach, era), ...wordsOf(method, params)], reach);
      return {
        request: (method, params = {}) => run(method, params),
        close: () => rm(home, { recursive: true, force: true }),
      };
    },
  };
}

function targetOf(reach: Reach, era: string): string[] {
  const where =
    reach.kind === 'http'
      ? ['--server-url', reach.url, '--transport', 'http', '--header', `Authorization: Bearer ${reach.key}`]
      : ['--transport', 'stdio'];
  return [...where, '--protocol-era', era, '--format', 'json', '--quiet'];
}

function wordsOf(method: Method, params: Json): string[] {
  const words = ['--method', method];
  if (method === 'tools/call')
    words.push('--tool-name', String(params['name']), '--tool-args-json', JSON.stringify(params['arguments'] ?? {}));
  if (method === 'resources/read') words.push('--uri', String(params['uri']));
  if (method === 'prompts/get') {
    words.push('--prompt-name', String(params['name']));
    const pairs = Object.entries((params['arguments'] ?? {}) as Json).map(
      ([name, value]) => `${name}=${String(value)}`,
    );
    if (pairs.length > 0) words.push('--prompt-args', ...pairs);
  }
  return words;
}

function ask(home: string, words: readonly string[], reach: Reach): Promise<Answer> {
  const target = reach.kind === 'stdio' ? ['--', reach.command, ...reach.args] : [];
  // Its stdio transport hands on what it has, so the door gets the environment that it needs.
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...(reach.kind === 'stdio' ? reach.env : {}),
    MCP_CATALOG_PATH: join(home, 'mcp.json'),
  };
  const options = {
    env: { ...env, HOME: reach.kind === 'stdio' ? (reach.env['HOME'] ?? home) : home },
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, '--cli', ...words, ...target], options, (failure, stdout, stderr) => {
      const read = readJson(stdout) ?? readJson(stderr);
      if (isJson(read?.['result'])) resolve({ kind: 'result', result: read['result'] });
      else if (isJson(read?.['error'])) {
        resolve({ kind: 'error', code: String(read['error']['code']), message: String(read['error']['message']) });
      } else reject(new Error(`the Inspector said neither result nor error\n${stdout}\n${stderr}`, { cause: failure }));
    });
  });
}

function readJson(text: string): Json | undefined {
  const start = text.indexOf('{');
  if (start < 0) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(start).split('\n', 1)[0] ?? '');
    return isJson(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
