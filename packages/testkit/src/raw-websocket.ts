/** A WebSocket caller that can break every rule of RFC 6455, frame by frame. */

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { WireMessage } from './http-client.ts';

/** How to open a socket. */
export interface RawWebSocketOptions {
  /** API key, sent as bearer token; none by default. */
  readonly key?: string;
  /** Headers of the handshake by name; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Answers pings of the peer. Default true. */
  readonly answersPings?: boolean;
}

/** One frame. */
export interface WebSocketFrame {
  /** 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A frame to send; a final, masked one of text by default. */
export interface OutgoingFrame {
  readonly opcode?: number;
  readonly payload?: string | Uint8Array;
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
  /** The length that the head tells; that of the payload by default. */
  readonly length?: number;
}

/** An open socket, or the answer of a peer that did not upgrade. */
export interface RawWebSocket {
  /** 101 when it is open. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Body of a refusal. */
  readonly body: string;
  readonly frames: readonly WebSocketFrame[];
  /** Messages of the text frames so far. */
  messages(): WireMessage[];
  send(message: object): void;
  sendFrame(frame: OutgoingFrame): void;
  /** Stops and goes on reading what the peer sends. */
  pause(): void;
  resume(): void;
  readonly isClosed: boolean;
  /** Code of the peer's close frame; `undefined` when the connection ended without one. */
  readonly closed: Promise<number | undefined>;
  destroy(): void;
}

/** Opens a WebSocket to the host, port and path of an `http:` URL. */
export function openRawWebSocket(url: string, options: RawWebSocketOptions = {}): Promise<RawWebSocket> {
  const { hostname, port, pathname, search } = new URL(url);
  const headers: Record<string, string | undefined> = {
    Host: `${hostname}:${port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'mcp',
    ...(options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` }),
    ...options.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let read = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [first = '', ...rest] = read.subarray(0, end).toString('latin1').split('\r\n');
      const status = Number(first.split(' ')[1]);
      const answered = Object.fromEntries(
        rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const body = read.subarray(end + 4);
      if (status !== 101 && body.length < Number(answered['content-length'] ?? 0)) return;
      socket.off('data', onData);
      resolve(new Frames(socket, status, answered, body, options.answersPings !== false));
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.once('connect', () => socket.write([`GET ${pathname}${search} HTTP/1.1`, ...lines, '', ''].join('\r\n')));
  });
}

class Frames implements RawWebSocket {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly frames: WebSocketFrame[] = [];
  readonly closed: Promise<number | undefined>;
  isClosed = false;
  private readonly socket: Socket;
  private readonly answersPings: boolean;
  private rest: Buffer = Buffer.alloc(0);

  constructor(
    socket: Socket,
    status: number,
    headers: Readonly<Record<string, string>>,
    early: Buffer,
    answersPings: boolean,
  ) {
    this.socket = socket;
    this.status = status;
    this.headers = headers;
    this.answersPings = answersPings;
    this.body = status === 101 ? '' : early.toString();
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        const close = this.frames.find(({ opcode }) => opcode === 8);
        resolve(close === undefined || close.payload.length < 2 ? undefined : close.payload.readUInt16BE(0));
      });
    });
    if (status !== 101) return;
    this.take(early);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
  }

  messages(): WireMessage[] {
    return this.frames
      .filter(({ opcode }) => opcode === 1)
      .map(({ payload }) => JSON.parse(payload.toString()) as WireMessage);
  }

  send(message: object): void {
    this.sendFrame({ payload: JSON.stringify({ jsonrpc: '2.0', ...message }) });
  }

  sendFrame({ opcode = 1, payload = '', isFinal = true, isMasked = true, length }: OutgoingFrame): void {
    const bytes = Buffer.from(payload);
    const told = length ?? bytes.length;
    const head = Buffer.alloc(10);
    head[0] = (isFinal ? 0x80 : 0) | opcode;
    head[1] = (isMasked ? 0x80 : 0) | 127;
    head.writeBigUInt64BE(BigInt(told), 2);
    // Short lengths have one spelling.
    const short = told < 126 ? 2 : told < 65_536 ? 4 : 10;
    if (short === 2) head[1] = (isMasked ? 0x80 : 0) | told;
    if (short === 4) {
      head[1] = (isMasked ? 0x80 : 0) | 126;
      head.writeUInt16BE(told, 2);
    }
    const mask = isMasked ? randomBytes(4) : Buffer.alloc(0);
    const masked = isMasked ? bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : bytes;
    this.socket.write(Buffer.concat([head.subarray(0, short), mask, masked]));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      const { rest } = this;
      if (rest.length < 2) return;
      const short = (rest[1] ?? 0) & 0x7f;
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < start) return;
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short;
      if (rest.length < start + length) return;
      const frame = { opcode: (rest[0] ?? 0) & 0x0f, payload: rest.subarray(start, start + length) };
      this.frames.push(frame);
      this.rest = rest.subarray(start + length);
      if (frame.opcode === 9 && this.answersPings) this.sendFrame({ opcode: 10, payload: frame.payload });
      if (frame.opcode === 8) this.socket.end();
    }
  }
}
