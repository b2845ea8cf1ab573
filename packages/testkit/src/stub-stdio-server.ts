/**
 * A stdio MCP server that misbehaves on request. Flags: `--era legacy|modern|both` (default both), `--ignore-term`
 * (ignores SIGTERM and the end of its input), `--fork` (starts a child that outlives it). Run as its own process.
 */

import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

interface Incoming {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly protocolVersion?: string;
    readonly arguments?: Readonly<Record<string, unknown>>;
    readonly _meta?: Readonly<Record<string, unknown>>;
  };
}

const { values: flags } = parseArgs({
  options: {
    era: { type: 'string', default: 'both' },
    'ignore-term': { type: 'boolean', default: false },
    fork: { type: 'boolean', default: false },
  },
});

const serverInfo = { name: 'stub-stdio', version: '1.0.0' };
const capabilities = { tools: {} };
const anyObject = { type: 'object' };
const tools = [
  { name: 'echo', description: 'Answers with its arguments', inputSchema: anyObject },
  { name: 'slow', description: 'Answers after `ms` milliseconds', inputSchema: anyObject },
  { name: 'env', description: 'Answers with its environment', inputSchema: anyObject },
  { name: 'pid', description: 'Answers with its process id and that of its child', inputSchema: anyObject },
  { name: 'progress', description: 'Reports `steps` steps, then answers', inputSchema: anyObject },
  { name: 'crash', description: 'Exits without an answer', inputSchema: anyObject },
  { name: 'flood', description: 'Prints `bytes` bytes without a newline', inputSchema: anyObject },
  { name: 'never', description: 'Never answers', inputSchema: anyObject },
  { name: 'garbage', description: 'Prints a line that is not JSON, then answers', inputSchema: anyObject },
];

let childPid: number | undefined;
if (flags.fork) {
  const child = spawn(process.execPath, ['-e', "process.on('SIGTERM',()=>{});setInterval(()=>{},1000)"], {
    stdio: 'ignore',
  });
  childPid = child.pid;
  child.unref();
}
if (flags['ignore-term']) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
}

function send(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function sendText(id: string | number, value: unknown, isModern: boolean): void {
  const content = [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }];
  send({ id, result: { content, ...(isModern ? { resultType: 'complete' } : {}) } });
}

function receive(line: string): void {
  const message = JSON.parse(line) as Incoming;
  const { id, method, params } = message;
  if (id === undefined || method === undefined) return;
  const isModern = params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
  if (flags.era === 'legacy' && isModern) {
    send({ id, error: { code: -32601, message: 'Method not found' } });
    return;
  }
  if (flags.era === 'modern' && !isModern) {
    const data = { supported: ['2026-07-28'], requested: params?.protocolVersion ?? null };
    send({ id, error: { code: -32022, message: 'Unsupported protocol version', data } });
    return;
  }
  const hints = isModern ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  if (method === 'initialize') {
    send({ id, result: { protocolVersion: params?.protocolVersion, capabilities, serverInfo } });
  } else if (method === 'server/discover') {
    const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
    send({ id, result: { ...hints, supportedVersions: ['2026-07-28'], capabilities, _meta } });
  } else if (method === 'ping') send({ id, result: {} });
  else if (method === 'tools/list') send({ id, result: { tools, ...hints } });
  else if (method === 'tools/call') callTool(id, params ?? {}, isModern);
  else send({ id, error: { code: -32601, message: 'Method not found' } });
}

function callTool(id: string | number, params: NonNullable<Incoming['params']>, isModern: boolean): void {
  const args = params.arguments ?? {};
  switch (params.name) {
    case 'echo':
      sendText(id, args, isModern);
      return;
    case 'slow':
      setTimeout(() => sendText(id, args, isModern), Number(args['ms'] ?? 100));
      return;
    case 'env':
      sendText(id, process.env, isModern);
      return;
    case 'pid':
      sendText(id, { pid: process.pid, childPid }, isModern);
      return;
    case 'progress': {
      const steps = Number(args['steps'] ?? 3);
      const progressToken = params._meta?.['progressToken'];
      if (progressToken !== undefined) {
        for (let progress = 1; progress <= steps; progress += 1) {
          send({ method: 'notifications/progress', params: { progressToken, progress, total: steps } });
        }
      }
      sendText(id, { steps }, isModern);
      return;
    }
    case 'crash':
      process.exit(1);
      return;
    case 'flood':
      flood(Number(args['bytes'] ?? 1024 * 1024));
      return;
    case 'never':
      return;
    case 'garbage':
      process.stdout.write('this line is not JSON\n');
      sendText(id, args, isModern);
      return;
    default:
      send({ id, error: { code: -32602, message: `Unknown tool: ${params.name}` } });
  }
}

/** Writes with regard to back-pressure, so that a reader that stops reading also bounds this process. */
function flood(bytes: number): void {
  const block = Buffer.alloc(64 * 1024, 'x');
  let left = bytes;
  const more = () => {
    while (left > 0) {
      left -= block.length;
      if (!process.stdout.write(block)) {
        process.stdout.once('drain', more);
        return;
      }
    }
  };
  more();
}

createInterface({ input: process.stdin }).on('line', receive);
