// What lists are held against: a server on node:http that judges nothing, has the same tools, and writes them for each
// request, as servers do. Usage: bare-server.ts <tools>; prints its port.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createEcho } from '../overhead/echo.ts';

const echo = createEcho(Number(process.argv[2]));

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const answer = echo(Buffer.concat(chunks).toString());
    response.writeHead(answer === undefined ? 202 : 200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(answer ?? ''),
    });
    response.end(answer);
  });
});
server.keepAliveTimeout = 72_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
