/** Servers that want a client certificate: every kind of conversation presents the one of its upstream, and no other. */
import { connect, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import {
  createAuthority,
  startRecordingSocket,
  startRecordingSse,
  startRecordingUpstream,
  type Recording,
} from '@sallyport/testkit';
import type { Upstream } from '@sallyport/gateway';
import { afterEach, describe, expect, it } from 'vitest';
import { callerOf, callTool, startUpstream, takeLink, textOf } from '../fixtures/upstreams/links.ts';
import { listen } from '../attacks/ssrf-stage.ts';

const authority = createAuthority();
const ours = authority.issue({ name: 'gateway' });
const foreign = createAuthority('Foreign').issue({ name: 'gateway' });
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const kinds = [
  ['http', 'https', startRecordingUpstream],
  ['sse', 'https', startRecordingSse],
  ['websocket', 'wss', startRecordingSocket],
] as const;

/** Puts TLS that wants a certificate of the authority before a server; `names` are those that came in. */
const secure = async (server: Recording): Promise<{ readonly host: string; readonly names: readonly string[] }> => {
  const names: string[] = [];
  const sockets = new Set<Socket>();
  const front = createServer({
    ...authority.issue({ name: 'localhost' }),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });
  front.on('secureConnection', (socket: TLSSocket) => {
    names.push(socket.getPeerCertificate().subject.CN);
    const plain = connect({ host: '127.0.0.1', port: server.port });
    for (const one of [socket, plain]) {
      sockets.add(one);
      one.on('error', () => {});
    }
    socket.pipe(plain).pipe(socket);
  });
  front.on('tlsClientError', () => {});
  const port = await listen(front);
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    front.close();
  });
  return { host: `localhost:${port}`, names };
};

describe.each(kinds)('a server over %s', (kind, scheme, startServer) => {
  const open = async (clientCertificate: typeof ours | undefined) => {
    const server = await startServer();
    ends.push(() => server.close());
    const front = await secure(server);
    const { pathname } = new URL(server.url);
    const upstream: Upstream = await startUpstream({
      transport: {
        kind,
        url: `${scheme}://${front.host}${pathname}`,
        headers: {},
        ca: authority.cert,
        ...(clientCertificate === undefined ? {} : { clientCertificate }),
      },
      tuning: { probeMs: 500, handshakeMs: 2000, backoffMs: 60_000 },
    });
    ends.push(() => upstream.stop('done'));
    return { front, server, upstream };
  };

  it('is reached with the certificate of its upstream', async () => {
    const { front, upstream } = await open(ours);
    expect(upstream.status().state).toBe('ready');
    const link = await takeLink(upstream, callerOf('legacy'));
    expect(textOf(await callTool(link, 'echo', { text: 'hi' }))).toContain('hi');
    expect(new Set(front.names)).toEqual(new Set(['gateway']));
  });

  it.each([
    ['without one', undefined],
    ['with one of another authority', foreign],
  ])('is not reached %s', async (_what, certificate) => {
    const { front, server, upstream } = await open(certificate);
    expect(upstream.status().state).not.toBe('ready');
    expect([front.names, server.requests]).toEqual([[], []]);
  });
});
