/** Puts Sallyport into a client program's file, and takes it out as if it had never been there. Pure; files are the caller's. */
import { entryText, removeEntry, replaceEntryText, setEntry } from '../json-edit.ts';
import type { ClientFile } from './clients.ts';

/** The name under which client programs know us. */
export const entryName = 'sallyport';

type Holder = ClientFile['holder'];

/** How a client starts us. */
export interface ClientEntry {
  /** Only where the client wants it: VS Code. */
  readonly type?: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
}

/** What disconnecting comes to. */
export type Detached =
  /** Nothing of ours is there. */
  | { readonly kind: 'absent' }
  /** Nobody touched the file since: the backup is what it has to be, byte for byte. */
  | { readonly kind: 'restore' }
  /** The file held nothing but our entry, and there was none before. */
  | { readonly kind: 'delete' }
  /** Others changed the file since: only our entry goes. */
  | { readonly kind: 'write'; readonly text: string };

/** Returns the text with our entry in it. `undefined` stands for a file that does not exist. */
export function attach(text: string | undefined, holder: Holder, entry: unknown): string {
  return setEntry(text ?? '', holder, entryName, entry);
}

/** Tells whether the text has an entry under our name. */
export function isAttached(text: string | undefined, holder: Holder): boolean {
  return text !== undefined && entryText(text, holder, entryName) !== undefined;
}

/**
 * Says how to take our entry out.
 *
 * @param text the file as it is now
 * @param backup the file as it was before `attach`; `undefined` when there was none
 */
export function detach(text: string, backup: string | undefined, holder: Holder): Detached {
  const own = entryText(text, holder, entryName);
  if (own === undefined) return { kind: 'absent' };
  // The file is unchanged when putting the entry that it has into the backup gives the file.
  if (attach(backup, holder, JSON.parse(own)) === text) {
    return { kind: backup === undefined ? 'delete' : 'restore' };
  }
  const earlier = backup === undefined ? undefined : entryText(backup, holder, entryName);
  if (earlier !== undefined) return { kind: 'write', text: replaceEntryText(text, holder, entryName, earlier) };
  return { kind: 'write', text: removeEntry(text, holder, entryName) };
}
