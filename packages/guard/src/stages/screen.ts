/** Looks at what comes back before the caller does: its size, for the answer and for each message before it. */
import type { Filling, Invoked, Screened } from '../exchange.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Lets the answer pass, or refuses it. */
export function screen(exchange: Invoked): Screened | Refusal {
  const refused = screenMessage(exchange.answer.body, exchange.rules.limits.message);
  if (refused !== undefined) return refused;
  const screened = exchange as Filling<Screened>;
  screened.screened = exchange.answer;
  return screened;
}

/**
 * Judges one message on its way to the caller.
 *
 * @param bytes - the message, or the `result` of one
 * @param limit - largest size in bytes
 */
export function screenMessage(bytes: Uint8Array, limit: number): Refusal | undefined {
  return bytes.length > limit ? refuse('answer-too-large', { fill: { limit } }) : undefined;
}
