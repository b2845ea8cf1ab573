/** Plain curl: what a person types, without any MCP library in between. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Answer, Caller, Json, Method, Partner, Reach } from './caller.ts';

const revision = { modern: '2026-07-28', legacy: '2025-11-25' } as const;
const clientInfo = { name: 'curl', version: '8' };

/** The partner in one era; the legacy one opens a session first. */
export function curl(era: 'modern' | 'legacy'): Partner {
  return {
    name: `curl, ${era}`,
    transports: ['http'],
    async connect(reach) {
      if (reach.kind !== 'http') throw new Error('curl speaks HTTP only');
      return era === 'modern' ? modern(reach) : await legacy(reach);
    },
  };
}

interface Sent {
  readonly headers: ReadonlyMap<string, string>;
  readonly answer: Answer;
}

function modern(reach: Reach & { kind: 'http' }): Caller {
  return {
    request: async (method, params = {}) => {
      const target = params['name'] ?? params['uri'];
      const headers = {
        'MCP-Protocol-Version': revision.modern,
        'Mcp-Method': method,
        ...(typeof target === 'string' ? { 'Mcp-Name': target } : {}),
      };
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': revision.modern,
        'io.modelcontextprotocol/clientInfo': clientInfo,
        'io.modelcontextprotocol/clientCapabilities': {},
      };
      return (await post(reach, { method, params: { ...params, _meta } }, headers)).answer;
    },
    close: () => Promise.resolve(),
  };
}

async function legacy(reach: Reach & { kind: 'http' }): Promise<Caller> {
  const params = { protocolVersion: revision.legacy, capabilities: {}, clientInfo };
  const { headers } = await post(reach, { method: 'initialize', params }, {});
  const session = { 'Mcp-Session-Id': headers.get('mcp-session-id') ?? '', 'MCP-Protocol-Version': revision.legacy };
  await run([
    reach.url,
    ...headerWords(reach, session),
    '-d',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  ]);
  return {
    request: async (method: Method, given: Json = {}) => (await post(reach, { method, params: given }, session)).answer,
    async close() {
      await run(['-X', 'DELETE', reach.url, ...headerWords(reach, session)]);
    },
  };
}

async function post(
  reach: Reach & { kind: 'http' },
  request: Json,
  headers: Readonly<Record<string, string>>,
): Promise<Sent> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: randomUUID(), ...request });
  const text = await run(['-i', reach.url, ...headerWords(reach, headers), '-d', body]);
  const gap = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, gap).split('\r\n').slice(1);
  const entries = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { headers: new Map(entries), answer: answerOf(text.slice(gap + 4)) };
}

function headerWords(reach: Reach & { kind: 'http' }, headers: Readonly<Record<string, string>>): string[] {
  const all = {
    Authorization: `Bearer ${reach.key}`,
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    ...headers,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
}

/** Reads the one answer out of a JSON body, or out of the last event of a stream. */
function answerOf(body: string): Answer {
  const events = body.split('\n').filter((line) => line.startsWith('data:'));
  const message: unknown = JSON.parse(events.at(-1)?.slice('data:'.length) ?? body);
  if (typeof message === 'object' && message !== null) {
    if ('result' in message) return { kind: 'result', result: message.result as Json };
    if ('error' in message) {
      const { code, message: text } = message.error as { code: number; message: string };
      return { kind: 'error', code, message: text };
    }
  }
  throw new Error(`no answer in ${body}`);
}

function run(words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'curl',
      ['-sS', '--max-time', '60', ...words],
      { maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`curl failed: ${stderr}`, { cause: error }));
      },
    );
  });
}
