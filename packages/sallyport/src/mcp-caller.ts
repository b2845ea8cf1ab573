/**
 * The smallest caller of MCP: one request at a time through a stdio door, in the stateless revision 2026-07-28. For
 * the commands' own calls; not a client library.
 */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Failure } from './failure.ts';

/** The revision that our own calls speak. */
export const callerRevision = '2026-07-28';

/** A pair of streams that leads to a stdio door. */
export interface DoorStreams {
  /** What the door says. */
  readonly input: Readable;
  /** What the door hears. */
  readonly output: Writable;
}

/** A JSON-RPC answer. */
export type RpcAnswer =
  | { readonly kind: 'result'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: unknown };

/** Sends requests and waits for each answer. */
export interface McpCaller {
  request(method: string, params: Readonly<Record<string, unknown>>): Promise<RpcAnswer>;
  close(): void;
}

/** Returns the `_meta` that each request of 2026-07-28 carries. */
export function requestMeta(version: string): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': callerRevision,
    'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
}

/** Makes a caller over a door's streams. */
export function createMcpCaller({ input, output }: DoorStreams, version: string): McpCaller {
  const lines = createInterface({ input, crlfDelay: Infinity });
  const waiting = new Map<number, { resolve: (answer: RpcAnswer) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let isOver = false;
  lines.on('line', (line) => {
    const message = readMessage(line);
    if (message === undefined || typeof message['id'] !== 'number' || 'method' in message) return;
    const waiter = waiting.get(message['id']);
    waiting.delete(message['id']);
    waiter?.resolve(readAnswer(message));
  });
  lines.on('close', () => {
    isOver = true;
    for (const { reject } of waiting.values())
      reject(new Failure('the gateway hung up', 'see why in its output or log'));
    waiting.clear();
  });
  input.on('error', () => lines.close());
  output.on('error', () => lines.close());
  return {
    request: (method, params) => {
      if (isOver) return Promise.reject(new Failure('the gateway hung up', 'see why in its output or log'));
      const id = nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<RpcAnswer>();
      waiting.set(id, { resolve, reject });
      output.write(
        `${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: requestMeta(version) } })}\n`,
      );
      return promise;
    },
    close: () => {
      output.end();
      lines.close();
    },
  };
}

function readMessage(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(message: Readonly<Record<string, unknown>>): RpcAnswer {
  const { result, error } = message;
  if (isRecord(result)) return { kind: 'result', result };
  const { code, message: text, data } = isRecord(error) ? error : {};
  return {
    kind: 'error',
    code: typeof code === 'number' ? code : -32603,
    message: typeof text === 'string' ? text : 'an answer without result and error',
    data,
  };
}

/** Tells an object from everything else that JSON knows. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
