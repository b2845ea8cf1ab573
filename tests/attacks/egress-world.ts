/** Real HTTPS servers and a real proxy on loopback, and a client whose public addresses lead to them. */
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import { createEgress, type EgressClient, type EgressOptions } from '@sallyport/guard';
import { createAuthority, type CertificateRequest, type TestAuthority } from '@sallyport/testkit';
import { listen } from './ssrf-stage.ts';

/** What a proxy was asked. */
export interface Tunnelled {
  readonly to: string;
  readonly authorization: string | undefined;
}

/** Servers by the public address at which they seem to be. */
export interface EgressWorld {
  readonly authority: TestAuthority;
  /** Addresses and ports that were dialled. */
  readonly dialled: string[];
  readonly tunnelled: Tunnelled[];
  /** Starts an HTTPS server for a name; returns the address that the name has. */
  serve(name: string, handler: RequestListener, options?: ServeOptions): Promise<string>;
  /** Starts a plain HTTP server in the same way. */
  servePlain(name: string, handler: RequestListener): Promise<string>;
  /** Starts a server of bare TCP in the same way. */
  serveRaw(name: string, handler: (socket: Socket) => void): Promise<string>;
  /** Starts an HTTP proxy that reaches the servers here by address and by name. */
  serveProxy(status?: number, isSecure?: boolean): Promise<number>;
  /** The port on loopback behind an address. */
  portOf(address: string): number;
  /** Lets an address lead to a port of loopback. */
  lead(address: string, port: number): void;
  /** Gives a name other addresses. */
  resolve(name: string, ...addresses: string[]): void;
  open(options?: EgressOptions): EgressClient;
  close(): Promise<void>;
}

/** How a server differs from a good one. */
export interface ServeOptions extends ServerOptions {
  readonly certificate?: Partial<CertificateRequest>;
  readonly issuer?: TestAuthority;
}

/** Makes a world without servers. */
export function createWorld(): EgressWorld {
  const authority = createAuthority();
  const names = new Map<string, readonly string[]>();
  const ports = new Map<string, number>();
  const dialled: string[] = [];
  const tunnelled: Tunnelled[] = [];
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const clients: EgressClient[] = [];
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const add = async (name: string, server: Server): Promise<string> => {
    server.on('connection', keep);
    servers.push(server);
    const address = `93.184.215.${servers.length}`;
    names.set(name, [address]);
    ports.set(address, await listen(server));
    return address;
  };
  const reach = (address: string): Socket => {
    const socket = connect({ host: '127.0.0.1', port: ports.get(address) ?? 1 });
    keep(socket);
    return socket;
  };
  return {
    authority,
    dialled,
    tunnelled,
    serve: (name, handler, { certificate, issuer = authority, ...options } = {}) =>
      add(name, createHttpsServer({ ...issuer.issue({ name, ...certificate }), ...options }, handler)),
    servePlain: (name, handler) => add(name, createHttpServer(handler)),
    serveRaw: async (name, handler) => {
      const server = createHttpServer();
      server.removeAllListeners('connection');
      server.on('connection', handler);
      return add(name, server);
    },
    async serveProxy(status = 200, isSecure = false) {
      const proxy = isSecure ? createHttpsServer(authority.issue({ name: '127.0.0.1' })) : createHttpServer();
      proxy.on('connect', (request: IncomingMessage, client: Socket) => {
        const to = request.url ?? '';
        tunnelled.push({ to, authorization: request.headers['proxy-authorization'] });
        if (status !== 200) {
          client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
          return;
        }
        const host = to.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
        const server = reach(names.get(host)?.[0] ?? host);
        server.on('connect', () => {
          client.write('HTTP/1.1 200 Connected\r\n\r\n');
          server.pipe(client).pipe(server);
        });
      });
      proxy.on('connection', keep);
      servers.push(proxy);
      return listen(proxy);
    },
    portOf: (address) => ports.get(address) ?? 0,
    lead: (address, port) => void ports.set(address, port),
    resolve: (name, ...addresses) => void names.set(name, addresses),
    open(options = {}) {
      const client = createEgress({
        ca: authority.cert,
        lookup: (name) => {
          const found = names.get(name);
          if (found !== undefined) return Promise.resolve(found);
          return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
        },
        dial: (addresses, port) => {
          const [address = ''] = addresses;
          dialled.push(`${address} ${port}`);
          return address.startsWith('127.') ? connect({ host: address, port }) : reach(address);
        },
        ...options,
      });
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
