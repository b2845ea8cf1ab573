import { describe, expect, it } from 'vitest';
import { readDuration, readMoment } from './time-words.ts';

describe('time words', () => {
  it('reads durations', () => {
    expect(['30s', '15m', '2h', '90d'].map((text) => readDuration(text, '--for'))).toEqual([
      30_000, 900_000, 7_200_000, 7_776_000_000,
    ]);
  });

  it('reads moments as dates, times or a way back', () => {
    expect(readMoment('2h', '--since', 10_000_000)).toBe(2_800_000);
    expect(readMoment('2026-08-01T12:00:00Z', '--since', 0)).toBe(Date.UTC(2026, 7, 1, 12));
  });

  it('refuses everything else and names the option', () => {
    for (const text of ['', '1', '1w', '-1h', '0s', 'yesterday']) {
      expect(() => readDuration(text, '--for'), text).toThrow(`--for "${text}" is no duration`);
    }
    expect(() => readMoment('yesterday', '--since', 0)).toThrow('is no time');
  });
});
