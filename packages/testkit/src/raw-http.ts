/** Sends bytes as they are over a socket and splits what comes back into HTTP/1.1 responses (RFC 9112). */

import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

/** One response as it came. */
export interface RawResponse {
  readonly status: number;
  /** Lower-case names; of a repeated header the last value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a peer did with some bytes. */
export interface RawExchange {
  readonly responses: readonly RawResponse[];
  /** True when the peer closed before we ended our side. */
  readonly isClosedByPeer: boolean;
}

/** How long to listen. */
export interface RawOptions {
  /** After this silence our side is ended, milliseconds; 250 by default. */
  readonly quietMs?: number;
  /** After this the connection is destroyed and the promise rejects, milliseconds; 10,000 by default. */
  readonly ceilingMs?: number;
}

/**
 * Sends bytes and collects all responses until the connection is closed.
 * @param host name or address.
 * @param port TCP port.
 * @param bytes what goes over the wire; a string is taken as latin1.
 */
export function sendRaw(
  host: string,
  port: number,
  bytes: Uint8Array | string,
  { quietMs = 250, ceilingMs = 10_000 }: RawOptions = {},
): Promise<RawExchange> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let isClosedByPeer = false;
    let isEnded = false;
    const socket = connect({ host, port, allowHalfOpen: true });
    const quiet = setTimeout(end, quietMs);
    const ceiling = setTimeout(() => socket.destroy(new Error(`no end of connection in ${ceilingMs} ms`)), ceilingMs);

    function end(): void {
      if (isEnded) return;
      isEnded = true;
      socket.end();
    }

    let failure: Error | undefined;
    socket.on('connect', () => socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      quiet.refresh();
    });
    socket.on('end', () => {
      isClosedByPeer = !isEnded;
      end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A peer that refuses early may reset the connection while we still send.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') isClosedByPeer ||= !isEnded;
      else failure = error;
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      clearTimeout(ceiling);
      if (failure === undefined) resolve({ responses: splitResponses(Buffer.concat(chunks)), isClosedByPeer });
      else reject(failure);
    });
  });
}

/**
 * Splits a byte stream into responses. A body without length runs to the end of the stream.
 * @param stream everything a server sent on one connection.
 */
export function splitResponses(stream: Buffer): RawResponse[] {
  const responses: RawResponse[] = [];
  let at = 0;
  while (at < stream.length) {
    const headEnd = stream.indexOf('\r\n\r\n', at, 'latin1');
    if (headEnd === -1) throw new Error(`not a response head: ${stream.toString('latin1', at, at + 80)}`);
    const [statusLine = '', ...lines] = stream.toString('latin1', at, headEnd).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1];
    if (status === undefined) throw new Error(`not a status line: ${statusLine}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const { body, next } = takeBody(stream, headEnd + 4, Number(status), headers);
    responses.push({ status: Number(status), headers, body });
    at = next;
  }
  return responses;
}

function takeBody(
  stream: Buffer,
  start: number,
  status: number,
  headers: Readonly<Record<string, string>>,
): { readonly body: string; readonly next: number } {
  if (status < 200 || status === 204 || status === 304) return { body: '', next: start };
  if (headers['transfer-encoding'] === 'chunked') return takeChunks(stream, start);
  const length = headers['content-length'];
  const next = length === undefined ? stream.length : Math.min(start + Number(length), stream.length);
  return { body: stream.toString('utf8', start, next), next };
}

function takeChunks(stream: Buffer, start: number): { readonly body: string; readonly next: number } {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = stream.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) break;
    const size = Number.parseInt(stream.toString('latin1', at, lineEnd), 16);
    at = lineEnd + 2;
    if (!(size > 0)) {
      const end = stream.indexOf('\r\n', at, 'latin1');
      at = end === -1 ? stream.length : end + 2;
      break;
    }
    parts.push(stream.subarray(at, at + size));
    at += size + 2;
  }
  return { body: Buffer.concat(parts).toString('utf8'), next: Math.min(at, stream.length) };
}
