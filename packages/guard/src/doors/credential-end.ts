/** What a caller holds open ends with the credential that opened it: a token or a certificate runs out by itself. */

/** Longest wait that a timer takes, milliseconds. */
const mostMs = 2 ** 31 - 1;

const nothing = (): void => undefined;

/**
 * Calls back when a credential has ended.
 *
 * @param expiresAt - last moment of the credential, milliseconds since the epoch; absent where it has none
 * @param now - wall time, milliseconds since the epoch
 * @param run - called once, at once where the end is past
 * @returns how to forget it
 */
export function onCredentialEnd(expiresAt: number | undefined, now: number, run: () => void): () => void {
  // What lasts for longer than a timer can wait outlives every connection.
  if (expiresAt === undefined || expiresAt - now >= mostMs) return nothing;
  const timer = setTimeout(run, Math.max(0, expiresAt - now + 1));
  timer.unref();
  return () => clearTimeout(timer);
}
