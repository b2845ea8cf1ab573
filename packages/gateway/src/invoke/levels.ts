/** Log levels in the order of their weight (RFC 5424, as both eras have them). */

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** What a legacy caller hears from a modern server before it has set a level: its revision lets the server choose. */
export const defaultLevel = 'info';

/** True for a level of the protocol. */
export function isLevel(value: unknown): value is string {
  return typeof value === 'string' && LEVELS.includes(value);
}

/**
 * Says whether a message is for somebody who asked for a level.
 *
 * @param level - the message's; one that is unknown is let pass
 * @param asked - the least severe wanted; nothing is heard without one
 */
export function isLoudEnough(level: unknown, asked: unknown): boolean {
  if (!isLevel(asked)) return false;
  return !isLevel(level) || LEVELS.indexOf(level) >= LEVELS.indexOf(asked);
}

/** The less severe of two levels, which lets more through. */
export function mostVerbose(one: string, other: string | undefined): string {
  return other === undefined || LEVELS.indexOf(one) <= LEVELS.indexOf(other) ? one : other;
}
