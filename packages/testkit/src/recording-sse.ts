/**
 * An MCP server over HTTP+SSE (2024-11-05) that keeps every message it received: GET /sse opens a session, whose
 * messages are posted to /messages. What it answers is scripted.
 */

import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerHandshake, defaultScript } from './recording-script.ts';
import { playMessages, record, toCall } from './recorded.ts';
import type { RecordedRequest, Recording, RecordingOptions } from './recorded.ts';

/** How the server answers, and what it says of itself. */
export interface RecordingSseOptions extends Omit<RecordingOptions, 'era'> {
  /** What the `endpoint` event says; `/messages?sessionId=…` by default, `none` for no such event. */
  readonly endpoint?: (sessionId: string, port: number) => string;
  /** Decides about a request before anything else: true when it has answered it. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Port to listen on; a free one by default. */
  readonly port?: number;
}

/** A running server. */
export interface RecordingSse extends Recording {
  /** Ids of the sessions whose stream is open, oldest first. */
  readonly sessions: readonly string[];
  /** Sends a message on every stream. */
  say(message: Readonly<Record<string, unknown>>): void;
  /** Writes bytes to every stream as they are. */
  write(text: string | Uint8Array): void;
  /** Forgets every session but leaves the streams open. */
  forget(): void;
  /** Breaks the stream of one session, or every stream, without a word. */
  drop(sessionId?: string): void;
}

interface Stream {
  readonly response: ServerResponse;
  /** Aborted when the stream is closed. */
  readonly signal: AbortSignal;
}

/** Starts the server on a loopback port. */
export async function startRecordingSse(options: RecordingSseOptions = {}): Promise<RecordingSse> {
  const { isForgetful = false } = options;
  let current: RecordingOptions = options;
  const requests: RecordedRequest[] = [];
  const streams = new Map<string, Stream>();
  const open = new Set<ServerResponse>();

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const recorded = record(request, Buffer.concat(chunks));
    if (!isForgetful) requests.push(recorded);
    if (options.onRequest?.(request, response) === true) return;
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/sse') openStream(request, response);
    else if (url.pathname === '/messages' && request.method === 'POST') take(recorded, url, response);
    else response.writeHead(404).end();
  }

  function openStream(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405, { 'content-type': 'text/plain' }).end('Method Not Allowed');
      return;
    }
    const id = randomUUID();
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const endpoint = options.endpoint?.(id, port()) ?? `/messages?sessionId=${id}`;
    response.write(endpoint === 'none' ? ':\n\n' : `event: endpoint\ndata: ${endpoint}\n\n`);
    const aborted = new AbortController();
    streams.set(id, { response, signal: aborted.signal });
    open.add(response);
    response.on('close', () => {
      aborted.abort();
      streams.delete(id);
      open.delete(response);
    });
  }

  function take(recorded: RecordedRequest, url: URL, response: ServerResponse): void {
    const stream = streams.get(url.searchParams.get('sessionId') ?? '');
    if (stream === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(202).end('Accepted');
    void answer(recorded, stream);
  }

  async function answer(recorded: RecordedRequest, stream: Stream): Promise<void> {
    const call = toCall(recorded);
    if (call === undefined) return;
    const script =
      (await current.script?.(call)) ??
      answerHandshake(call, 'legacy', current.tools) ??
      defaultScript(call, current.tools);
    const send = (text: string | Uint8Array): void => writeMessage(stream.response, text);
    // A stream that is gone needs no answer.
    await playMessages(script, call, send, stream.signal).catch(() => undefined);
  }

  function port(): number {
    return (server.address() as AddressInfo).port;
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port()}/sse`,
    port: port(),
    requests,
    get sessions() {
      return [...streams.keys()];
    },
    of: (method) => requests.filter((request) => request.method === method),
    clear: () => void requests.splice(0),
    change(next) {
      current = { ...current, ...next };
    },
    say: (message) => {
      for (const stream of open) writeMessage(stream, JSON.stringify({ jsonrpc: '2.0', ...message }));
    },
    write: (text) => {
      for (const stream of open) stream.write(text);
    },
    forget: () => streams.clear(),
    drop: (sessionId) => {
      for (const stream of open) {
        if (sessionId === undefined || streams.get(sessionId)?.response === stream) stream.destroy();
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function writeMessage(stream: ServerResponse, text: string | Uint8Array): void {
  stream.write('event: message\ndata: ');
  stream.write(text);
  stream.write('\n\n');
}
