/**
 * Tokens that were found good, by digest, so that the next call of a caller takes no cryptography. Bounded: two
 * generations, of which the older is dropped when the younger is full, so that what is used stays.
 */

/** A bounded memory of good tokens. */
export interface VerifiedTokens<Entry> {
  get(digest: string): Entry | undefined;
  set(digest: string, entry: Entry): void;
  delete(digest: string): void;
  /** Entries kept, at most `capacity`. */
  readonly size: number;
}

/**
 * Makes an empty memory.
 *
 * @param capacity - most entries; default 20,000
 */
export function createVerifiedTokens<Entry>(capacity = 20_000): VerifiedTokens<Entry> {
  const half = Math.max(1, Math.floor(capacity / 2));
  let young = new Map<string, Entry>();
  let old = new Map<string, Entry>();
  const put = (digest: string, entry: Entry): void => {
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(digest, entry);
  };
  return {
    get(digest) {
      const fresh = young.get(digest);
      if (fresh !== undefined) return fresh;
      const kept = old.get(digest);
      if (kept === undefined) return undefined;
      old.delete(digest);
      put(digest, kept);
      return kept;
    },
    set(digest, entry) {
      old.delete(digest);
      put(digest, entry);
    },
    delete(digest) {
      young.delete(digest);
      old.delete(digest);
    },
    get size() {
      return young.size + old.size;
    },
  };
}
