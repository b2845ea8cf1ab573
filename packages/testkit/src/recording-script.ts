/** What a recording upstream answers: scripts for one call, the handshakes of both eras, and an echo for the rest. */

import { randomUUID } from 'node:crypto';
import type { RecordedRequest, UpstreamEra } from './recorded.ts';

/** A tool to list. */
export interface UpstreamTool {
  readonly name: string;
  readonly description?: string;
  /** Any object by default. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

/** A JSON-RPC request that wants an answer. */
export interface UpstreamCall {
  readonly id: string | number;
  readonly method: string;
  /** `params.name` or `params.uri`. */
  readonly name: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly era: 'modern' | 'legacy';
  readonly request: RecordedRequest;
}

interface ScriptBase {
  /** Milliseconds before anything is sent; 0 by default. */
  readonly delayMs?: number;
  /** HTTP status; 200 by default. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

interface MessageScript extends ScriptBase {
  /** Id of the answer; the request's own by default. Another one is a broken server's. */
  readonly id?: unknown;
  /** Sends the answer as SSE after these messages; a number waits that many milliseconds. JSON by default. */
  readonly stream?: readonly (Readonly<Record<string, unknown>> | number)[];
}

/** What a call may be answered over while it runs. */
export interface Playing {
  /** Sends a message on the stream of the call. */
  send(message: Readonly<Record<string, unknown>>): void;
  /** Sends a message that belongs to no call, to the same conversation; also after the call is answered. */
  say(message: Readonly<Record<string, unknown>>): void;
  /** Aborted when the connection that the call came over is closed. */
  readonly signal: AbortSignal;
}

/** How a call ends. */
export type Outcome =
  | { readonly kind: 'result'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly error: Readonly<Record<string, unknown>> };

/** How one call is answered. */
export type Script =
  | (MessageScript & { readonly kind: 'result'; readonly result: Readonly<Record<string, unknown>> })
  | (MessageScript & { readonly kind: 'error'; readonly error: Readonly<Record<string, unknown>> })
  /** Decides while the call runs; the answer is SSE once something was sent. */
  | (ScriptBase & { readonly kind: 'play'; readonly play: (playing: Playing) => Promise<Outcome> })
  | (ScriptBase & { readonly kind: 'raw'; readonly body: string | Uint8Array })
  | (ScriptBase & { readonly kind: 'hang' });

/** Tools that take any arguments. */
export const defaultTools: readonly UpstreamTool[] = ['echo', 't', 'safe', 'admin'].map((name) => ({ name }));

/**
 * A notification of progress for a call, as an element of a script's `stream`.
 * @param progress how far the call is.
 */
export function progressOf(call: UpstreamCall, progress: number, total = 100): Readonly<Record<string, unknown>> {
  const params = { progressToken: call.meta['progressToken'], progress, total };
  return { jsonrpc: '2.0', method: 'notifications/progress', params };
}

/**
 * Answers initialize, server/discover, ping and the lists.
 * @returns `undefined` for everything else.
 */
export function answerHandshake(
  call: UpstreamCall,
  era: UpstreamEra,
  tools: readonly UpstreamTool[] = defaultTools,
): Script | undefined {
  if (era !== 'both' && era !== call.era) return refuseEra(call);
  const capabilities = { tools: { listChanged: true }, resources: {}, prompts: {}, completions: {} };
  const serverInfo = { name: 'recording-upstream', version: '1.0.0' };
  switch (call.method) {
    case 'initialize': {
      const result = { protocolVersion: call.params['protocolVersion'], capabilities, serverInfo };
      return { kind: 'result', result, headers: { 'mcp-session-id': randomUUID() } };
    }
    case 'server/discover':
      return modernResult({
        supportedVersions: ['2026-07-28'],
        capabilities,
        ttlMs: 60_000,
        cacheScope: 'public',
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      });
    case 'ping':
    case 'logging/setLevel':
      return { kind: 'result', result: {} };
    case 'tools/list':
      return listOf(call, 'tools', tools.map(toDefinition));
    case 'resources/list':
      return listOf(call, 'resources', [
        { uri: 'test://one', name: 'one', description: 'One', mimeType: 'text/plain' },
      ]);
    case 'resources/templates/list':
      return listOf(call, 'resourceTemplates', []);
    case 'prompts/list':
      return listOf(call, 'prompts', [{ name: 'greet', description: 'Greets', arguments: [{ name: 'who' }] }]);
    default:
      return undefined;
  }
}

/** Answers calls with what they carried, so that a crossed answer is seen. */
export function defaultScript(call: UpstreamCall, tools: readonly UpstreamTool[] = defaultTools): Script {
  const hints = call.era === 'modern' ? { resultType: 'complete' } : {};
  switch (call.method) {
    case 'tools/call': {
      if (!tools.some((tool) => tool.name === call.name)) {
        return { kind: 'error', error: { code: -32602, message: `Unknown tool: ${call.name}` } };
      }
      const text = JSON.stringify({ name: call.name, arguments: call.params['arguments'] });
      return { kind: 'result', result: { content: [{ type: 'text', text }], ...hints } };
    }
    case 'resources/read': {
      const contents = [{ uri: call.name, mimeType: 'text/plain', text: `contents of ${call.name}` }];
      return { kind: 'result', result: { contents, ...listHints(call) } };
    }
    case 'prompts/get': {
      const text = JSON.stringify({ name: call.name, arguments: call.params['arguments'] });
      return { kind: 'result', result: { messages: [{ role: 'user', content: { type: 'text', text } }], ...hints } };
    }
    case 'completion/complete':
      return { kind: 'result', result: { completion: { values: ['one', 'two'], total: 2, hasMore: false }, ...hints } };
    default:
      return {
        kind: 'error',
        error: { code: -32601, message: 'Method not found' },
        ...(call.era === 'modern' ? { status: 404 } : {}),
      };
  }
}

function toDefinition(tool: UpstreamTool): Readonly<Record<string, unknown>> {
  return { description: `The tool ${tool.name}`, inputSchema: { type: 'object' }, ...tool };
}

function listOf(call: UpstreamCall, member: string, items: readonly unknown[]): Script {
  return { kind: 'result', result: { [member]: items, ...listHints(call) } };
}

function listHints(call: UpstreamCall): Readonly<Record<string, unknown>> {
  return call.era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
}

function modernResult(result: Readonly<Record<string, unknown>>): Script {
  return { kind: 'result', result: { resultType: 'complete', ...result } };
}

function refuseEra(call: UpstreamCall): Script {
  if (call.era === 'modern') {
    // A server that knows nothing of 2026-07-28 takes the request for one without a session.
    return { kind: 'raw', status: 400, body: 'Bad Request: no valid session ID provided', headers: plain };
  }
  const data = { supported: ['2026-07-28'], requested: call.params['protocolVersion'] ?? null };
  return { kind: 'error', status: 400, error: { code: -32022, message: 'Unsupported protocol version', data } };
}

const plain = { 'content-type': 'text/plain' };
