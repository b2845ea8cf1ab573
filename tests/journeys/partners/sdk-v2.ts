/** The official SDK's client, second generation, pinned to either era. */

import { Client, ProtocolError, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { Answer, Caller, Json, Method, Partner, Reach } from './caller.ts';

const modes = { modern: { pin: '2026-07-28' }, legacy: 'legacy' } as const;

/** The partner in one era. */
export function sdkV2(era: 'modern' | 'legacy'): Partner {
  return {
    name: `SDK v2 client, ${era}`,
    transports: era === 'legacy' ? ['http', 'stdio', 'sse'] : ['http', 'stdio'],
    async connect(reach) {
      const client = new Client({ name: 'sdk-v2', version: '2.4.0' }, { versionNegotiation: { mode: modes[era] } });
      await client.connect(transportTo(reach));
      if (client.getProtocolEra() !== era) throw new Error(`it speaks ${client.getProtocolEra()}`);
      return callerOf(client);
    },
  };
}

function transportTo(reach: Reach): StreamableHTTPClientTransport | StdioClientTransport | SSEClientTransport {
  if (reach.kind === 'stdio') {
    return new StdioClientTransport({
      command: reach.command,
      args: [...reach.args],
      env: reach.env,
      stderr: 'ignore',
    });
  }
  if (reach.kind === 'websocket') throw new Error('this client speaks no WebSocket');
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
      const called = settle(() =>
        client.callTool({ name, arguments: { ...args } }, { onprogress, signal: abort.signal }),
      );
      return await called.catch((error: unknown) => {
        if (abort.signal.aborted) return 'cancelled';
        throw error;
      });
    },
    close: () => client.close(),
  };
}

/** The client's own method for each request, since those check what comes back. */
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
    if (error instanceof ProtocolError) return { kind: 'error', code: error.code, message: error.message };
    throw error;
  }
}
