/**
 * Looks at the families of local servers that have a bound on memory or processes, all of them in one go, and says when
 * one exceeds it. Linux only: elsewhere nothing shows what a family uses.
 */
import { familyOf } from './family.ts';
import type { ResourceLimits } from './limits.ts';
import { readProc } from './proc.ts';
import { processScanner, type Scan } from './process-scan.ts';

const LOOK_MS = 500;
const MIB = 1024 * 1024;

/** One family. */
export interface Watched {
  /** The process that was started. */
  readonly leader: number;
  /** What its descendants bear. */
  readonly mark: string;
  readonly limits: ResourceLimits;
  /** Processes of the family that are not the server's: those of its sandbox. */
  readonly helpers: number;
  /** Told once what was exceeded. */
  onExceeded(verdict: string): void;
}

/** What the watch needs from the machine. */
export interface WatchPorts {
  scan(): Promise<Scan>;
  /** Bytes of memory that are a process's own. */
  memoryOf(pid: number): Promise<number>;
}

/** Reads RssAnon and RssShmem of /proc/<pid>/status (proc(5)): what is shared with others does not count. */
export const readMemory = async (pid: number): Promise<number> => {
  const status = readProc(`/proc/${pid}/status`) ?? '';
  let kib = 0;
  for (const [, value] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) kib += Number(value);
  return kib * 1024;
};

/** Watches families; looks only while there are some. */
export class FamilyWatch {
  readonly #ports: WatchPorts;
  readonly #families = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: WatchPorts = { scan: () => processScanner.scan(), memoryOf: readMemory }) {
    this.#ports = ports;
  }

  /** Begins to watch a family. Returns a function that ends it. */
  add(family: Watched): () => void {
    this.#families.add(family);
    this.#plan();
    return () => void this.#families.delete(family);
  }

  /** Looks once at all families. */
  async look(): Promise<void> {
    const scan = await this.#ports.scan();
    for (const family of [...this.#families]) {
      const verdict = await this.#judge(family, scan);
      if (verdict !== undefined && this.#families.delete(family)) family.onExceeded(verdict);
    }
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#families.size === 0) return;
    this.#timer = setTimeout(() => {
      void this.look().finally(() => {
        this.#timer = undefined;
        this.#plan();
      });
    }, LOOK_MS);
    this.#timer.unref();
  }

  async #judge({ leader, mark, limits, helpers }: Watched, scan: Scan): Promise<string | undefined> {
    const family = familyOf(leader, scan.rows, scan.bearers(mark));
    const { processes, memory } = limits;
    const count = family.length - helpers;
    if (processes !== undefined && count > processes) {
      return `it ran ${count} processes, and may run ${processes} (limits.processes)`;
    }
    if (memory === undefined) return undefined;
    const parts = await Promise.all(family.map(({ pid }) => this.#ports.memoryOf(pid)));
    const used = parts.reduce((sum, part) => sum + part, 0);
    if (used <= memory) return undefined;
    return `it used ${Math.ceil(used / MIB)} MiB of memory, and may use ${Math.floor(memory / MIB)} MiB (limits.memory)`;
  }
}

/** The watch of this process. */
export const familyWatch = new FamilyWatch();
