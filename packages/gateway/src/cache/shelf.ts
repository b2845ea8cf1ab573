/** Where kept answers stand: bounded in bytes, the least used go first, and no owner takes more than its share. */
import type { Clock } from '@sallyport/guard';
import type { LinkAnswer } from '../upstreams/link.ts';

/** What is put on the shelf. */
export interface ShelfItem {
  readonly answer: LinkAnswer & { readonly kind: 'answer' };
  readonly server: string;
  readonly uri: string;
  /** For whom alone it is; `undefined` for all. */
  readonly owner: string | undefined;
  /** Milliseconds until it is too old. */
  readonly ttlMs: number;
}

/** A bounded shelf. */
export interface Shelf {
  /** Entries now, those that are too old but not yet noticed included. */
  readonly size: number;
  readonly bytes: number;
  find(key: string): { readonly answer: LinkAnswer; readonly leftMs: number } | undefined;
  /** Puts an answer there, unless it is too large. */
  put(key: string, item: ShelfItem): void;
  /** Forgets a server's answers, about one resource or all. */
  drop(server: string, uri?: string): void;
  /** Changes with each `drop` that concerns this resource. */
  generation(server: string, uri: string): string;
}

interface Entry extends ShelfItem {
  readonly bytes: number;
  /** Monotonic time. */
  readonly until: number;
}

/** The share of all bytes that one answer, or one owner's answers, may take. */
const answerShare = 1 / 32;
const ownerShare = 1 / 8;

/** Bytes of memory for a byte of an answer, which is kept as bytes and as a value. */
const costPerByte = 3;
const costPerEntry = 1024;

/** Resources whose changes are counted singly; when there are more, a change counts for all. */
const mostCounted = 1000;

/** Makes an empty shelf. */
export function createShelf({ clock, maxBytes }: { readonly clock: Clock; readonly maxBytes: number }): Shelf {
  const entries = new Map<string, Entry>();
  const byOwner = new Map<string, Set<string>>();
  const byResource = new Map<string, Set<string>>();
  const byServer = new Map<string, Set<string>>();
  const ownerBytes = new Map<string, number>();
  const serverDrops = new Map<string, number>();
  const resourceDrops = new Map<string, number>();
  let forgotten = 0;
  let bytes = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    bytes -= entry.bytes;
    leave(byResource, resourceKey(entry), key);
    leave(byServer, entry.server, key);
    if (entry.owner === undefined) return;
    leave(byOwner, entry.owner, key);
    const left = (ownerBytes.get(entry.owner) ?? 0) - entry.bytes;
    if (left > 0) ownerBytes.set(entry.owner, left);
    else ownerBytes.delete(entry.owner);
  }

  function add(key: string, entry: Entry): void {
    entries.set(key, entry);
    bytes += entry.bytes;
    join(byResource, resourceKey(entry), key);
    join(byServer, entry.server, key);
    if (entry.owner === undefined) return;
    join(byOwner, entry.owner, key);
    ownerBytes.set(entry.owner, (ownerBytes.get(entry.owner) ?? 0) + entry.bytes);
  }

  function makeRoom(owner: string | undefined): void {
    for (const oldest of (owner === undefined ? undefined : byOwner.get(owner)) ?? []) {
      if ((ownerBytes.get(owner ?? '') ?? 0) <= maxBytes * ownerShare) break;
      remove(oldest);
    }
    while (bytes > maxBytes) {
      const [oldest] = entries.keys();
      if (oldest === undefined) break;
      remove(oldest);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
    find(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const leftMs = Math.floor(entry.until - clock.monotonic());
      remove(key);
      if (leftMs <= 0) return undefined;
      // Used last, so it goes last.
      add(key, entry);
      return { answer: entry.answer, leftMs };
    },
    put(key, item) {
      const cost = item.answer.message.bytes.byteLength * costPerByte + key.length * 2 + costPerEntry;
      remove(key);
      if (cost > maxBytes * answerShare) return;
      add(key, { ...item, bytes: cost, until: clock.monotonic() + item.ttlMs });
      makeRoom(item.owner);
    },
    drop(server, uri) {
      if (uri === undefined) {
        serverDrops.set(server, (serverDrops.get(server) ?? 0) + 1);
        for (const key of [...(byServer.get(server) ?? [])]) remove(key);
        return;
      }
      const resource = resourceKey({ server, uri });
      if (resourceDrops.size >= mostCounted) {
        resourceDrops.clear();
        forgotten += 1;
      }
      resourceDrops.set(resource, (resourceDrops.get(resource) ?? 0) + 1);
      for (const key of [...(byResource.get(resource) ?? [])]) remove(key);
    },
    generation: (server, uri) =>
      `${forgotten} ${serverDrops.get(server) ?? 0} ${resourceDrops.get(resourceKey({ server, uri })) ?? 0}`,
  };
}

function resourceKey({ server, uri }: { readonly server: string; readonly uri: string }): string {
  return `${server} ${uri}`;
}

function join(table: Map<string, Set<string>>, name: string, key: string): void {
  const keys = table.get(name);
  if (keys === undefined) table.set(name, new Set([key]));
  else keys.add(key);
}

function leave(table: Map<string, Set<string>>, name: string, key: string): void {
  const keys = table.get(name);
  keys?.delete(key);
  if (keys?.size === 0) table.delete(name);
}
