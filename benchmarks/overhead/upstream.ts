// Runs the echo server: `upstream.ts http <tools>` listens on a free port and prints it; `upstream.ts stdio <tools>`
// speaks lines, for peers that start their server themselves.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createEcho } from './echo.ts';

const [transport, count] = process.argv.slice(2);
const echo = createEcho(Number(count));

if (transport === 'stdio') {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const answer = echo(line);
    if (answer !== undefined) process.stdout.write(`${answer}\n`);
  });
} else {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      request.resume();
      response.writeHead(405).end();
      return;
    }
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const answer = echo(body);
      if (answer === undefined) {
        response.writeHead(202).end();
        return;
      }
      const bytes = Buffer.from(answer);
      response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(bytes.length)]);
      response.end(bytes);
    });
  });
  // Peers and pools keep connections between rounds.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}
