import { describe, expect, it } from 'vitest';
import {
  describeRate,
  formatDuration,
  formatRate,
  formatSize,
  isQuantityFault,
  parseDuration,
  parseRate,
  parseSize,
} from './rate.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a rate', () => {
  it.each([
    ['10/s', { tokens: 10, perMs: 1000, burst: 10 }],
    ['100/m burst 200', { tokens: 100, perMs: 60_000, burst: 200 }],
    ['5000/h', { tokens: 5000, perMs: HOUR, burst: 5000 }],
    ['20/d burst 1', { tokens: 20, perMs: DAY, burst: 1 }],
  ])('is read from %j and written back', (text, rate) => {
    const parsed = parseRate(text);
    expect(parsed).toEqual(rate);
    expect(formatRate(rate)).toBe(text);
  });

  it.each([
    ['', 0],
    ['/d', 0],
    ['-1/s', 0],
    ['0/s', 0],
    ['01/s', 0],
    ['1.5/s', 1],
    ['10', 2],
    ['10 /s', 2],
    ['10/', 3],
    ['10/ms', 3],
    ['10/second', 3],
    ['10/S', 3],
    ['10/s ', 4],
    ['10/s burst', 4],
    ['10/s  burst 20', 4],
    ['10/s burst 0', 11],
    ['10/s burst 20x', 13],
    ['100000001/s', 0],
    ['99999999999999999999/s', 0],
    ['10/s burst 100000001', 11],
  ])('is not read from %j, and the fault is at %j', (text, offset) => {
    const parsed = parseRate(text);
    expect(isQuantityFault(parsed) ? parsed.offset : parsed).toBe(offset);
  });

  it('is described as people say it', () => {
    expect(describeRate({ tokens: 10, perMs: 60_000, burst: 10 })).toBe('10 calls a minute');
    expect(describeRate({ tokens: 1, perMs: HOUR, burst: 1 })).toBe('1 call an hour');
  });
});

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['15m', 900_000],
    ['2h', 2 * HOUR],
    ['90d', 90 * DAY],
  ])('is read from %j and written back', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it.each([
    ['', 0],
    ['s', 0],
    ['30', 2],
    ['30 s', 2],
    ['30sec', 2],
    ['1.5h', 1],
    ['9007199254740991d', 0],
  ])('is not read from %j, and the fault is at %j', (text, offset) => {
    expect(parseDuration(text)).toMatchObject({ kind: 'fault', offset });
  });

  it('is written without a fraction', () => {
    expect([0, 1, 1500, 60_000, 90_000].map(formatDuration)).toEqual(['0ms', '1ms', '1500ms', '1m', '90s']);
  });
});

describe('a size', () => {
  it.each([
    ['512B', 512],
    ['10MB', 10_000_000],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ])('is read from %j and written back', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
    expect(formatSize(bytes)).toBe(text);
  });

  it.each([
    ['1', 1],
    ['1mb', 1],
    ['1MiBs', 1],
    ['MiB', 0],
    ['-1B', 0],
  ])('is not read from %j, and the fault is at %j', (text, offset) => {
    expect(parseSize(text)).toMatchObject({ kind: 'fault', offset });
  });
});
