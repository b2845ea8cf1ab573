/**
 * Between a client program and a stdio door that may end before the client does. At the next door the client is
 * introduced again as it introduced itself (MCP 2025-11-25, lifecycle), so that it notices nothing but the calls that
 * were under way: these are answered with an error, for nobody knows whether they happened.
 */
import type { Readable, Writable } from 'node:stream';
import { isRecord } from './mcp-caller.ts';

/** The two directions of a conversation, one JSON-RPC message a line. */
export interface LineStreams {
  /** What comes from there. */
  readonly input: Readable;
  /** What goes there. */
  readonly output: Writable;
}

/** How a door was left. */
export type Leaving = 'client left' | 'door closed';

/** What connects one client with one door after the other. */
export interface Relay {
  /** True once the client has hung up. */
  readonly hasEnded: boolean;
  /** Connects the client with a door until one of both has gone. One door at a time. */
  attach(door: LineStreams): Promise<Leaving>;
}

/** JSON-RPC code for what went wrong inside. */
const internalError = -32_603;

/** Makes a relay for a client program. */
export function createRelay(client: LineStreams): Relay {
  /** Requests of the client that wait for an answer, by the JSON of their ids. */
  const pending = new Map<string, unknown>();
  let hello: { readonly line: Buffer; readonly id: string } | undefined;
  let initialized: Buffer | undefined;
  let hasLeft = false;
  let door: LineStreams | undefined;
  let leave: (() => void) | undefined;
  /** The id of an introduction that was made again: the client has had its answer. */
  let repeated: string | undefined;
  /** What the client said while nobody could hear it. */
  let held: Buffer[] = [];

  const toDoor = (line: Buffer): void => {
    if (door === undefined || repeated !== undefined) held.push(line);
    else send(line, client.input, door.output);
  };
  const release = (): void => {
    const lines = held;
    held = [];
    for (const line of lines) toDoor(line);
  };
  const fromClient = (line: Buffer): void => {
    const message = readMessage(line);
    const id = message !== undefined && 'id' in message ? JSON.stringify(message['id']) : undefined;
    if (typeof message?.['method'] === 'string' && id !== undefined) pending.set(id, message['id']);
    if (message?.['method'] === 'initialize' && id !== undefined) hello = { line, id };
    if (message?.['method'] === 'notifications/initialized') initialized = line;
    toDoor(line);
  };
  const fromDoor = (line: Buffer, from: LineStreams): void => {
    const message = readMessage(line);
    const isAnswer = message !== undefined && 'id' in message && !('method' in message);
    const id = isAnswer ? JSON.stringify(message['id']) : undefined;
    if (id !== undefined && id === repeated) {
      repeated = undefined;
      if (initialized !== undefined) toDoor(initialized);
      return release();
    }
    if (id !== undefined) pending.delete(id);
    send(line, from.input, client.output);
  };
  const introduce = (): void => {
    if (hello === undefined || held.includes(hello.line)) return release();
    // An introduction that has not been answered is made as if for the first time.
    const isAnswered = !pending.has(hello.id);
    toDoor(hello.line);
    if (isAnswered) repeated = hello.id;
    else release();
  };
  const failPending = (): void => {
    held = [];
    for (const [key, id] of pending) {
      if (key === hello?.id) continue;
      const message = 'The gateway stopped before it answered. It is not known whether this happened.';
      client.output.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: internalError, message } })}\n`);
      pending.delete(key);
    }
  };

  eachLine(client.input, fromClient, () => {
    hasLeft = true;
    leave?.();
  });
  return {
    get hasEnded() {
      return hasLeft;
    },
    attach: (next) => {
      const { promise, resolve } = Promise.withResolvers<Leaving>();
      door = next;
      leave = () => void next.output.end();
      next.output.on('error', () => undefined);
      introduce();
      const onLine = (line: Buffer) => fromDoor(line, next);
      eachLine(next.input, onLine, () => {
        door = undefined;
        repeated = undefined;
        client.input.resume();
        failPending();
        resolve(hasLeft ? 'client left' : 'door closed');
      });
      if (hasLeft) leave();
      return promise;
    },
  };
}

const newline = Buffer.from('\n');

/** Writes a line, and reads no more from where it came until it was taken. */
function send(line: Buffer, from: Readable, to: Writable): void {
  if (to.write(Buffer.concat([line, newline]))) return;
  from.pause();
  to.once('drain', () => from.resume());
}

function readMessage(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    // The door says what is wrong with it.
    return undefined;
  }
}

/** Calls back for each line as its bytes, and once at the end. */
function eachLine(input: Readable, onLine: (line: Buffer) => void, onEnd: () => void): void {
  let parts: Buffer[] = [];
  let hasEnded = false;
  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    if (parts.length > 0) onLine(Buffer.concat(parts));
    onEnd();
  };
  input.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      onLine(Buffer.concat(parts));
      parts = [];
      from = at + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  });
  input.once('end', end);
  input.once('close', end);
  input.on('error', end);
}
