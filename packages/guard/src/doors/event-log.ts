/**
 * Events of legacy streams, kept for a while so that a caller whose connection broke can fetch what it missed
 * (MCP 2025-11-25, Streamable HTTP, resumability). In memory, bounded by count, bytes and age; a session finds only
 * its own.
 */
import type { Clock } from '../ports.ts';

/** Where the events of a stream go while somebody is there. */
export interface EventSink {
  event(message: Uint8Array, id: string): void;
  end(): void;
}

/** What a stream is for: the answer to one request, or what belongs to no request. */
export type EventLogKind = 'request' | 'session';

/** Bounds on what is kept. Sizes in bytes, times in milliseconds. */
export interface EventStoreOptions {
  readonly clock: Clock;
  /** Events of one session. Default 256. */
  readonly perSession?: number;
  /** Default 8 MiB. */
  readonly bytesPerSession?: number;
  /** Of all sessions of a caller. Default 32 MiB. */
  readonly bytesPerCaller?: number;
  /** Of all callers. Default 128 MiB. */
  readonly bytesInAll?: number;
  /** How long an event is kept. Default 5 minutes. */
  readonly keepMs?: number;
  /** Streams of one session of which something is known. Default 64. */
  readonly streamsPerSession?: number;
}

/** The events of every session of a process. */
export interface EventStore {
  /** The streams of a new session. */
  open(owner: string): EventLogs;
  /** Forgets what is too old. */
  sweep(): void;
  /** Bytes that are kept now. */
  readonly bytes: number;
}

/** The resumable streams of one session. */
export interface EventLogs {
  /** Begins a stream; `id` must be unique and without `-`. */
  open(id: string, kind: EventLogKind): EventLog;
  /** Finds the stream of an event id of this session; `undefined` when it is unknown or what came after it is gone. */
  find(eventId: string): ResumedLog | undefined;
  /** Forgets every stream. */
  clear(): void;
}

/** A stream, and where in it its caller was. */
export interface ResumedLog {
  readonly log: EventLog;
  /** Sends what came after that event, then whatever comes next; ends whoever was there before. */
  resume(sink: EventSink): void;
}

interface Entry {
  readonly log: EventLog;
  readonly seq: number;
  readonly message: Uint8Array;
  readonly time: number;
  readonly shelves: readonly Shelf[];
}

/** Makes the store. */
export function createEventStore(options: EventStoreOptions): EventStore {
  const { clock } = options;
  const perSession = options.perSession ?? 256;
  const bytesPerSession = options.bytesPerSession ?? 8 * mebibyte;
  const bytesPerCaller = options.bytesPerCaller ?? 32 * mebibyte;
  const bytesInAll = options.bytesInAll ?? 128 * mebibyte;
  const keepMs = options.keepMs ?? 5 * 60_000;
  const mostStreams = options.streamsPerSession ?? 64;
  const all = new Shelf();
  const callers = new Map<string, Shelf>();

  function forget(entry: Entry): void {
    for (const shelf of entry.shelves) shelf.delete(entry);
    entry.log.forget(entry.seq);
  }

  function dropOldest(shelf: Shelf): void {
    const oldest = shelf.oldest();
    if (oldest !== undefined) forget(oldest);
  }

  function sweep(): void {
    const now = clock.now();
    for (let entry = all.oldest(); entry !== undefined && now - entry.time > keepMs; entry = all.oldest()) {
      forget(entry);
    }
  }

  return {
    open(owner) {
      const own = new Shelf();
      const logs = new Map<string, EventLog>();
      let caller = callers.get(owner);
      if (caller === undefined) {
        caller = new Shelf();
        callers.set(owner, caller);
      }
      caller.users += 1;
      const shelves = [own, caller, all];
      let isCleared = false;

      function keep(log: EventLog, seq: number, given: Uint8Array): Entry | undefined {
        if (isCleared || given.length > bytesPerSession) return undefined;
        // A copy of its own: a view would hold whatever it was cut from.
        const entry: Entry = { log, seq, message: Buffer.from(given), time: clock.now(), shelves };
        for (const shelf of shelves) shelf.add(entry);
        while (own.size > perSession || own.bytes > bytesPerSession) dropOldest(own);
        while (shelves[1] !== undefined && shelves[1].bytes > bytesPerCaller) dropOldest(shelves[1]);
        while (all.bytes > bytesInAll) dropOldest(all);
        return entry;
      }

      function makeRoom(): void {
        if (logs.size < mostStreams) return;
        for (const log of logs.values()) {
          if (log.isWanted) continue;
          log.clear(forget);
          logs.delete(log.id);
          return;
        }
      }

      return {
        open(id, kind) {
          makeRoom();
          const log = new EventLog(id, kind, keep);
          logs.set(id, log);
          return log;
        },
        find(eventId) {
          const cut = eventId.lastIndexOf('-');
          const log = logs.get(eventId.slice(0, cut));
          const digits = eventId.slice(cut + 1);
          if (cut < 1 || log === undefined || !/^(?:0|[1-9][0-9]{0,14})$/.test(digits)) return undefined;
          const seq = Number(digits);
          return log.hasAllAfter(seq) ? { log, resume: (sink) => log.resume(seq, sink) } : undefined;
        },
        clear() {
          if (isCleared) return;
          isCleared = true;
          for (const log of logs.values()) log.clear(forget);
          logs.clear();
          const shelf = callers.get(owner);
          if (shelf !== undefined && --shelf.users === 0) callers.delete(owner);
        },
      };
    },
    sweep,
    get bytes() {
      return all.bytes;
    },
  };
}

const mebibyte = 1024 * 1024;

/** Entries that share a bound, oldest first. */
class Shelf {
  users = 0;
  bytes = 0;
  private readonly entries = new Set<Entry>();

  get size(): number {
    return this.entries.size;
  }

  add(entry: Entry): void {
    this.entries.add(entry);
    this.bytes += entry.message.length;
  }

  delete(entry: Entry): void {
    if (this.entries.delete(entry)) this.bytes -= entry.message.length;
  }

  oldest(): Entry | undefined {
    for (const entry of this.entries) return entry;
    return undefined;
  }
}

type Keep = (log: EventLog, seq: number, message: Uint8Array) => Entry | undefined;

/** The events of one stream, and who hears them now. */
export class EventLog {
  readonly id: string;
  readonly kind: EventLogKind;
  private readonly keep: Keep;
  private readonly entries = new Map<number, Entry>();
  private last = 0;
  /** The newest event that is not kept any more. */
  private gone = 0;
  private sink: EventSink | undefined = undefined;
  private isOver = false;

  constructor(id: string, kind: EventLogKind, keep: Keep) {
    this.id = id;
    this.kind = kind;
    this.keep = keep;
  }

  /** The id that stands before the first event, for a caller that loses the stream before it has one. */
  get firstId(): string {
    return `${this.id}-0`;
  }

  /** True while more is to come for whoever may ask. */
  get isWanted(): boolean {
    return this.sink !== undefined || (!this.isOver && this.kind === 'request');
  }

  /** Keeps a message, and sends it to whoever is there. */
  append(message: Uint8Array): void {
    const seq = ++this.last;
    const entry = this.keep(this, seq, message);
    if (entry === undefined) this.gone = seq;
    // What was kept may have been dropped again at once, to make room for itself.
    else if (this.gone < seq) this.entries.set(seq, entry);
    this.sink?.event(message, `${this.id}-${seq}`);
  }

  /** Nothing more will come. */
  end(): void {
    this.isOver = true;
    this.sink?.end();
    this.sink = undefined;
  }

  attach(sink: EventSink): void {
    this.sink = sink;
  }

  /** Forgets a sink whose connection is gone. */
  detach(sink: EventSink): void {
    if (this.sink === sink) this.sink = undefined;
  }

  /** True for an event of this stream after which everything is still kept. */
  hasAllAfter(seq: number): boolean {
    return seq <= this.last && seq >= this.gone;
  }

  resume(seq: number, sink: EventSink): void {
    const before = this.sink;
    this.sink = undefined;
    before?.end();
    for (const [at, { message }] of this.entries) if (at > seq) sink.event(message, `${this.id}-${at}`);
    if (this.isOver) sink.end();
    else this.sink = sink;
  }

  /** Told by the store that an event is not kept any more. */
  forget(seq: number): void {
    this.gone = Math.max(this.gone, seq);
    this.entries.delete(seq);
  }

  clear(forget: (entry: Entry) => void): void {
    for (const entry of this.entries.values()) forget(entry);
  }
}
