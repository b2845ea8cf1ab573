/** Bounds what waits in memory for callers that do not read: of one connection, and of all that one caller has. */

/** A connection to a caller, as far as its unread bytes go. */
export interface Reader {
  /** Bytes that were written and not yet taken. */
  readonly waiting: number;
  /** Ends the connection and drops what waits. */
  cut(): void;
}

/** Bounds in bytes. */
export interface BacklogOptions {
  /** Of one connection. Default 8 MiB. */
  readonly perConnection?: number;
  /** Of all connections of one caller. Default 32 MiB. */
  readonly perCaller?: number;
}

/** What waits for every caller of a process. */
export interface Backlog {
  /** Counts a connection of a caller until the returned function is called. */
  join(owner: string, reader: Reader): () => void;
  /**
   * Looks at what waits before more is written to a connection. Over the caller's bound the connection with the most
   * unread bytes ends.
   *
   * @returns false when this connection has ended
   */
  admits(owner: string, reader: Reader): boolean;
}

/** Below this a connection is not looked at further, bytes. */
const little = 64 * 1024;

/** Makes a backlog without connections. */
export function createBacklog(options: BacklogOptions = {}): Backlog {
  const perConnection = options.perConnection ?? 8 * 1024 * 1024;
  const perCaller = options.perCaller ?? 32 * 1024 * 1024;
  const callers = new Map<string, Set<Reader>>();

  /** The reader with the most unread bytes when all of the caller's are too many. */
  function tooSlow(readers: ReadonlySet<Reader>): Reader | undefined {
    let sum = 0;
    let slowest: Reader | undefined;
    for (const reader of readers) {
      const { waiting } = reader;
      sum += waiting;
      if (slowest === undefined || waiting > slowest.waiting) slowest = reader;
    }
    return sum > perCaller ? slowest : undefined;
  }

  return {
    join(owner, reader) {
      const readers = callers.get(owner) ?? new Set();
      callers.set(owner, readers.add(reader));
      return () => {
        readers.delete(reader);
        if (readers.size === 0 && callers.get(owner) === readers) callers.delete(owner);
      };
    },
    admits(owner, reader) {
      const { waiting } = reader;
      if (waiting <= little) return true;
      if (waiting > perConnection) {
        reader.cut();
        return false;
      }
      const slowest = tooSlow(callers.get(owner) ?? new Set());
      slowest?.cut();
      return slowest !== reader;
    },
  };
}
