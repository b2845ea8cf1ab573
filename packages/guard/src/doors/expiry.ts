/** Ends what a credential has opened when the credential ends: an open stream is judged once, and lasts for hours. */
import type { Clock } from '../ports.ts';

/** Longest wait of one timer, milliseconds: the clock may be set meanwhile. */
const longestWaitMs = 60_000;

/**
 * Calls back once the credential has ended.
 *
 * @param expiresAt - wall time, milliseconds since the epoch; `undefined` never ends
 * @returns a function that forgets it
 */
export function atExpiry(expiresAt: number | undefined, clock: Pick<Clock, 'now'>, end: () => void): () => void {
  if (expiresAt === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const left = expiresAt - clock.now();
    if (left <= 0) {
      end();
      return;
    }
    timer = setTimeout(look, Math.min(left, longestWaitMs));
    timer.unref();
  };
  look();
  return () => clearTimeout(timer);
}
