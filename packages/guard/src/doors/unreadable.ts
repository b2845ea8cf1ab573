/** Answers what the HTTP parser could not read, so that the answer arrives even while the caller is still sending. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** How long a caller may go on sending what nobody reads, milliseconds. */
const lingerMs = 1000;

/** Bytes of it that are taken. Closing before would reset the connection, and the answer would be lost with it. */
const lingerBytes = 4 * 1024 * 1024;

/** Sockets that have had their answer: the parser fails anew with each further piece. */
const answered = new WeakSet<Socket>();

/** Gives what could not be read the bare status it deserves, and ends the connection. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (answered.has(socket)) return;
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  answered.add(socket);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  let left = lingerBytes;
  socket.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) socket.destroy();
  });
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroySoon());
  socket.end(bareAnswer(unreadableStatus(error.code)));
}

/** An answer without a body, after which the connection ends. */
export function bareAnswer(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

function unreadableStatus(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  return 400;
}
