/** The official SDK's client, first generation, as most programs in the field have it. */

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import type { Answer, Caller, Json, Method, Partner, Reach } from './caller.ts';

/** The partner. */
export const sdkV1: Partner = {
  name: 'SDK v1 client',
  transports: ['http', 'stdio', 'sse', 'websocket'],
  async connect(reach) {
    const client = new Client({ name: 'sdk-v1', version: '1.32.2' });
    await client.connect(transportTo(reach));
    return callerOf(client);
  },
};

function transportTo(reach: Reach): Transport {
  if (reach.kind === 'stdio') {
    return new StdioClientTransport({
      command: reach.command,
      args: [...reach.args],
      env: reach.env,
      stderr: 'ignore',
    });
  }
  if (reach.kind === 'websocket') return new WebSocketClientTransport(new URL(reach.url));
  const headers = { authorization: `Bearer ${reach.key}` };
  if (reach.kind === 'sse') return new SSEClientTransport(new URL(reach.url), { requestInit: { headers } });
  return new StreamableHTTPClientTransport(new URL(reach.url), { requestInit: { headers } });
}

function callerOf(client: Client): Caller {
  return {
    request: (method, params = {}) => settle(() => send(client, method, params)),
    async follow(name, args, onProgress) {
      const abort = new AbortController();
      const onprogress = ({ progress }: { readonly progress: number }): void => {
        if (onProgress(progress) === 'cancel') abort.abort();
      };
      const options = { onprogress, signal: abort.signal };
      const answer = await settle(() => client.callTool({ name, arguments: { ...args } }, undefined, options)).catch(
        (error: unknown) => {
          if (abort.signal.aborted) return 'cancelled' as const;
          throw error;
        },
      );
      return abort.signal.aborted ? 'cancelled' : answer;
    },
    close: () => client.close(),
  };
}

function send(client: Client, method: Method, params: Json): Promise<Json> {
  switch (method) {
    case 'tools/list':
      return client.listTools();
    case 'tools/call':
      return client.callTool(params as Parameters<Client['callTool']>[0]);
    case 'resources/list':
      return client.listResources();
    case 'resources/templates/list':
      return client.listResourceTemplates();
    case 'resources/read':
      return client.readResource(params as Parameters<Client['readResource']>[0]);
    case 'prompts/list':
      return client.listPrompts();
    case 'prompts/get':
      return client.getPrompt(params as Parameters<Client['getPrompt']>[0]);
    case 'completion/complete':
      return client.complete(params as Parameters<Client['complete']>[0]);
  }
}

async function settle(run: () => Promise<Json>): Promise<Answer> {
  try {
    return { kind: 'result', result: await run() };
  } catch (error) {
    if (error instanceof McpError) return { kind: 'error', code: error.code, message: error.message };
    throw error;
  }
}
