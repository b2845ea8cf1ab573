/**
 * The control socket: how programs of the same user reach a running gateway. One line of JSON says what is wanted;
 * `open: stdio` turns the connection into a stdio door, `ask: status` is answered with one line. The socket's folder
 * and mode keep other users out.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { isObject } from '@sallyport/protocol';
import type { Config } from './config/types.ts';

/** Unix sockets have short paths; longer ones move to the user's own folder in the temporary one. */
const longestPath = 100;

/** Longest first line, bytes. */
const longestHello = 1024;

/** Where the gateway of a configuration listens for its own user. */
export function controlPath(config: Pick<Config, 'files'>): string {
  const folder = dirname(config.files[0] ?? process.cwd());
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 24);
  if (process.platform === 'win32') return `\\\\.\\pipe\\sallyport-${digest}`;
  const path = join(folder, 'state', 'sallyport.sock');
  if (Buffer.byteLength(path) <= longestPath) return path;
  return join(tmpdir(), `sallyport-${userInfo().uid}`, `${digest}.sock`);
}

/** What a connection may ask for. */
export interface ControlHandlers {
  /** Serves MCP over the connection until it ends, with a role of the user's choice where one is named. */
  openStdio(socket: Socket, role?: string): void;
  status(): object;
  /** Takes over what another process has changed in the store. */
  refresh(): Promise<void>;
}

/** An open control socket. */
export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the control socket.
 *
 * @returns `undefined` when another gateway of this configuration has it
 */
export async function openControl(path: string, handlers: ControlHandlers): Promise<ControlServer | undefined> {
  if (process.platform !== 'win32') {
    await ownFolder(dirname(path));
    if (await isAnswered(path)) return undefined;
    await rm(path, { force: true });
  }
  const sockets = new Set<Socket>();
  // A client may close its end while its calls still run; their answers must reach it.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    greet(socket, handlers);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  if (process.platform !== 'win32') await chmod(path, 0o600);
  server.unref();
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The folder must be the user's alone; one that somebody else has made is not to be trusted. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(folder);
  const own = userInfo().uid;
  if (uid !== own && own !== 0) throw new Error(`${folder} belongs to another user`);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Reads the first line, and leaves every byte behind it for whoever takes over. */
function greet(socket: Socket, handlers: ControlHandlers): void {
  let read = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const end = read.indexOf(10);
    if (end < 0 && read.length <= longestHello) return;
    socket.off('data', onData);
    socket.pause();
    const hello = end < 0 ? undefined : parseHello(read.subarray(0, end));
    const role = hello?.['role'];
    if (hello?.['open'] === 'stdio' || (hello?.['open'] === 'role' && typeof role === 'string')) {
      if (end + 1 < read.length) socket.unshift(read.subarray(end + 1));
      handlers.openStdio(socket, typeof role === 'string' ? role : undefined);
      // The pause above is explicit, so a listener alone does not start the flow again.
      socket.resume();
    } else if (hello?.['ask'] === 'status') {
      socket.end(`${JSON.stringify(handlers.status())}\n`);
    } else if (hello?.['ask'] === 'refresh') {
      void handlers.refresh().then(
        () => socket.end('{"refreshed":true}\n'),
        () => socket.destroy(),
      );
    } else {
      socket.end('{"error":"unknown request"}\n');
    }
  };
  socket.on('data', onData);
}

function parseHello(line: Uint8Array): { readonly [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line).toString('utf8'));
    return isObject(value) && value['sallyport'] === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}
