/**
 * Answers written onto a socket without node:http: to what its parser could not read, and to what is no exchange. Each
 * arrives even while the caller is still sending.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { headerLines, headersUnder } from './security-headers.ts';

/** How long a caller may go on sending what nobody reads, milliseconds. */
const lingerMs = 1000;

/** Bytes of it that are taken. Closing before would reset the connection, and the answer would be lost with it. */
const lingerBytes = 4 * 1024 * 1024;

/** Sockets that have had their answer: the parser fails anew with each further piece. */
const answered = new WeakSet<Duplex>();

/** What an answer is made of. */
interface Bare {
  readonly status: number;
  /** Whether callers come over TLS; default false. */
  readonly isSecure?: boolean;
  /** Plain text for people; default none. */
  readonly text?: string;
}

/** Gives what could not be read the bare status it deserves, and ends the connection. */
export function answerUnreadable(
  error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
  socket: Duplex,
  isSecure: boolean,
): void {
  if (answered.has(socket)) return;
  // Whoever begins a TLS handshake here would take an answer for a broken one.
  const isHandshake = error.rawPacket?.[0] === 22 && error.rawPacket[1] === 3;
  if (!socket.writable || error.code === 'ECONNRESET' || isHandshake) {
    socket.destroy();
    return;
  }
  answerLast(socket, { status: unreadableStatus(error.code), isSecure });
}

/** Tells somebody who speaks HTTP to a TLS door what is wrong, and ends the connection. */
export function answerPlainHttp(socket: Duplex): void {
  answerLast(socket, { status: 400, text: 'This port speaks HTTPS: use https:// in place of http://.\n' });
}

function answerLast(socket: Duplex, answer: Bare): void {
  answered.add(socket);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  let left = lingerBytes;
  socket.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) socket.destroy();
  });
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => {
    if (socket.writableFinished) socket.destroy();
    else socket.once('finish', () => socket.destroy());
  });
  socket.end(bareAnswer(answer));
}

/** An answer after which the connection ends. */
export function bareAnswer({ status, isSecure = false, text = '' }: Bare): string {
  const type = text === '' ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n${type}` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n${headerLines(headersUnder({ isSecure }))}\r\n${text}`
  );
}

function unreadableStatus(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  return 400;
}
