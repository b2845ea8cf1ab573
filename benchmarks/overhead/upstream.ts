// Runs the echo server: `upstream.ts http <tools>` listens on a free port and prints it; `upstream.ts stdio <tools>`
// speaks lines, for peers that start their server themselves. HTTP is spoken on bare sockets: the faster this end is,
// the less it can be what limits a measurement.
import { createServer, type AddressInfo } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createEcho } from './echo.ts';
import { HttpReader, type HttpMessage } from './http-reader.ts';

const [transport, count] = process.argv.slice(2);
const echo = createEcho(Number(count));

if (transport === 'stdio') {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const answer = echo(line);
    if (answer !== undefined) process.stdout.write(`${answer}\n`);
  });
} else {
  const server = createServer({ noDelay: true }, (socket) => {
    const reader = new HttpReader();
    socket.on('data', (chunk: Buffer) => {
      const request = reader.push(chunk);
      // Every text here is ASCII, so characters are bytes.
      if (request !== undefined) socket.write(respond(request), 'latin1');
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}

function respond({ head, body }: HttpMessage): string {
  if (!head.startsWith('POST ')) return 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n';
  const answer = echo(body.toString('latin1'));
  if (answer === undefined) return 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`;
}
