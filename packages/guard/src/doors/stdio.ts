/**
 * The stdio door: newline-delimited JSON-RPC on a pair of streams (a desktop client's pipe, or a local socket). Nothing
 * but JSON-RPC is ever written.
 */
import type { Readable, Writable } from 'node:stream';
import { LineReader } from '@sallyport/protocol';
import type { DoorPath } from '../exchange.ts';
import { refuse } from '../refusals.ts';
import { Conversation, type Channel } from './conversation.ts';
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

/** Opens the door; it closes when the input ends. */
export function openStdioDoor(context: DoorContext, options: StdioDoorOptions): Conversation {
  const { input, output, path, localUser } = options;
  const role = options.role ?? context.rules().callers.local;
  const roles = role === undefined ? [] : [role];
  const owner = `local:${localUser}`;
  const conversation = new Conversation(context, {
    door: 'stdio',
    path,
    address: 'local',
    session: new Session(`stdio:${context.nextId()}`, owner, roles, path, context.ports.clock.now()),
    channel: channelOf(options, (reason) => conversation.close(reason)),
    localUser,
    ...(options.role === undefined ? {} : { localRole: options.role }),
  });
  context.conversations.add(conversation);
  const limit = context.rules().limits.body;
  const reader = new LineReader(limit);
  input.on('data', (chunk: Buffer) => {
    for (const line of reader.push(chunk)) {
      conversation.accept(line.kind === 'line' ? line.bytes : refuse('body-too-large', { fill: { limit } }));
    }
  });
  input.once('end', () => void conversation.finishCalls('the caller closed its end'));
  input.once('error', () => conversation.close('the caller is gone'));
  output.on('error', () => conversation.close('the caller is gone'));
  output.on('drain', () => conversation.drained());
  return conversation;
}

function channelOf({ input, output }: StdioDoorOptions, close: (reason: string) => void): Channel {
  return {
    get waiting() {
      return output.writableLength;
    },
    send(message) {
      if (!output.writable) return;
      output.write(Buffer.concat([onOneLine(message), lineEnd]));
      if (output.writableLength > mostWaitingBytes) close('the caller does not read');
    },
    pause: () => void input.pause(),
    resume: () => void input.resume(),
    end: () => undefined,
  };
}

/** Bytes that may wait for a caller that does not read. */
const mostWaitingBytes = 64 * 1024 * 1024;

const lineEnd = Buffer.from('\n');

/** Line ends inside a message can only be white space between tokens, so spaces mean the same. */
function onOneLine(message: Uint8Array): Uint8Array {
  if (!message.includes(10) && !message.includes(13)) return message;
  return message.map((byte) => (byte === 10 || byte === 13 ? 32 : byte));
}
