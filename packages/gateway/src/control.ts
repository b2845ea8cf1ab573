/**
 * The control socket: how programs of the same user reach a running gateway. One line of JSON says what is wanted;
 * `open: stdio` turns the connection into a stdio door, `ask: status` and its like are answered with one line. The socket's folder
 * and mode keep other users out; both ends look at folder and socket before they use them.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findUnsafety } from '@sallyport/guard';
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
  return join(tmpdir(), ownFolderName(), `${digest}.sock`);
}

function ownFolderName(): string {
  return `sallyport-${userInfo().uid}`;
}

/**
 * Looks at the control socket and its folder before they are used.
 *
 * @param path what `controlPath` gave
 * @returns why another user could stand behind them, and the way out; `undefined` when nobody can, or nothing is there
 */
export async function findControlDanger(path: string): Promise<string | undefined> {
  const own = process.geteuid?.();
  if (own === undefined) return undefined;
  const folder = dirname(path);
  // In the temporary folder anybody may have made it before us.
  const demand = basename(folder) === ownFolderName() ? 'private folder' : 'folder';
  const unsafe = await findUnsafety(folder, demand, own);
  if (unsafe !== undefined) return unsafe;
  const found = await lstat(path).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  });
  if (found === undefined) return undefined;
  if (!found.isSocket()) return `${path} is not a socket: move it away`;
  return found.uid === own ? undefined : `${path} belongs to another user (${found.uid}): move it away`;
}

/** What may be asked on the control socket; each is answered with one line of JSON. */
export interface ControlAnswers {
  /** How it stands. */
  status(): object;
  /** What is in force, whatever the file says by now. */
  configuration(): object;
  /** The names of the tools that each server lists. */
  tools(): object;
}

/** What the local user asks of a stdio door. */
export interface DoorWish {
  /** A role to try out in place of `callers.local`. */
  readonly role?: string;
  /** A server or view; without it all servers. */
  readonly at?: string;
}

/** What a connection may ask for. */
export interface ControlHandlers extends ControlAnswers {
  /** Serves MCP over the connection until it ends. */
  openStdio(socket: Socket, wish: DoorWish): void;
  /** Takes over what another process has changed in the store. */
  refresh(): Promise<void>;
  /** Begins to connect an account of a caller at a server; gives the link, or why there is none. */
  connectAccount?(server: string, principal: string): Promise<object>;
}

/** An open control socket. */
export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the control socket. What a gateway that was killed has left behind is replaced; nothing but a socket is.
 *
 * @returns `undefined` when another gateway of this configuration has it
 * @throws what `findControlDanger` finds
 */
export async function openControl(path: string, handlers: ControlHandlers): Promise<ControlServer | undefined> {
  if (process.platform !== 'win32') {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const danger = await findControlDanger(path);
    if (danger !== undefined) throw new Error(danger);
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
    const wish = hello && wishOf(hello);
    if (wish !== undefined) {
      if (end + 1 < read.length) socket.unshift(read.subarray(end + 1));
      handlers.openStdio(socket, wish);
      // The pause above is explicit, so a listener alone does not start the flow again.
      socket.resume();
    } else if (isQuestion(hello?.['ask'])) {
      socket.end(`${JSON.stringify(handlers[hello['ask']]())}\n`);
    } else if (hello?.['ask'] === 'refresh') {
      void handlers.refresh().then(
        () => socket.end('{"refreshed":true}\n'),
        () => socket.destroy(),
      );
    } else if (hello?.['ask'] === 'connect-account' && handlers.connectAccount !== undefined) {
      const { server, principal } = hello;
      void handlers.connectAccount(String(server), String(principal)).then(
        (answer) => socket.end(`${JSON.stringify(answer)}\n`),
        () => socket.destroy(),
      );
    } else {
      socket.end('{"error":"unknown request"}\n');
    }
  };
  socket.on('data', onData);
}

/** Each further wish has a word of its own, so that a gateway that does not know it opens nothing wider. */
function wishOf({ open, role, at }: { readonly [name: string]: unknown }): DoorWish | undefined {
  const as = typeof role === 'string' ? { role } : {};
  if (open === 'stdio') return as;
  if (open === 'role') return typeof role === 'string' ? as : undefined;
  return open === 'at' && typeof at === 'string' ? { ...as, at } : undefined;
}

const questions: readonly unknown[] = ['status', 'configuration', 'tools'] satisfies (keyof ControlAnswers)[];

function isQuestion(asked: unknown): asked is keyof ControlAnswers {
  return questions.includes(asked);
}

function parseHello(line: Uint8Array): { readonly [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line).toString('utf8'));
    return isObject(value) && value['sallyport'] === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}
