/** The hosts of the corpus in the mouth of a server that an operator wrote: as its endpoint event and its redirects. */
import { createServer, connect, type Socket } from 'node:net';
import { createEgress } from '@sallyport/guard';
import { createUpstream, realUpstreamPorts, type UpstreamDefinition } from '@sallyport/gateway';
import { listen } from './ssrf-stage.ts';
import { urlOf, type HostCase } from './ssrf.ts';

/** How a server leads us elsewhere. */
export type UpstreamPlace = 'endpoint event' | 'redirect of a message' | 'redirect of an upgrade';

/** What came of it. */
export interface UpstreamResult {
  readonly cases: number;
  /** Conversations that did not begin. */
  readonly refused: number;
  /** Dials to anything but the server itself. */
  readonly elsewhere: readonly string[];
  /** Requests that the server saw: each case reached it. */
  readonly asked: number;
}

const kinds: Readonly<Record<UpstreamPlace, 'sse' | 'http' | 'websocket'>> = {
  'endpoint event': 'sse',
  'redirect of a message': 'http',
  'redirect of an upgrade': 'websocket',
};
const AT_ONCE = 16;

const answerFor = (place: UpstreamPlace, location: string): string =>
  place === 'endpoint event'
    ? `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: endpoint\ndata: ${location}\n\n`
    : `HTTP/1.1 307 Temporary Redirect\r\nlocation: ${location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;

/** Brings each host that is to be refused to one place. */
export async function runUpstreams(hosts: readonly HostCase[], place: UpstreamPlace): Promise<UpstreamResult> {
  const bad = hosts.filter(({ expect }) => expect !== 'allow' && expect !== 'deny-at-connect');
  const sockets = new Set<Socket>();
  let asked = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (chunk: Buffer) => {
      asked += 1;
      const host = bad[Number(/\/case\/(\d+)/.exec(chunk.toString('latin1'))?.[1])];
      socket.write(answerFor(place, host === undefined ? '' : urlOf(host)));
    });
  });
  const port = await listen(server);
  const elsewhere: string[] = [];
  const egress = createEgress({
    dial: (addresses, to) => {
      if (to !== port) elsewhere.push(`${addresses.join(' ')} ${to}`);
      return connect({ host: '127.0.0.1', port });
    },
  });
  const open = async (index: number): Promise<boolean> => {
    const kind = kinds[place];
    const url = `${kind === 'websocket' ? 'ws' : 'http'}://127.0.0.1:${port}/case/${index}`;
    const definition: UpstreamDefinition = {
      name: 'fixture',
      transport: { kind, url, headers: {} },
      share: 'all',
      tuning: { probeMs: 2000, handshakeMs: 2000, stopMs: 100, backoffMs: 60_000 },
    };
    const upstream = createUpstream(definition, realUpstreamPorts({}, egress), { name: 'test', version: '0.0.0' });
    upstream.start();
    const { state } = await upstream.settled();
    await upstream.stop('done');
    return state !== 'ready';
  };
  let refused = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < bad.length; index = next++) if (await open(index)) refused += 1;
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return { cases: bad.length, refused, elsewhere, asked };
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
