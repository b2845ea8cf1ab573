/** Answers written onto a socket without node:http: to what its parser could not read, and to what is no exchange. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { headerLines, headersUnder } from './security-headers.ts';

/** What an answer is made of. */
interface Bare {
  readonly status: number;
  /** Whether callers come over TLS. */
  readonly isSecure?: boolean;
  /** Plain text for people. */
  readonly text?: string;
}

/** An answer that ends its connection. */
export function bareAnswer({ status, isSecure, text = '' }: Bare): string {
  const type = text === '' ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  const safe = headerLines(headersUnder(isSecure === undefined ? {} : { isSecure }));
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n${type}` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n${safe}\r\n${text}`
  );
}

/** What the HTTP parser could not read gets the bare status it deserves, and the connection ends. */
export function answerUnreadable(
  error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
  socket: Duplex,
  isSecure: boolean,
): void {
  // Whoever begins a handshake here would take an answer for a broken one.
  const isHandshake = error.rawPacket?.[0] === 22 && error.rawPacket[1] === 3;
  if (!socket.writable || error.code === 'ECONNRESET' || isHandshake) {
    socket.destroy();
    return;
  }
  socket.end(bareAnswer({ status: unreadableStatus(error.code), isSecure }));
}

function unreadableStatus(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  return 400;
}

/** How long a caller may take to read its last answer, milliseconds. */
const lastMs = 1000;

/** Tells somebody who speaks HTTP to a TLS door what is wrong. */
export function answerPlainHttp(socket: Duplex): void {
  socket.end(bareAnswer({ status: 400, text: 'This port speaks HTTPS: use https:// in place of http://.\n' }));
  // What is still on its way is read, so that the answer is not lost with it.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lastMs);
  timer.unref();
}
