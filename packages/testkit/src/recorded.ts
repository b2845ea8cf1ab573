/** What the recording servers keep of each message, whatever carried it, and how a script becomes messages. */

import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Script, UpstreamCall, UpstreamTool } from './recording-script.ts';

/** One message as it came in. */
export interface RecordedRequest {
  /** `FRAME` for a message over WebSocket, `LINE` for one over stdio. */
  readonly httpMethod: string;
  readonly path: string;
  /** Names and values in the order and case they came; those of the upgrade for a message over WebSocket. */
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

/** Which eras a server speaks. */
export type UpstreamEra = 'both' | 'modern' | 'legacy';

/** What a server offers and how it answers. */
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

/** A running server that keeps what it receives. */
export interface Recording {
  readonly url: string;
  readonly port: number;
  /** Everything received so far, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** The received requests of one JSON-RPC method. */
  of(method: string): RecordedRequest[];
  /** Forgets what was received. */
  clear(): void;
  /** Replaces tools and script from now on. */
  change(options: Pick<RecordingOptions, 'tools' | 'script'>): void;
  close(): Promise<void>;
}

/**
 * Keeps one message.
 * @param request the HTTP request that it came in, or the upgrade request of its connection.
 */
export function record(
  request: Pick<IncomingMessage, 'method' | 'rawHeaders' | 'url'>,
  body: Buffer,
  httpMethod = request.method ?? '',
): RecordedRequest {
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
    httpMethod,
    path: request.url ?? '',
    rawHeaders,
    headers,
    body,
    message,
    method: typeof message['method'] === 'string' ? message['method'] : undefined,
    name: typeof name === 'string' ? name : undefined,
  };
}

/**
 * Reads a message as a request that wants an answer.
 * @returns `undefined` for all others.
 */
export function toCall(request: RecordedRequest): UpstreamCall | undefined {
  const id = request.message['id'];
  if (request.method === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  const params = asObject(request.message['params']);
  const meta = asObject(params['_meta']);
  const era = 'io.modelcontextprotocol/protocolVersion' in meta ? 'modern' : 'legacy';
  return { id, method: request.method, name: request.name, params, meta, era, request };
}

/** The answer that a script gives to a call, as JSON. */
export function answerText(script: Extract<Script, { kind: 'result' | 'error' }>, call: UpstreamCall): string {
  const id = 'id' in script ? script.id : call.id;
  const outcome = script.kind === 'error' ? { error: script.error } : { result: script.result };
  return JSON.stringify({ jsonrpc: '2.0', id, ...outcome });
}

/**
 * Plays a script over a connection that carries everything.
 * @param send writes one message.
 */
export async function playMessages(
  script: Script,
  call: UpstreamCall,
  send: (text: string | Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  if (script.delayMs !== undefined) await delay(script.delayMs, undefined, { signal, ref: false });
  if (script.kind === 'hang') return;
  if (script.kind === 'play') {
    const say = (message: object): void => send(JSON.stringify(message));
    send(answerText(await script.play({ send: say, say, signal }), call));
    return;
  }
  if (script.kind === 'raw') {
    send(script.body);
    return;
  }
  for (const step of script.stream ?? []) {
    if (typeof step === 'number') await delay(step, undefined, { signal, ref: false });
    else send(JSON.stringify(step));
  }
  send(answerText(script, call));
}

/** A refusal that over HTTP is a bare status is an error here, as on every channel without statuses. */
export function overChannel(script: Script): Script {
  if (script.kind !== 'raw' || script.status === undefined) return script;
  return { kind: 'error', error: { code: -32_601, message: 'Method not found' } };
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
