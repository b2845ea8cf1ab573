// The control: a bare pass-through proxy on node:http and undici, as fast as these allow and without any judgement.
// It forwards the bytes of a POST and streams the answer back. Usage: bare-proxy.ts <upstream port>
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import type { Dispatcher, Pool as PoolClass } from 'undici';
import { gatewayRequire } from './gateway-require.ts';

// The very undici that the gateway runs on.
const { Pool } = gatewayRequire('undici') as { readonly Pool: typeof PoolClass };
const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 256, pipelining: 1 });
const dropped = new Set(['host', 'connection', 'content-length', 'keep-alive', 'transfer-encoding']);

function stream(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: () => undefined,
    onResponseStart: (_controller, status, headers) => void response.writeHead(status, headers),
    onResponseData: (_controller, chunk) => void response.write(chunk),
    onResponseEnd: () => void response.end(),
    onResponseError: () => void response.destroy(),
  };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const headers: string[] = [];
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? '';
      if (!dropped.has(name.toLowerCase())) headers.push(name, request.rawHeaders[i + 1] ?? '');
    }
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    pool.dispatch({ method: 'POST', path: request.url ?? '/', headers, body: body ?? null }, stream(response));
  });
});
server.keepAliveTimeout = 72_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
