/**
 * The stdio door: newline-delimited JSON-RPC on a pair of streams (a desktop client's pipe, or a local socket).
 * Every line is an exchange of its own; nothing but JSON-RPC is ever written.
 */
import type { Readable, Writable } from 'node:stream';
import { LineReader } from '@sallyport/protocol';
import { createCanceller } from '../cancellation.ts';
import type { Admitted, CallerStream, DoorPath, Received, Replied } from '../exchange.ts';
import { runExchange } from '../pipeline.ts';
import { refuse, type Refusal } from '../refusals.ts';
import type { DoorContext } from './door.ts';
import { Session } from './session.ts';

/** A pair of streams, and who is at the other end. */
export interface StdioDoorOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly path: DoorPath;
  /** The user who started the door. */
  readonly localUser: string;
  /** A role in place of the one that the rules give the local user. */
  readonly role?: string;
}

/** An open stdio door. */
export interface StdioDoor {
  readonly session: Session;
  /** Resolves when the caller is gone and every exchange has ended. */
  readonly closed: Promise<void>;
  close(reason: string): void;
}

/** A line that is on its way. */
interface Accepted {
  /** Resolves once it has been answered. */
  readonly run: Promise<void>;
  readonly exchange: Partial<Pick<Admitted, 'message'>>;
}

/** Opens the door; it closes when the input ends. */
export function openStdioDoor(context: DoorContext, options: StdioDoorOptions): StdioDoor {
  const { input, output } = options;
  const { clock } = context.ports;
  const role = options.role ?? context.rules().callers.local;
  const roles = role === undefined ? [] : [role];
  const owner = `local:${options.localUser}`;
  const session = new Session(`stdio:${context.nextId()}`, owner, roles, options.path, clock.now());
  const running = new Set<Promise<unknown>>();
  let finish: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const stream: CallerStream = {
    isOpenable: true,
    open: () => undefined,
    send: writeLine,
  };
  session.attach(stream);
  let isEnding = false;
  let isFirst = true;
  /** Lines that wait for the handshake before them. */
  let held: (Uint8Array | Refusal)[] | undefined;

  function writeLine(message: Uint8Array): void {
    if (!output.writable) return;
    output.write(Buffer.concat([onOneLine(message), lineEnd]));
    if (output.writableLength > mostWaitingBytes) void end('the caller does not read');
  }

  function accept(line: Uint8Array | Refusal): Accepted {
    const exchange: Received & Partial<Pick<Admitted, 'lease' | 'message'>> = {
      id: context.nextId(),
      door: 'stdio',
      path: options.path,
      rules: context.rules(),
      time: clock.now(),
      started: clock.monotonic(),
      address: 'local',
      localUser: options.localUser,
      ...(options.role === undefined ? {} : { localRole: options.role }),
      connection: session,
      cancellation: createCanceller(),
      caller: stream,
      readBody: () => (line instanceof Uint8Array ? line : Promise.resolve(line)),
      marks: [],
    };
    const run = runExchange(exchange, context.ports)
      .then(answer, () => undefined)
      .then(() => {
        exchange.lease?.release();
        running.delete(run);
      });
    running.add(run);
    return { run, exchange };
  }

  /** What is piped in all at once must not overtake the handshake that it follows. */
  function acceptInTurn(line: Uint8Array | Refusal): void {
    if (held !== undefined) {
      held.push(line);
      return;
    }
    const { run, exchange } = accept(line);
    // A line is parsed at once, so what it asks for is known by now.
    if (isFirst && exchange.message?.method === 'initialize') {
      held = [];
      input.pause();
      void acceptHeld(run);
    }
    isFirst = false;
  }

  async function acceptHeld(before: Promise<void>): Promise<void> {
    await before;
    const waiting = held ?? [];
    held = undefined;
    if (isEnding) return;
    for (const next of waiting) accept(next);
    input.resume();
  }

  function answer(replied: Replied): void {
    if (replied.message !== undefined && replied.message.kind !== 'request') return;
    // Nobody waits for the answer to a cancelled call.
    if ('refusal' in replied && replied.refusal.name === 'cancelled') return;
    if (replied.reply.body !== undefined) writeLine(replied.reply.body);
  }

  const limit = context.rules().limits.body;
  const reader = new LineReader(limit);
  input.on('data', (chunk: Buffer) => {
    for (const line of reader.push(chunk)) {
      acceptInTurn(line.kind === 'line' ? line.bytes : refuse('body-too-large', { fill: { limit } }));
    }
  });
  input.once('end', () => void finishCalls().then(() => end('the caller closed its end')));
  input.once('error', () => void end('the caller is gone'));
  output.on('error', () => void end('the caller is gone'));

  /** A caller that closes its end may still want the answers to what it asked. */
  async function finishCalls(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lastAnswersMs);
    });
    await Promise.race([allEnded(), enough]);
    clearTimeout(timer);
  }

  async function allEnded(): Promise<void> {
    while (isWaiting()) await Promise.allSettled(running);
  }

  function isWaiting(): boolean {
    return running.size > 0 || held !== undefined;
  }

  async function end(reason: string): Promise<void> {
    if (isEnding) return;
    isEnding = true;
    session.close(reason);
    await Promise.allSettled(running);
    finish();
  }

  return { session, closed, close: (reason) => void end(reason) };
}

/** Bytes that may wait for a caller that does not read. */
const mostWaitingBytes = 64 * 1024 * 1024;

/** How long running calls may take once the caller has closed its end, milliseconds. */
const lastAnswersMs = 5000;

const lineEnd = Buffer.from('\n');

/** Line ends inside a message can only be white space between tokens, so spaces mean the same. */
function onOneLine(message: Uint8Array): Uint8Array {
  if (!message.includes(10) && !message.includes(13)) return message;
  return message.map((byte) => (byte === 10 || byte === 13 ? 32 : byte));
}
