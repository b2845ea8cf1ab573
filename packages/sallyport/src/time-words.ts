/** Reads the times that people type: `30s`, `2h`, `90d`, `2026-08-01`, `2026-08-01T12:00:00Z`. */
import { parseDuration } from '@sallyport/guard';
import { usageFailure } from './failure.ts';

/**
 * Reads a duration.
 *
 * @param option the option it was given to, for the refusal
 * @returns milliseconds, more than none
 */
export function readDuration(text: string, option: string): number {
  const duration = parseDuration(text);
  if (typeof duration === 'number' && duration > 0) return duration;
  throw usageFailure(`${option} "${text}" is no duration`, 'write it like 30s, 15m, 2h or 90d');
}

/**
 * Reads a moment: a date, a time, or a duration back from now.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch
 */
export function readMoment(text: string, option: string, now: number): number {
  if (/^\d+[smhd]$/.test(text)) return now - readDuration(text, option);
  const moment = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(moment)) {
    throw usageFailure(
      `${option} "${text}" is no time`,
      'write it like 2h (back from now), 2026-08-01 or 2026-08-01T12:00:00Z',
    );
  }
  return moment;
}
