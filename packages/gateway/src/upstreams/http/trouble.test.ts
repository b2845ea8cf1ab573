import { describe, expect, it } from 'vitest';
import { connectionFailure, statusFailure } from './trouble.ts';

const same = (text: string): string => text;

describe('an HTTP status', () => {
  it('that is a redirect is named for the log and never followed', () => {
    const failure = statusFailure('files', 307, { location: 'http://169.254.169.254/' }, 0, same);
    expect(failure).toMatchObject({ reason: 'bad-answer', detail: 'HTTP 307 to http://169.254.169.254/' });
    expect(failure.text).not.toContain('169.254');
  });

  it.each([
    ['7', 7000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
    ['-1', undefined],
    ['Thu, 01 Jan 1960 00:01:00 GMT', 0],
    ['soon', undefined],
    ['999999999', 3_600_000],
  ])('says with Retry-After %s when to come back', (value, expected) => {
    expect(statusFailure('files', 503, { 'retry-after': value }, 0, same).retryAfterMs).toBe(expected);
  });
});

describe('a broken connection', () => {
  it('is described by its code for the log, and by what is certain for callers', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:99'), { code: 'ECONNREFUSED' });
    expect(connectionFailure('files', error, false)).toMatchObject({
      reason: 'unreachable',
      text: 'files could not be reached.',
      detail: 'connection: ECONNREFUSED',
      cause: error,
    });
    expect(connectionFailure('files', error, true).text).toBe('files broke the connection before its answer.');
  });
});
