/**
 * One look at all processes of the machine for everybody who wants one at the same time: when many servers end at once,
 * each of them looking by itself would open every file of /proc as often.
 */
import { realProcessTable, type ProcessRow, type ProcessTable } from './family.ts';

/** What a look has shown. */
export interface Scan {
  readonly rows: readonly ProcessRow[];
  /** Numbers of the processes that bear exactly this mark. */
  bearers(mark: string): ReadonlySet<number>;
}

/** Marks that are read at once. */
const AT_ONCE = 16;

/** Looks at processes. */
export class ProcessScanner {
  readonly #table: Pick<ProcessTable, 'list' | 'mark'>;
  #running: Promise<Scan> | undefined;
  #next: Promise<Scan> | undefined;
  /** Marks by process. No mark is believed only once it was read twice: what has just been forked has not its own yet. */
  #marks = new Map<string, string | undefined>();
  #unmarked = new Set<string>();

  constructor(table: Pick<ProcessTable, 'list' | 'mark'> = realProcessTable) {
    this.#table = table;
  }

  /** Returns a look that begins after this call. */
  scan(): Promise<Scan> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<Scan> {
    this.#next = undefined;
    const running = this.#look().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #look(): Promise<Scan> {
    const rows = await this.#table.list();
    const marks = new Map<string, string | undefined>();
    const unmarked = new Set<string>();
    const waiting = rows.filter((row) => !row.isZombie);
    const read = async (): Promise<void> => {
      for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
        const key = keyOf(row);
        if (this.#marks.has(key)) {
          marks.set(key, this.#marks.get(key));
          continue;
        }
        const mark = await this.#table.mark(row.pid);
        if (mark !== undefined || this.#unmarked.has(key)) marks.set(key, mark);
        else unmarked.add(key);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, read));
    this.#marks = marks;
    this.#unmarked = unmarked;
    return {
      rows,
      bearers: (mark) => new Set(rows.filter((row) => marks.get(keyOf(row)) === mark).map(({ pid }) => pid)),
    };
  }
}

const keyOf = ({ pid, started }: ProcessRow): string => `${pid} ${started}`;

/** The scanner of this process. */
export const processScanner = new ProcessScanner();
