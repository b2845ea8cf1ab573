/**
 * Reads small files of /proc (proc(5)). They are no disk: the kernel makes them up in microseconds, so each is read at
 * once and into one buffer. The usual way sets 64 KiB aside for each, which thousands of looks turn into a heap full of
 * holes.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Files that are read before others get their turn. */
const AT_ONCE = 64;
/** Longest file that is read whole; an environment can be as long as the kernel lets arguments be. */
const LONGEST = 4 * 1024 * 1024;

let buffer = Buffer.alloc(16 * 1024);

/** Returns the text of a file, one character for each byte; undefined when the process is gone or another user's. */
export const readProc = (path: string): string | undefined => {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    let length = 0;
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0 || length >= LONGEST) return buffer.toString('latin1', 0, length);
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
    }
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
};

/** Calls `visit` for each item, and lets others have their turn in between. */
export const visitAll = async <Item>(items: readonly Item[], visit: (item: Item) => void): Promise<void> => {
  for (const [index, item] of items.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
    visit(item);
  }
};
