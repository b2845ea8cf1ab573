/**
 * A heap of things that become forgettable at some time. Times may move later without telling the queue: it learns of
 * that when the thing comes up, so that touching a thing costs nothing.
 */

/** Things in the order in which they become forgettable. */
export interface ExpiryQueue<T> {
  add(thing: T): void;
  /** Takes out a thing whose time has come; `undefined` when none was found within a bounded number of steps. */
  takeExpired(now: number): T | undefined;
  readonly size: number;
}

/** Things looked at in one search; each has moved since it was queued, so the cost is spread over those moves. */
const LONGEST_SEARCH = 64;

interface Entry<T> {
  readonly thing: T;
  time: number;
}

/**
 * Makes an empty queue.
 *
 * @param timeOf when a thing becomes forgettable, in the unit of `now`.
 */
export function createExpiryQueue<T>(timeOf: (thing: T) => number): ExpiryQueue<T> {
  const heap: Entry<T>[] = [];

  function timeAt(index: number): number {
    return heap[index]?.time ?? Infinity;
  }

  function swap(one: number, other: number): void {
    const first = heap[one];
    const second = heap[other];
    if (first === undefined || second === undefined) return;
    heap[one] = second;
    heap[other] = first;
  }

  function rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (timeAt(parent) <= timeAt(index)) return;
      swap(parent, index);
      index = parent;
    }
  }

  function sink(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const least = timeAt(left + 1) < timeAt(left) ? left + 1 : left;
      if (timeAt(least) >= timeAt(index)) return;
      swap(least, index);
      index = least;
    }
  }

  return {
    add(thing) {
      heap.push({ thing, time: timeOf(thing) });
      rise(heap.length - 1);
    },
    takeExpired(now) {
      for (let step = 0; step < LONGEST_SEARCH; step += 1) {
        const top = heap[0];
        if (top === undefined || top.time > now) return undefined;
        const time = timeOf(top.thing);
        if (time > now) {
          top.time = time;
          sink(0);
          continue;
        }
        const last = heap.pop();
        if (last !== undefined && last !== top) {
          heap[0] = last;
          sink(0);
        }
        return top.thing;
      }
      return undefined;
    },
    get size() {
      return heap.length;
    },
  };
}
