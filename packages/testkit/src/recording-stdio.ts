/**
 * An MCP server over stdio that keeps every message it received. The command that is spawned only hands its lines to
 * this process, so that a test sees what every child received; what it answers is scripted.
 */

import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { answerHandshake, defaultScript } from './recording-script.ts';
import { overChannel, playMessages, record, toCall } from './recorded.ts';
import type { RecordedRequest, Recording, RecordingOptions } from './recorded.ts';

/** A server whose children are running or can be started. */
export interface RecordingStdio extends Omit<Recording, 'url'> {
  /** The argv of the server, for an upstream's `command`. */
  readonly command: readonly [string, ...string[]];
}

/** What a child does: its input and output are those of a socket. */
const handOver = (port: number): string =>
  `const socket = require('node:net').connect(${port}, '127.0.0.1');
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit());`;

/** Starts what the children talk to. */
export async function startRecordingStdio(options: RecordingOptions = {}): Promise<RecordingStdio> {
  const { era = 'both', isForgetful = false } = options;
  let current: RecordingOptions = options;
  const requests: RecordedRequest[] = [];
  const children = new Set<Socket>();

  const server = createServer((socket) => {
    const aborted = new AbortController();
    // Tells the conversations apart, as the session does over HTTP.
    const url = `stdio:${socket.remotePort}`;
    children.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      children.delete(socket);
      aborted.abort();
    });
    createInterface({ input: socket }).on('line', (line) => {
      const recorded = record({ method: 'LINE', url, rawHeaders: [] }, Buffer.from(line));
      if (!isForgetful) requests.push(recorded);
      void answer(recorded, socket, aborted.signal);
    });
  });

  async function answer(recorded: RecordedRequest, socket: Socket, signal: AbortSignal): Promise<void> {
    const call = toCall(recorded);
    if (call === undefined) return;
    const script =
      (await current.script?.(call)) ?? answerHandshake(call, era, current.tools) ?? defaultScript(call, current.tools);
    const send = (text: string | Uint8Array): void => void socket.write(`${Buffer.from(text).toString()}\n`);
    // A child that is gone needs no answer.
    await playMessages(overChannel(script), call, send, signal).catch(() => undefined);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    command: [process.execPath, '-e', handOver(port)],
    port,
    requests,
    of: (method) => requests.filter((request) => request.method === method),
    clear: () => void requests.splice(0),
    change(next) {
      current = { ...current, ...next };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of children) socket.destroy();
      await closed;
    },
  };
}
