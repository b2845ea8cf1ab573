/**
 * A bounded map for values that can be computed again: two generations, of which the older is dropped whole. It keeps
 * what is used, never grows past its capacity, and costs no allocation on a hit.
 */

/** A bounded map that forgets what was not used lately. */
export interface Memo<K, V> {
  /** Returns what was kept under `key`, if it has not been forgotten. */
  get(key: K): V | undefined;
  /** Keeps `value` under `key`, forgetting older entries when the memo is full. */
  set(key: K, value: V): void;
  /** Entries kept now; at most the capacity. */
  readonly size: number;
}

/**
 * Makes an empty memo.
 *
 * @param capacity most entries kept at once, at least 2.
 */
export function createMemo<K, V>(capacity: number): Memo<K, V> {
  const half = Math.max(1, Math.floor(capacity / 2));
  let young = new Map<K, V>();
  let old = new Map<K, V>();

  function set(key: K, value: V): void {
    if (young.size >= half && !young.has(key)) {
      old = young;
      young = new Map();
    }
    old.delete(key);
    young.set(key, value);
  }

  return {
    get(key) {
      const found = young.get(key);
      if (found !== undefined) return found;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
    get size() {
      return young.size + old.size;
    },
  };
}
