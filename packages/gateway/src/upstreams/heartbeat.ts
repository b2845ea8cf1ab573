/** Whether the other side of a connection is still there: after a quiet time it is asked, and after another it is gone. */
import type { Timer, Timers } from './ports.ts';

/** What to do about a connection that has gone quiet. */
export interface HeartbeatActions {
  /** Nothing has come for some time: have the other side say something. */
  onQuiet(): void;
  /** Nothing has come since; called at most once. */
  onDead(): void;
}

/** Watches one connection. */
export class Heartbeat {
  readonly #timers: Timers;
  readonly #everyMs: number;
  readonly #actions: HeartbeatActions;
  #timer: Timer | undefined;
  #hasHeard = true;
  #hasAsked = false;

  /** @param everyMs how long a connection may be quiet, milliseconds; it is gone after two to three times as long */
  constructor(timers: Timers, everyMs: number, actions: HeartbeatActions) {
    this.#timers = timers;
    this.#everyMs = everyMs;
    this.#actions = actions;
  }

  /** Begins to watch. */
  start(): void {
    this.#timer = this.#timers.after(this.#everyMs, () => this.#look());
  }

  /** Something came from the other side. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** Ends the watch. */
  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    if (!this.#hasHeard && this.#hasAsked) {
      this.#actions.onDead();
      return;
    }
    this.#hasAsked = !this.#hasHeard;
    this.#hasHeard = false;
    this.start();
    if (this.#hasAsked) this.#actions.onQuiet();
  }
}
