/**
 * A server at a URL that counts as legacy is asked again from time to time: it may have learned 2026-07-28 without losing
 * its sessions, or may have been in trouble when it was asked first.
 */
import type { Link } from './link.ts';
import type { OpenOptions } from './options.ts';
import type { Timer, Timers } from './ports.ts';
import type { Transport } from './transport.ts';

/**
 * Asks until the server answers as a modern one or the conversation ends.
 *
 * @param link - the conversation whose era is in question
 * @param everyMs - how long an answer holds, milliseconds
 * @param onModern - told once, when the server has become a modern one
 * @returns a function that ends the asking
 */
export const recheckEra = (
  link: Link,
  transport: Transport,
  options: OpenOptions,
  everyMs: number,
  timers: Timers,
  onModern: () => void,
): (() => void) => {
  const { recheck } = transport;
  if (link.era === 'modern' || recheck === undefined) return () => {};
  let isOver = false;
  let timer: Timer | undefined;
  const ask = async (): Promise<void> => {
    if (link.state === 'closed') return;
    const isModern = await recheck({ ...options, onEvent: () => {} });
    if (isOver) return;
    if (isModern) onModern();
    else wait();
  };
  const wait = (): void => {
    timer = timers.after(everyMs, () => void ask());
  };
  wait();
  return () => {
    isOver = true;
    timer?.cancel();
  };
};
