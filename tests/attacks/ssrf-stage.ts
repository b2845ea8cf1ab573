/**
 * A small internet on loopback for tests of what we send: names and public addresses lead to one HTTPS server with a
 * certificate for all of them, and every other address that is dialled leads into a trap that counts. Nothing leaves
 * the machine.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createEgress, type EgressClient, type EgressOptions } from '@sallyport/guard';
import { createAuthority } from '@sallyport/testkit';

/** What the HTTPS server was asked. */
export interface Asked {
  readonly host: string;
  readonly path: string;
  /** The whole head, for what must not be in it. */
  readonly head: string;
}

/** The bytes of an answer to a request. */
export type Answering = (asked: Asked) => string;

/** What a stage is to hold. */
export interface StageOptions {
  /** Names and addresses that the certificate of the server is for. */
  readonly names: readonly string[];
  /** Addresses that lead to the server; all others lead into the trap. */
  readonly isPublic: (address: string) => boolean;
  /** What the server answers; changes while the stage is open. */
  readonly answer: Answering;
  readonly lookup: NonNullable<EgressOptions['lookup']>;
  readonly allow?: readonly string[];
  readonly proxy?: string;
}

/** An open stage. */
export interface Stage {
  readonly egress: EgressClient;
  /** Every address that was dialled, with its port. */
  readonly dialled: readonly string[];
  /** Those among them that are not public. */
  readonly hidden: () => readonly string[];
  /** Connections that the trap has seen. */
  readonly trapped: () => number;
  readonly asked: readonly Asked[];
  /** PEM of the authority. */
  readonly ca: string;
  close(): Promise<void>;
}

/** An answer with headers and an empty body; the connection ends where `isLast`. */
export function answerOf(status: number, headers: Readonly<Record<string, string>> = {}, isLast = true): string {
  const lines = Object.entries({ 'content-length': '0', ...(isLast ? { connection: 'close' } : {}), ...headers });
  return `HTTP/1.1 ${status} Any\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Opens a stage. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const authority = createAuthority();
  const issued = authority.issue({ name: 'everybody', names: options.names });
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  const server = createTlsServer(issued, (socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const request = {
        host: /^host: ([^\r]*)/im.exec(head)?.[1] ?? '',
        path: head.split(' ')[1] ?? '',
        head: head.slice(0, head.indexOf('\r\n\r\n')),
      };
      head = '';
      asked.push(request);
      const answer = options.answer(request);
      socket.write(answer);
      if (/^connection: close/im.test(answer)) socket.end();
    });
  });
  let trapped = 0;
  const trap = createServer((socket) => {
    trapped += 1;
    socket.destroy();
  });
  for (const one of [server, trap]) one.on('connection', (socket: Socket) => remember(sockets, socket));
  const [front, pit] = await Promise.all([listen(server), listen(trap)]);
  const dialled: string[] = [];
  const hidden: string[] = [];
  const egress = createEgress({
    ca: authority.cert,
    lookup: options.lookup,
    allow: options.allow ?? [],
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    dial: (addresses, port) => {
      const places = addresses.map((address) => `${address} ${port}`);
      dialled.push(...places);
      const isHidden = addresses.some((address) => !options.isPublic(address));
      if (isHidden) hidden.push(...places);
      return connect({ host: '127.0.0.1', port: isHidden ? pit : front });
    },
  });
  return {
    egress,
    dialled,
    hidden: () => hidden,
    trapped: () => trapped,
    asked,
    ca: authority.cert,
    async close() {
      await egress.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all([server, trap].map((one) => new Promise((resolve) => one.close(resolve))));
    },
  };
}

function remember(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
}

/** Listens on a free port of loopback and returns it. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
