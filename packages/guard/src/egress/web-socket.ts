/** One WebSocket connection as channels use it (RFC 6455): no extension, no redirect, messages of bounded size. */
import type { ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { createConnector } from './connector.ts';
import type { Surroundings } from './route.ts';
import type { TlsIdentity } from './secure-context.ts';

/** What to connect to, and how. */
export interface SocketRequest extends TlsIdentity {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The only subprotocol that is offered; a server that does not take it is left. */
  readonly protocol: string;
  /** Largest message taken. */
  readonly messageBytes: number;
  /** Milliseconds to connect. */
  readonly connectTimeoutMs: number;
}

/** How a connection ended. */
export interface SocketEnd {
  /** The close code of the server; 1005 and 1006 when it sent none. */
  readonly code: number;
  readonly reason: string;
  readonly error: Error | undefined;
}

/** Hears one connection. */
export interface SocketListener {
  onOpen(): void;
  /** The server answered the upgrade like any other request; called at most once, then nothing follows. */
  onRefused(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onMessage(bytes: Buffer, isText: boolean): void;
  /** A ping or pong came. */
  onSign(): void;
  /** Called at most once; nothing follows. */
  onEnd(end: SocketEnd): void;
}

/** One connection. */
export interface Socket {
  /** Bytes that the server has not taken yet. */
  readonly unsent: number;
  sendText(text: Buffer): void;
  ping(): void;
  /** Says goodbye (close code 1000); the end follows when the server says so too. */
  close(): void;
  /** Breaks the connection. */
  destroy(): void;
}

/** Begins to connect. Does not throw. */
export type OpenSocket = (request: SocketRequest, listener: SocketListener) => Socket;

type WebSocketOptions = Omit<WebSocket.ClientOptions, 'createConnection'> & Pick<ClientRequestArgs, 'createConnection'>;

/** Begins to connect to a URL that an operator wrote. Does not throw. */
export function openWebSocket(around: Surroundings, request: SocketRequest, listener: SocketListener): Socket {
  const { url, headers, protocol, messageBytes, ...rest } = request;
  const options: WebSocketOptions = {
    headers: { ...headers },
    perMessageDeflate: false,
    followRedirects: false,
    maxPayload: messageBytes,
    createConnection: (_options, done) => {
      const { hostname, host, port, protocol: scheme } = new URL(url);
      const connect = createConnector(around, { ...rest, trust: 'operator' });
      const to = {
        hostname: hostname.replace(/^\[|\]$/g, ''),
        host,
        port,
        protocol: scheme === 'wss:' ? 'https:' : 'http:',
      };
      // Node calls it with an error or a socket, never both; its type asks for both.
      connect(to, (error, socket) => (done as (error: Error | null, socket: Duplex | null) => void)(error, socket));
      return undefined;
    },
  };
  const socket = new WebSocket(url, [protocol], options);
  let error: Error | undefined;
  let isOver = false;
  const finish = (tell: () => void): void => {
    if (isOver) return;
    isOver = true;
    tell();
  };
  socket.on('open', () => listener.onOpen());
  socket.on('unexpected-response', (_request, response) => {
    finish(() => listener.onRefused(response.statusCode ?? 0, response.headers));
    socket.terminate();
  });
  // The type allows for other forms of binary data than the default, which is a Buffer.
  socket.on('message', (data, isBinary) => listener.onMessage(data as Buffer, !isBinary));
  socket.on('ping', () => listener.onSign());
  socket.on('pong', () => listener.onSign());
  socket.on('error', (cause) => {
    error = cause;
  });
  socket.on('close', (code, reason) => finish(() => listener.onEnd({ code, reason: reason.toString('utf8'), error })));
  return {
    get unsent() {
      return socket.bufferedAmount;
    },
    sendText: (text) => socket.send(text, { binary: false }),
    ping: () => socket.ping(),
    close: () => socket.close(1000),
    destroy: () => socket.terminate(),
  };
}
