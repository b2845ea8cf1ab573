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
import type { Outcome, Script, UpstreamCall } from './recording-script.ts';
import { answerText, record, toCall } from './recorded.ts';
import type { RecordedRequest, Recording, RecordingOptions } from './recorded.ts';

/** How the server answers, and whether it speaks outside of calls. */
export interface RecordingUpstreamOptions extends RecordingOptions {
  /** Keeps a standalone stream (GET) open for each legacy session; false by default. */
  readonly hasStreams?: boolean;
}

/** A running server. */
export interface RecordingUpstream extends Recording {
  /** Calls whose connection the other side closed before the answer. */
  readonly abandoned: number;
}

/** Starts the server on a free loopback port. */
export async function startRecordingUpstream(options: RecordingUpstreamOptions = {}): Promise<RecordingUpstream> {
  const { era = 'both', isForgetful = false, hasStreams = false } = options;
  let current: RecordingOptions = options;
  let abandoned = 0;
  const requests: RecordedRequest[] = [];
  const streams = new Map<string, ServerResponse>();

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const recorded = record(request, Buffer.concat(chunks));
    if (!isForgetful) requests.push(recorded);
    const session = recorded.headers['mcp-session-id'];
    if (request.method === 'GET' && hasStreams && session !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      streams.set(session, response);
      return;
    }
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
    const say = (message: object): void => {
      const stream = streams.get(session ?? '');
      if (stream !== undefined) writeEvent(stream, JSON.stringify(message));
    };
    await play(script, call, response, aborted.signal, say);
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

async function play(
  script: Script,
  call: UpstreamCall,
  response: ServerResponse,
  signal: AbortSignal,
  say: (message: object) => void,
): Promise<void> {
  if (script.delayMs !== undefined) await delay(script.delayMs, undefined, { signal, ref: false });
  if (script.kind === 'hang') return;
  if (script.kind === 'raw') {
    response.writeHead(script.status ?? 200, { 'content-type': 'application/json', ...script.headers });
    response.end(script.body);
    return;
  }
  if (script.kind === 'play') {
    const send = (message: object): void => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
      writeEvent(response, JSON.stringify(message));
    };
    finish(await script.play({ send, say, signal }), call, response);
    return;
  }
  const message = answerText(script, call);
  const status = script.status ?? 200;
  if (script.stream === undefined) {
    response.writeHead(status, { 'content-type': 'application/json', ...script.headers });
    response.end(message);
    return;
  }
  response.writeHead(status, { 'content-type': 'text/event-stream', ...script.headers });
  for (const step of script.stream) {
    if (typeof step === 'number') await delay(step, undefined, { signal, ref: false });
    else writeEvent(response, JSON.stringify(step));
  }
  writeEvent(response, message);
  response.end();
}

function finish(outcome: Outcome, call: UpstreamCall, response: ServerResponse): void {
  const message = answerText(outcome, call);
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' }).end(message);
  else {
    writeEvent(response, message);
    response.end();
  }
}

function writeEvent(response: ServerResponse, message: string): void {
  response.write(`event: message\ndata: ${message}\n\n`);
}
