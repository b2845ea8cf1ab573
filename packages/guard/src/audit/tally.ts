/** Counts what the trail did not take, until a record has told of it. */
import type { RecordDraft, RecordKind } from './record.ts';

export class Tally {
  #dropped = new Map<string, number>();
  #untold = 0;
  #totalDropped = 0;
  #totalLost = 0;

  /** Records that were not taken, other than intents. */
  get dropped(): number {
    return this.#totalDropped;
  }

  /** Intents whose callers were told that they are not on disk. */
  get lost(): number {
    return this.#totalLost;
  }

  /** Counts a record that was not taken. */
  refuse(kind: RecordKind): void {
    if (kind === 'intent') {
      this.#untold += 1;
      return;
    }
    this.#totalDropped += 1;
    this.#dropped.set(kind, (this.#dropped.get(kind) ?? 0) + 1);
  }

  /** Counts an intent that was taken and could not be written. */
  lose(): void {
    this.#untold += 1;
    this.#totalLost += 1;
  }

  /** A record of everything counted since the last one; `undefined` when there is nothing to tell. */
  tell(): RecordDraft | undefined {
    if (this.#untold === 0 && this.#dropped.size === 0) return undefined;
    const values = { refusedIntents: this.#untold, dropped: Object.fromEntries(this.#dropped) };
    this.#untold = 0;
    this.#dropped = new Map();
    return { kind: 'system', outcome: { status: 'resumed', reason: 'records not taken' }, args: { values } };
  }
}
