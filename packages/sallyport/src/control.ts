/**
 * Speaks to a running gateway over its Unix socket. One line of JSON says what is wanted; then the socket is a stdio
 * MCP door, or one line of JSON comes back.
 */
import { connect, type Socket } from 'node:net';
import { findControlDanger, type ControlAnswers, type DoorWish } from '@sallyport/gateway';
import { Failure, systemCode } from './failure.ts';

/** How long a running gateway may take to accept, milliseconds. */
const connectTimeout = 2_000;
/** How long it may take to answer a question, milliseconds. */
const answerTimeout = 5_000;
/** How long it may take when it has to ask an authorization server, milliseconds. */
const connectingTimeout = 45_000;
/** Longest answer to a question, bytes. */
const longestAnswer = 8 * 1024 * 1024;

/**
 * Connects to the gateway that listens at `path`. Returns nothing when none does; fails when another user could have made
 * the socket.
 */
export async function connectControl(path: string): Promise<Socket | undefined> {
  const danger = await findControlDanger(path);
  if (danger !== undefined) {
    throw new Failure(`the gateway's socket is not safe: ${danger}`, 'or run this as the user who started the gateway');
  }
  const socket = connect(path);
  const { promise, resolve, reject } = Promise.withResolvers<Socket | undefined>();
  const timer = setTimeout(() => {
    socket.destroy();
    reject(new Failure(`the gateway at ${path} does not answer`, 'stop it and start it again'));
  }, connectTimeout);
  socket.once('connect', () => resolve(socket));
  socket.once('error', (error) => {
    const code = systemCode(error);
    // No file, or one that a gateway left behind when it was killed.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK') return resolve(undefined);
    const way =
      code === 'EACCES' || code === 'EPERM'
        ? 'run this as the user who started the gateway'
        : 'stop the gateway and start it again';
    reject(new Failure(`cannot reach the gateway at ${path} (${code ?? 'unknown error'})`, way, 1, { cause: error }));
  });
  return promise.finally(() => clearTimeout(timer));
}

/** Asks a running gateway and returns its answer; nothing when none runs. */
export async function askGateway(
  path: string,
  question:
    | keyof ControlAnswers
    | 'refresh'
    | { readonly ask: 'connect-account'; readonly server: string; readonly principal: string },
): Promise<unknown> {
  const socket = await connectControl(path);
  if (socket === undefined) return undefined;
  const asked = typeof question === 'string' ? { ask: question } : question;
  // Where an account is connected, others are asked first.
  socket.setTimeout(typeof question === 'string' ? answerTimeout : connectingTimeout, () =>
    socket.destroy(new Failure('the gateway does not answer', 'stop it and start it again')),
  );
  socket.write(`${JSON.stringify({ sallyport: 1, ...asked })}\n`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of socket) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > longestAnswer)
      throw new Failure('the gateway answered more than it may', 'check that it is a gateway of the same version');
    chunks.push(bytes);
    if (bytes.includes(10)) break;
  }
  socket.destroy();
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new Failure('the gateway answered something unreadable', 'check that it is of the same version', 1, {
      cause: error,
    });
  }
}

/**
 * Opens a stdio MCP door at a running gateway. Returns nothing when none runs.
 *
 * @param wish the one role to call with, default the local user's; a server or view, default all servers
 */
export async function openControlDoor(path: string, { role, at }: DoorWish = {}): Promise<Socket | undefined> {
  const socket = await connectControl(path);
  if (socket === undefined) return undefined;
  const open = at !== undefined ? 'at' : role === undefined ? 'stdio' : 'role';
  const hello = { sallyport: 1, open, role, at };
  socket.write(`${JSON.stringify(hello)}\n`);
  return socket;
}
