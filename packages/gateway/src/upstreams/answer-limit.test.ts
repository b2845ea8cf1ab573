import { describe, expect, it } from 'vitest';
import { AnswerLimit } from './answer-limit.ts';

describe('answers to what a server asks', () => {
  it('are dropped while 64 of them have not been taken, and sent again when one has', async () => {
    const limit = new AnswerLimit('files');
    const taken: (() => void)[] = [];
    const send = () =>
      limit.send(
        () =>
          new Promise((resolve) => {
            taken.push(() => resolve(undefined));
          }),
      );
    const first = Array.from({ length: 64 }, send)[0];
    expect(send()).toMatchObject({ reason: 'busy', text: 'files is too busy.' });
    expect(taken).toHaveLength(64);
    taken[0]?.();
    await first;
    expect(send()).toBeInstanceOf(Promise);
    expect(taken).toHaveLength(65);
  });

  it('that go at once are not counted', () => {
    const limit = new AnswerLimit('files');
    const results = Array.from({ length: 100 }, () => limit.send(() => undefined));
    expect(results.every((result) => result === undefined)).toBe(true);
  });
});
