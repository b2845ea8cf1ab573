/** How much space the audit disk has, and how much of it is kept for intents. */
import type { TrailSettings } from './settings.ts';

const MEASURE_MS = 1000;
/** What must be free, over the reserve, before others may write again, so that the state does not flap. */
const EASE = 1.1;

export class Space {
  readonly #settings: TrailSettings;
  #free = Infinity;
  #reserve = 0;
  #measured = -Infinity;
  #spent = 0;

  constructor(settings: TrailSettings) {
    this.#settings = settings;
  }

  /** True when only the reserve is left once `waiting` bytes are written. */
  isScarce(waiting: number): boolean {
    return this.#free - waiting < this.#reserve;
  }

  /** True when there is clearly more than the reserve. */
  get isAmple(): boolean {
    return this.#free >= this.#reserve * EASE;
  }

  /** True when it should be measured again. Others write too: a small disk can be full well within a second. */
  get isDue(): boolean {
    return this.#settings.clock.monotonic() - this.#measured >= MEASURE_MS || this.#spent > this.#reserve / 4;
  }

  /** Notes what was written since the last measure. */
  spend(bytes: number): void {
    this.#free -= bytes;
    this.#spent += bytes;
  }

  /** Asks the disk; false when it does not say. */
  async measure(): Promise<boolean> {
    const { disk, directory, clock, reserveFraction } = this.#settings;
    this.#measured = clock.monotonic();
    this.#spent = 0;
    try {
      this.#reserve = (await disk.totalBytes(directory)) * reserveFraction;
      this.#free = await disk.freeBytes(directory);
      return true;
    } catch {
      // A disk that is in trouble shows it at the next write.
      return false;
    }
  }
}
