import { describe, expect, it } from 'vitest';
import { frozenClock } from '../exchange.fixture.ts';
import { createEventStore, type EventLogs, type EventSink, type EventStoreOptions } from './event-log.ts';

interface Heard extends EventSink {
  readonly events: string[];
  isOver: boolean;
}

function listener(): Heard {
  const events: string[] = [];
  return {
    events,
    isOver: false,
    event: (message, id) => void events.push(`${id} ${Buffer.from(message).toString()}`),
    end() {
      this.isOver = true;
    },
  };
}

function storeOf(more: Omit<EventStoreOptions, 'clock'> = {}) {
  const clock = frozenClock();
  return { clock, store: createEventStore({ clock, ...more }) };
}

/** What a caller gets that comes back with an id; `undefined` when the id gives nothing. */
function resumed(logs: EventLogs, id: string): readonly string[] | undefined {
  const found = logs.find(id);
  if (found === undefined) return undefined;
  const sink = listener();
  found.resume(sink);
  return sink.events;
}

const message = (text: string): Uint8Array => Buffer.from(text);

describe('the events of a stream', () => {
  it('[resume] go on from the event that the caller had, and then live', () => {
    const logs = storeOf().store.open('key:ada');
    const log = logs.open('x1', 'request');
    const first = listener();
    log.attach(first);
    for (const text of ['a', 'b']) log.append(message(text));
    log.detach(first);
    log.append(message('c'));
    const second = listener();
    logs.find('x1-1')?.resume(second);
    log.append(message('d'));
    log.end();
    expect(first.events).toEqual(['x1-1 a', 'x1-2 b']);
    expect([second.events, second.isOver]).toEqual([['x1-2 b', 'x1-3 c', 'x1-4 d'], true]);
    expect(resumed(logs, 'x1-0')).toHaveLength(4);
    expect(resumed(logs, 'x1-4')).toEqual([]);
  });

  it('end the connection that had them before, so that nothing is sent twice', () => {
    const logs = storeOf().store.open('key:ada');
    const log = logs.open('x1', 'session');
    const [first, second] = [listener(), listener()];
    log.attach(first);
    log.append(message('a'));
    logs.find('x1-1')?.resume(second);
    log.detach(first);
    log.append(message('b'));
    expect([first.isOver, first.events, second.events]).toEqual([true, ['x1-1 a'], ['x1-2 b']]);
  });

  it('[resume] are those of one stream only, and of one session only', () => {
    const { store } = storeOf();
    const [own, other, foreign] = [store.open('key:ada'), store.open('key:ada'), store.open('key:eve')];
    own.open('x1', 'request').append(message('mine'));
    own.open('x2', 'request').append(message('also mine'));
    expect(resumed(own, 'x1-0')).toEqual(['x1-1 mine']);
    for (const logs of [other, foreign]) expect(resumed(logs, 'x1-0')).toBeUndefined();
  });

  it.each(['', 'x1', 'x1-', '-1', 'x1-2', 'x1--1', 'x1-01', 'x1-1e0', 'x1-1 ', 'x9-0', 'x1-99999999999999999999'])(
    'are not found by %j',
    (id) => {
      const logs = storeOf().store.open('key:ada');
      logs.open('x1', 'request').append(message('a'));
      expect(logs.find(id)).toBeUndefined();
    },
  );

  it('are copies, so that a small message does not hold a large buffer', () => {
    const logs = storeOf().store.open('key:ada');
    const large = Buffer.from('abcdef');
    logs.open('x1', 'request').append(large.subarray(0, 1));
    large.fill('z');
    expect(resumed(logs, 'x1-0')).toEqual(['x1-1 a']);
  });
});

describe('the bounds of what is kept', () => {
  it('drops the oldest of a session by count and by bytes, and gives nothing to whoever would miss one', () => {
    const logs = storeOf({ perSession: 3, bytesPerSession: 10 }).store.open('key:ada');
    const log = logs.open('x1', 'request');
    for (const text of ['a', 'b', 'c', 'd']) log.append(message(text));
    expect([resumed(logs, 'x1-0'), resumed(logs, 'x1-1')?.length]).toEqual([undefined, 3]);
    log.append(message('123456789'));
    expect([resumed(logs, 'x1-2'), resumed(logs, 'x1-3')]).toEqual([undefined, ['x1-4 d', 'x1-5 123456789']]);
    log.append(message('more than ten bytes'));
    expect([resumed(logs, 'x1-5'), resumed(logs, 'x1-6')]).toEqual([undefined, []]);
  });

  it('is one for all sessions of a caller, and leaves other callers alone', () => {
    const { store } = storeOf({ bytesPerCaller: 4 });
    const [one, two, other] = [store.open('key:ada'), store.open('key:ada'), store.open('key:eve')];
    one.open('x1', 'request').append(message('111'));
    other.open('x3', 'request').append(message('333'));
    two.open('x2', 'request').append(message('222'));
    expect(resumed(one, 'x1-0')).toBeUndefined();
    expect([resumed(two, 'x2-0'), resumed(other, 'x3-0')]).toEqual([['x2-1 222'], ['x3-1 333']]);
  });

  it('is one for all callers, and lifts when sessions end', () => {
    const { store } = storeOf({ bytesInAll: 6 });
    const [one, two] = [store.open('key:ada'), store.open('key:eve')];
    one.open('x1', 'request').append(message('1111'));
    two.open('x2', 'request').append(message('2222'));
    expect([resumed(one, 'x1-0'), store.bytes]).toEqual([undefined, 4]);
    two.clear();
    expect([store.bytes, resumed(two, 'x2-0')]).toEqual([0, undefined]);
  });

  it('keeps events for a while and no longer', () => {
    const { store, clock } = storeOf({ keepMs: 1000 });
    const logs = store.open('key:ada');
    const log = logs.open('x1', 'request');
    log.append(message('a'));
    clock.advance(600);
    log.append(message('b'));
    clock.advance(600);
    store.sweep();
    expect([resumed(logs, 'x1-0'), resumed(logs, 'x1-1')]).toEqual([undefined, ['x1-2 b']]);
  });

  it('forgets ended and left streams first when there are too many', () => {
    const logs = storeOf({ streamsPerSession: 2 }).store.open('key:ada');
    logs.open('x1', 'request');
    const ended = logs.open('x2', 'request');
    ended.append(message('a'));
    ended.end();
    logs.open('x3', 'request');
    expect([logs.find('x1-0') === undefined, logs.find('x2-0'), logs.find('x3-0') === undefined]).toEqual([
      false,
      undefined,
      false,
    ]);
  });

  it('keeps nothing of a session that has ended', () => {
    const { store } = storeOf();
    const logs = store.open('key:ada');
    const log = logs.open('x1', 'request');
    const sink = listener();
    log.attach(sink);
    logs.clear();
    log.append(message('last words'));
    expect([sink.events, store.bytes, logs.find('x1-0')]).toEqual([['x1-1 last words'], 0, undefined]);
  });
});
