/**
 * Records that wait for the disk, already encoded and hashed: byte ranges in large buffers, split where one file ends
 * and the next begins. A group is what one write and one sync make durable.
 */
import { closeLine, hashLine } from './chain.ts';
import type { Head } from './chain.ts';

const ARENA_BYTES = 1024 * 1024;
const KEPT_ARENAS = 4;
/** Bytes that a hash member and the newline take. */
const CLOSING = 96;

/** What `durable` promises tell. */
export type Durable = 'durable' | 'lost';

/** A promise shared by all who wait for one group. */
export interface Wait {
  readonly promise: Promise<Durable>;
  readonly resolve: (value: Durable) => void;
}

/** Bytes for one file, in order. */
export interface Segment {
  readonly file: string;
  readonly parts: { readonly arena: Buffer; readonly start: number; end: number }[];
}

/** What is made durable together. */
export class Group {
  readonly segments: Segment[] = [];
  records = 0;
  bytes = 0;
  /** Newest record in the group. */
  last: Head | undefined;
  /** Made when somebody asks. */
  wait: Wait | undefined;
  /** Buffers that no later group writes into; free once this group is durable. */
  readonly finished: Buffer[] = [];
  /** True when somebody waits, so that the group must not linger. */
  isUrgent = false;

  /** All lines in the group, without newlines. */
  lines(): Buffer[] {
    const lines: Buffer[] = [];
    for (const { parts } of this.segments) {
      for (const { arena, start, end } of parts) {
        for (let from = start; from < end;) {
          const newline = arena.indexOf(10, from);
          lines.push(arena.subarray(from, newline));
          from = newline + 1;
        }
      }
    }
    return lines;
  }

  /** The promise of this group, made when first asked for. */
  waitFor(): Promise<Durable> {
    if (this.wait === undefined) {
      const { promise, resolve } = Promise.withResolvers<Durable>();
      this.wait = { promise, resolve };
    }
    this.isUrgent = true;
    return this.wait.promise;
  }
}

/** Encodes records into buffers and collects them into groups. */
export class Queue {
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #used = 0;
  #group = new Group();
  /** Buffers to be used again: new ones cost page faults, and their weight makes the collector run. */
  readonly #free: Buffer[] = [];

  /** The group that records go into. */
  get group(): Group {
    return this.#group;
  }

  /** Takes the group away; records go into a new one from now on. */
  take(): Group {
    const group = this.#group;
    this.#group = new Group();
    return group;
  }

  /** Takes back the buffers of a group that is durable: groups become so in order, so nobody reads them any more. */
  recycle(group: Group): void {
    for (const arena of group.finished) {
      if (arena.length === ARENA_BYTES && this.#free.length < KEPT_ARENAS) this.#free.push(arena);
    }
  }

  /** Puts a group that was taken before what has come in since. */
  putBack(group: Group): void {
    const later = this.#group;
    for (const segment of later.segments) {
      const last = group.segments.at(-1);
      if (last?.file === segment.file) last.parts.push(...segment.parts);
      else group.segments.push(segment);
    }
    group.records += later.records;
    group.bytes += later.bytes;
    group.last = later.last ?? group.last;
    group.finished.push(...later.finished);
    this.#group = group;
  }

  /**
   * Adds one record.
   *
   * @param file name of the file that it belongs into
   * @param text the line up to and including `prev`
   * @param seq its place
   * @returns the head that it makes
   */
  push(file: string, text: string, seq: number): Head {
    // A UTF-16 unit takes at most three bytes.
    const most = text.length * 3 + CLOSING;
    if (this.#arena.length - this.#used < most) {
      this.#group.finished.push(this.#arena);
      this.#arena =
        most > ARENA_BYTES ? Buffer.allocUnsafeSlow(most) : (this.#free.pop() ?? Buffer.allocUnsafeSlow(ARENA_BYTES));
      this.#used = 0;
    }
    const arena = this.#arena;
    const start = this.#used;
    const middle = start + arena.write(text, start, 'utf8');
    const hash = hashLine(arena.subarray(start, middle));
    const end = middle + arena.write(closeLine(hash), middle, 'latin1');
    this.#used = end;
    this.#add(file, arena, start, end);
    const head: Head = { seq, hash };
    this.#group.last = head;
    return head;
  }

  #add(file: string, arena: Buffer, start: number, end: number): void {
    const group = this.#group;
    group.records += 1;
    group.bytes += end - start;
    let segment = group.segments.at(-1);
    if (segment === undefined || segment.file !== file) {
      segment = { file, parts: [] };
      group.segments.push(segment);
    }
    const part = segment.parts.at(-1);
    if (part !== undefined && part.arena === arena && part.end === start) part.end = end;
    else segment.parts.push({ arena, start, end });
  }
}
