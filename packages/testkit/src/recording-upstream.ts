/**
 * An MCP server on bare node:http that keeps every byte it received, so that a test can compare what policy judged
 * with what an upstream got. Speaks 2026-07-28 and legacy sessions; what it answers is scripted.
 */

import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerHandshake, defaultScript } from './recording-script.ts';
import type { Script, UpstreamCall, UpstreamTool } from './recording-script.ts';

/** One request as it came in. */
export interface RecordedRequest {
  readonly httpMethod: string;
  readonly path: string;
  /** Names and values in the order and case they came. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; repeated values joined with a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body's bytes. */
  readonly body: Buffer;
  /** JSON-RPC method; `undefined` for responses and unreadable bodies. */
  readonly method: string | undefined;
  /** `params.name` or `params.uri`. */
  readonly name: string | undefined;
  readonly message: Readonly<Record<string, unknown>>;
}

/** Which eras the server speaks. */
export type UpstreamEra = 'both' | 'modern' | 'legacy';

/** What the server offers and how it answers. */
export interface RecordingOptions {
  /** `both` by default. */
  readonly era?: UpstreamEra;
  /** Tools to list; `echo`, `t`, `safe` and `admin`, which take any arguments, by default. */
  readonly tools?: readonly UpstreamTool[];
  /** Decides the answer; `undefined` leaves it to the default, which echoes. */
  readonly script?: (call: UpstreamCall) => Script | undefined | Promise<Script | undefined>;
  /** Keeps no records, for load tests; false by default. */
  readonly isForgetful?: boolean;
}

/** A running server. */
export interface RecordingUpstream {
  readonly url: string;
  readonly port: number;
  /** Everything received so far, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** The received requests of one JSON-RPC method. */
  of(method: string): RecordedRequest[];
  /** Forgets what was received. */
  clear(): void;
  /** Calls whose connection the other side closed before the answer. */
  readonly abandoned: number;
  /** Replaces tools and script from now on. */
  change(options: Pick<RecordingOptions, 'tools' | 'script'>): void;
  close(): Promise<void>;
}

/** Starts the server on a free loopback port. */
export async function startRecordingUpstream(options: RecordingOptions = {}): Promise<RecordingUpstream> {
  const { era = 'both', isForgetful = false } = options;
  let current = options;
  let abandoned = 0;
  const requests: RecordedRequest[] = [];

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const recorded = record(request, Buffer.concat(chunks));
    if (!isForgetful) requests.push(recorded);
    if (request.method !== 'POST') {
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      return;
    }
    const call = toCall(recorded);
    if (call === undefined) {
      response.writeHead(202).end();
      return;
    }
    const aborted = new AbortController();
    response.on('close', () => {
      if (response.writableFinished) return;
      abandoned += 1;
      aborted.abort();
    });
    const script =
      (await current.script?.(call)) ?? answerHandshake(call, era, current.tools) ?? defaultScript(call, current.tools);
    await play(script, call, response, aborted.signal);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    requests,
    of: (method) => requests.filter((request) => request.method === method),
    clear: () => void requests.splice(0),
    get abandoned() {
      return abandoned;
    },
    change(next) {
      current = { ...current, ...next };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function record(request: IncomingMessage, body: Buffer): RecordedRequest {
  const rawHeaders: (readonly [string, string])[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    rawHeaders.push([request.rawHeaders[index] ?? '', request.rawHeaders[index + 1] ?? '']);
  }
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of rawHeaders) {
    const before = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`;
  }
  const message = readObject(body);
  const params = asObject(message['params']);
  const name = params['name'] ?? params['uri'];
  return {
    httpMethod: request.method ?? '',
    path: request.url ?? '',
    rawHeaders,
    headers,
    body,
    message,
    method: typeof message['method'] === 'string' ? message['method'] : undefined,
    name: typeof name === 'string' ? name : undefined,
  };
}

function toCall(request: RecordedRequest): UpstreamCall | undefined {
  const id = request.message['id'];
  if (request.method === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  const params = asObject(request.message['params']);
  const meta = asObject(params['_meta']);
  const era = 'io.modelcontextprotocol/protocolVersion' in meta ? 'modern' : 'legacy';
  return { id, method: request.method, name: request.name, params, meta, era, request };
}

async function play(script: Script, call: UpstreamCall, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (script.delayMs !== undefined) await delay(script.delayMs, undefined, { signal, ref: false });
  if (script.kind === 'hang') return;
  if (script.kind === 'raw') {
    response.writeHead(script.status ?? 200, { 'content-type': 'application/json', ...script.headers });
    response.end(script.body);
    return;
  }
  const id = 'id' in script ? script.id : call.id;
  const outcome = script.kind === 'error' ? { error: script.error } : { result: script.result };
  const message = JSON.stringify({ jsonrpc: '2.0', id, ...outcome });
  const status = script.status ?? 200;
  if (script.stream === undefined) {
    response.writeHead(status, { 'content-type': 'application/json', ...script.headers });
    response.end(message);
    return;
  }
  response.writeHead(status, { 'content-type': 'text/event-stream', ...script.headers });
  for (const step of script.stream) {
    if (typeof step === 'number') await delay(step, undefined, { signal, ref: false });
    else response.write(`event: message\ndata: ${JSON.stringify(step)}\n\n`);
  }
  response.end(`event: message\ndata: ${message}\n\n`);
}

function readObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(body.toString('utf8')));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
