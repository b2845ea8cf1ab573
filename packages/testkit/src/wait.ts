/** Waiting for something another process does, with a ceiling so that a hang becomes a failure that says what it waited for. */

import { setTimeout as delay } from 'node:timers/promises';

/** How long and how often to look. */
export interface WaitOptions {
  /** Milliseconds after which the wait fails; 10,000 by default. Ten times what is expected. */
  readonly ceilingMs?: number;
  /** Milliseconds between two looks; 20 by default. */
  readonly everyMs?: number;
  /** What is waited for, for the failure's text. */
  readonly what?: string;
}

/**
 * Waits until a probe gives something other than `undefined` or `false`.
 * @param probe looked at once before any waiting; what it throws ends the wait.
 * @returns what the probe gave.
 */
export async function waitFor<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { ceilingMs = 10_000, everyMs = 20, what = 'a condition' }: WaitOptions = {},
): Promise<T> {
  const end = performance.now() + ceilingMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= end) throw new Error(`waited ${ceilingMs} ms for ${what}`);
    await delay(everyMs);
  }
}

/**
 * Fails a promise that takes too long.
 * @param promise the work; it is not stopped.
 * @param ceilingMs milliseconds.
 * @param what what was awaited, for the failure's text.
 */
export async function within<T>(promise: Promise<T>, ceilingMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const ceiling = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ceilingMs} ms for ${what}`)), ceilingMs);
  });
  try {
    return await Promise.race([promise, ceiling]);
  } finally {
    clearTimeout(timer);
  }
}
