/** Makes messages for tests the way the product gets them: from bytes. */
import type { Message } from './message.ts';
import { readMessage } from './read-message.ts';

/**
 * Reads a message that must be sound.
 *
 * @param value the message; `jsonrpc` is filled in
 * @returns the message as read from its bytes
 */
export function messageOf(value: object): Message {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...value })));
  if (reading.kind === 'fault') throw new Error(`not a message: ${reading.fault.name}`, { cause: reading.fault });
  return reading.message;
}
