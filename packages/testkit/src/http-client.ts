/** Plain MCP clients over node:http for tests that must see every byte; no SDK in between. */

import { Buffer } from 'node:buffer';
import { Agent, request as startRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { readEvents } from './sse.ts';

/** A JSON-RPC message, as far as tests look into it. */
export interface WireMessage {
  readonly jsonrpc?: unknown;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** What came back for one POST. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The whole body as text. */
  readonly text: string;
  /** All messages of a JSON or SSE body, in order; none for an empty or unreadable body. */
  readonly messages: readonly WireMessage[];
  /** The last message with `result` or `error`. */
  readonly response: WireMessage | undefined;
}

/** Revision of modern requests. */
export const modernRevision = '2026-07-28';

const agent = new Agent({ keepAlive: true });

/** Asks a server's messages as they arrive on a stream. */
export type OnMessage = (message: WireMessage) => void;

/** A request as it goes over the wire. */
export interface PostOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Called for each message of a streamed answer as it arrives. */
  readonly onMessage?: OnMessage;
  /** Ends the request; the promise then rejects. */
  readonly signal?: AbortSignal;
  /** `POST` by default. */
  readonly method?: string;
}

/**
 * Sends one HTTP request with a body as given.
 * @param url endpoint.
 * @param body bytes or text; JSON content type and Accept are set unless `headers` says otherwise.
 */
export async function post(url: string, body: string | Uint8Array, options: PostOptions = {}): Promise<HttpAnswer> {
  const response = await open(url, body, options);
  const chunks: Buffer[] = [];
  const type = response.headers['content-type'] ?? '';
  const messages: WireMessage[] = [];
  if (type.startsWith('text/event-stream')) {
    for await (const event of readEvents(tee(response, chunks))) {
      const message = parseMessage(event.data);
      if (message === undefined) continue;
      messages.push(message);
      options.onMessage?.(message);
    }
  } else {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const message = parseMessage(Buffer.concat(chunks).toString('utf8'));
    if (message !== undefined) messages.push(message);
  }
  return {
    status: response.statusCode ?? 0,
    headers: flatten(response),
    text: Buffer.concat(chunks).toString('utf8'),
    messages,
    response: messages.findLast((message) => message.result !== undefined || message.error !== undefined),
  };
}

/**
 * Opens a request and returns as soon as the response's head is there.
 * @param body `undefined` for requests without one, such as GET.
 */
export function open(
  url: string,
  body: string | Uint8Array | undefined,
  options: PostOptions,
): Promise<IncomingMessage> {
  const { headers = {}, signal, method = 'POST' } = options;
  return new Promise((resolve, reject) => {
    const outgoing = startRequest(url, {
      method,
      agent,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
    outgoing.end(body);
  });
}

async function* tee(stream: AsyncIterable<Buffer>, into: Buffer[]): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    into.push(chunk);
    yield chunk;
  }
}

function flatten(response: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

function parseMessage(text: string): WireMessage | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One modern request. */
export interface ModernRequest {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** JSON-RPC id; 1 by default. */
  readonly id?: string | number;
  /** API key, sent as bearer token; none by default. */
  readonly key?: string;
  /** Value of Mcp-Name; by default `params.name`, `params.uri` or `params.taskId`. */
  readonly name?: string;
  /** Client capabilities to declare; none by default. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** Further `_meta` members. */
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly onMessage?: OnMessage;
  readonly signal?: AbortSignal;
}

/**
 * Sends a 2026-07-28 request with its envelope and the headers that mirror it.
 * @param url endpoint.
 */
export function postModern(url: string, request: ModernRequest): Promise<HttpAnswer> {
  const { method, params = {}, id = 1, key, capabilities = {}, meta = {}, headers = {}, onMessage, signal } = request;
  const name = request.name ?? mirroredName(params);
  const body = {
    jsonrpc: '2.0',
    id,
    method,
    params: {
      ...params,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': modernRevision,
        'io.modelcontextprotocol/clientCapabilities': capabilities,
        'io.modelcontextprotocol/clientInfo': { name: 'testkit', version: '1.0.0' },
        ...meta,
      },
    },
  };
  return post(url, JSON.stringify(body), {
    headers: {
      'mcp-protocol-version': modernRevision,
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': encodeHeader(name) }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    ...(onMessage === undefined ? {} : { onMessage }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function mirroredName(params: Readonly<Record<string, unknown>>): string | undefined {
  const value = params['name'] ?? params['uri'] ?? params['taskId'];
  return typeof value === 'string' ? value : undefined;
}

/** Writes a value as a header may carry it: as it is, or in the base64 form of SEP-2243. */
export function encodeHeader(value: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?base64?');
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}
