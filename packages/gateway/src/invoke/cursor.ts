/**
 * Where a list of several servers goes on. A cursor names what was shown last instead of counting, so that servers that
 * come, go and change between two pages shift nothing: what stays is shown, and not before its turn.
 */
import { isObject } from '@sallyport/protocol';
import type { Entry, ListKind } from '../catalog/definition.ts';
import type { World } from '../world.ts';

/** Where a list goes on. */
export interface ListCursor {
  /** Servers that have been shown to their end. */
  readonly done: readonly string[];
  /** The server whose definition was shown last. */
  readonly server: string;
  /** That definition's name. */
  readonly after: string;
  /** The server's part was begun anew, because what was shown last is gone from it. */
  readonly isAgain: boolean;
}

/** How long a cursor works, milliseconds. */
export const cursorLifetimeMs: number = 15 * 60_000;

/** Reads the payload of a cursor that was opened; `undefined` for anything else. */
export function readCursor(opened: unknown): ListCursor | undefined {
  if (!isObject(opened)) return undefined;
  const { done, server, after, isAgain } = opened;
  if (!Array.isArray(done) || typeof server !== 'string' || typeof after !== 'string') return undefined;
  return { done: done.map(String), server, after, isAgain: isAgain === true };
}

/** What is left of a list. */
export interface Remainder {
  /** Indexes of the entries that have not been shown. */
  readonly indexes: readonly number[];
  /** The server whose part begins anew, if one does. */
  readonly again: string | undefined;
}

/**
 * Finds what a list has left. Where the definition that was shown last is gone, its server's part begins anew: twice is
 * better than never.
 *
 * @param entries - what the caller may see now
 * @returns `undefined` when that has happened before with the same server, so that no server keeps a caller going
 */
export function remainderOf(
  entries: readonly Entry[],
  list: ListKind,
  cursor: ListCursor,
  { catalog }: Pick<World, 'catalog'>,
): Remainder | undefined {
  const done = new Set(cursor.done);
  const current = catalog.server(cursor.server)?.[list];
  const isLost = current !== undefined && !current.has(cursor.after);
  if (isLost && cursor.isAgain) return undefined;
  const shown = isLost || current === undefined ? new Set<string>() : namesUpTo(current.keys(), cursor.after);
  const indexes = entries.flatMap(({ server, name }, index) =>
    done.has(server) || (server === cursor.server && shown.has(name)) ? [] : [index],
  );
  return { indexes, again: isLost || cursor.isAgain ? cursor.server : undefined };
}

/**
 * The cursor behind a page.
 *
 * @param last - the last entry on the page
 * @param order - servers in the order of the list
 * @param again - the server whose part was begun anew, if one was
 */
export function cursorAfter(last: Entry, order: readonly string[], again: string | undefined): ListCursor {
  const done = order.slice(0, Math.max(0, order.indexOf(last.server)));
  return { done, server: last.server, after: last.name, isAgain: again === last.server };
}

function namesUpTo(names: Iterable<string>, last: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of names) {
    found.add(name);
    if (name === last) break;
  }
  return found;
}
