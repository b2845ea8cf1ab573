/** The admin port: health and metrics, on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerUnreadable, bareAnswer, safeHeaders } from '@sallyport/guard';
import type { Metrics } from './metrics.ts';

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** What keeps the gateway from being ready; nothing when it is. */
  readonly troubles: () => readonly string[];
}

/** An open admin port. */
export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Opens the admin port; rejects when the address cannot be had. */
export async function openAdmin(options: AdminOptions): Promise<AdminServer> {
  const hosts = new Set<string>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const page = await render(request.method ?? '', request.url ?? '', request.headers.host, hosts, options);
    const length = String(Buffer.byteLength(page.body));
    response.writeHead(page.status, ['Content-Type', page.type, 'Content-Length', length, ...safeHeaders]);
    response.end(page.body);
  };
  const server = createServer({ requireHostHeader: false }, (request, response) => void answer(request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerUnreadable(error, socket, false));
  server.on('connect', (_, socket) => socket.end(bareAnswer({ status: 405 })));
  server.on('checkExpectation', (_, response) => {
    response.writeHead(417, ['Connection', 'close', 'Content-Length', '0', ...safeHeaders]);
    response.end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  for (const name of [options.host, 'localhost', '127.0.0.1', '[::1]']) hosts.add(`${name}:${port}`);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function render(
  method: string,
  target: string,
  host: string | undefined,
  hosts: ReadonlySet<string>,
  { metrics, troubles }: AdminOptions,
): Promise<Page> {
  // A page in a browser that was lured to this port must not read it.
  if (host === undefined || !hosts.has(host.toLowerCase())) return text(403, 'this Host is not served here\n');
  if (method !== 'GET') return text(405, 'only GET\n');
  switch (target) {
    case '/health/live':
      return text(200, 'alive\n');
    case '/health/ready': {
      const found = troubles();
      return found.length === 0 ? text(200, 'ready\n') : text(503, `${found.join('\n')}\n`);
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.render() };
    default:
      return text(404, 'not found: /health/live, /health/ready and /metrics are here\n');
  }
}

function text(status: number, body: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body };
}
