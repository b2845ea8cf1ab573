/** An MCP server over WebSocket (subprotocol `mcp`) that keeps every message it received; what it answers is scripted. */

import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { answerHandshake, defaultScript } from './recording-script.ts';
import { overChannel, playMessages, record, toCall } from './recorded.ts';
import type { RecordedRequest, Recording, RecordingOptions } from './recorded.ts';

/** How the server answers, and how it takes connections. */
export interface RecordingSocketOptions extends RecordingOptions {
  /** The subprotocol that it takes; `mcp` by default, `none` takes a connection without one. */
  readonly subprotocol?: string;
  /** Decides about an upgrade: `undefined` takes it, a status refuses it. */
  readonly onUpgrade?: (request: IncomingMessage) => Refusal | undefined;
  /** Does something of its own with a fresh connection. */
  readonly onConnection?: (socket: WebSocket) => void;
  /** Answers pings; true by default. */
  readonly answersPings?: boolean;
  /** Port to listen on; a free one by default. */
  readonly port?: number;
}

interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A running server. */
export interface RecordingSocket extends Recording {
  /** Every request to upgrade so far. */
  readonly upgrades: readonly RecordedRequest[];
  /** Connections that are open. */
  readonly sockets: readonly WebSocket[];
  /** Sends a message on every connection. */
  say(message: Readonly<Record<string, unknown>>): void;
  /** Breaks every connection without a word. */
  drop(): void;
}

/** Starts the server on a loopback port. */
export async function startRecordingSocket(options: RecordingSocketOptions = {}): Promise<RecordingSocket> {
  const { era = 'both', isForgetful = false, subprotocol = 'mcp' } = options;
  let current: RecordingOptions = options;
  const requests: RecordedRequest[] = [];
  const upgrades: RecordedRequest[] = [];
  const server = createServer((_request, response) => void response.writeHead(426).end());
  const sockets = new WebSocketServer({
    noServer: true,
    autoPong: options.answersPings ?? true,
    handleProtocols: (offered) => {
      if (subprotocol === 'none') return false;
      return subprotocol === 'mcp' && !offered.has('mcp') ? false : subprotocol;
    },
  });
  server.on('upgrade', (request, socket, head) => {
    upgrades.push(record(request, Buffer.alloc(0)));
    const refusal = options.onUpgrade?.(request);
    if (refusal === undefined) {
      sockets.handleUpgrade(request, socket, head, (accepted) => converse(accepted, request));
      return;
    }
    const headers = Object.entries({ connection: 'close', 'content-length': '0', ...refusal.headers });
    socket.end(`HTTP/1.1 ${refusal.status} Refused\r\n${headers.map((pair) => `${pair.join(': ')}\r\n`).join('')}\r\n`);
  });

  function converse(socket: WebSocket, request: IncomingMessage): void {
    const aborted = new AbortController();
    socket.on('close', () => aborted.abort());
    socket.on('error', () => undefined);
    options.onConnection?.(socket);
    const send = (text: string | Uint8Array): void => socket.send(text, { binary: false });
    socket.on('message', (data: Buffer) => {
      const recorded = record(request, data, 'FRAME');
      if (!isForgetful) requests.push(recorded);
      void answer(recorded, send, aborted.signal);
    });
  }

  async function answer(recorded: RecordedRequest, send: (text: string | Uint8Array) => void, signal: AbortSignal) {
    const call = toCall(recorded);
    if (call === undefined) return;
    const script =
      (await current.script?.(call)) ?? answerHandshake(call, era, current.tools) ?? defaultScript(call, current.tools);
    // A connection that is gone needs no answer.
    await playMessages(overChannel(script), call, send, signal).catch(() => undefined);
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/mcp`,
    port,
    requests,
    upgrades,
    get sockets() {
      return [...sockets.clients];
    },
    of: (method) => requests.filter((request) => request.method === method),
    clear: () => void requests.splice(0),
    change(next) {
      current = { ...current, ...next };
    },
    say: (message) => {
      for (const socket of sockets.clients) socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
    },
    drop: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}
