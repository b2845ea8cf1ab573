import { describe, expect, it } from 'vitest';
import { createBacklog, type Reader } from './backlog.ts';

interface TestReader extends Reader {
  waiting: number;
  isCut: boolean;
}

function reader(waiting: number): TestReader {
  return {
    waiting,
    isCut: false,
    cut() {
      this.isCut = true;
    },
  };
}

const kib = 1024;

describe('the backlog', () => {
  it('[slow-readers] ends a connection that leaves more unread than it may', () => {
    const backlog = createBacklog({ perConnection: 100 * kib });
    const [fine, slow] = [reader(100 * kib), reader(100 * kib + 1)];
    for (const each of [fine, slow]) backlog.join('key:ada', each);
    expect([backlog.admits('key:ada', fine), backlog.admits('key:ada', slow)]).toEqual([true, false]);
    expect([fine.isCut, slow.isCut]).toEqual([false, true]);
  });

  it('[slow-readers] ends the slowest of a caller that leaves too much unread in all, and nobody else’s', () => {
    const backlog = createBacklog({ perConnection: 1000 * kib, perCaller: 300 * kib });
    const [one, slowest, other] = [reader(100 * kib), reader(250 * kib), reader(900 * kib)];
    backlog.join('key:ada', one);
    backlog.join('key:ada', slowest);
    backlog.join('key:eve', other);
    expect(backlog.admits('key:ada', one)).toBe(true);
    expect([one.isCut, slowest.isCut, other.isCut]).toEqual([false, true, false]);
  });

  it('counts no connection that has ended', () => {
    const backlog = createBacklog({ perCaller: 300 * kib });
    const [one, gone] = [reader(100 * kib), reader(250 * kib)];
    backlog.join('key:ada', one);
    backlog.join('key:ada', gone)();
    expect([backlog.admits('key:ada', one), one.isCut]).toEqual([true, false]);
  });
});
