// The echo server over HTTP, on bare sockets: the faster this end is, the less it can be what limits a measurement.
import { createServer, type AddressInfo } from 'node:net';
import { createEcho, type Echo, type EchoEra } from './echo.ts';
import { HttpReader, type HttpMessage } from './http-reader.ts';

/**
 * Starts an echo server on a free loopback port.
 *
 * @param tools - how many tools it lists
 * @param era - what it speaks
 * @returns its port
 */
export function startEchoServer(tools: number, era?: EchoEra): Promise<number> {
  const echo = createEcho(tools, era);
  const server = createServer({ noDelay: true }, (socket) => {
    const reader = new HttpReader();
    socket.on('data', (chunk: Buffer) => {
      const request = reader.push(chunk);
      // Every text here is ASCII, so characters are bytes.
      if (request !== undefined) socket.write(respond(request, echo), 'latin1');
    });
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function respond({ head, body }: HttpMessage, echo: Echo): string {
  if (!head.startsWith('POST ')) return 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n';
  const answer = echo(body.toString('latin1'));
  if (answer === undefined) return 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`;
}
