/** Cancellation without the cost of an AbortController on each request. */
import type { Cancellation } from './ports.ts';

/** The side that cancels. */
export interface Canceller extends Cancellation {
  /** Cancels once; later calls do nothing. */
  cancel(reason: string): void;
}

/** Makes a cancellation that nobody has asked for yet. */
export function createCanceller(): Canceller {
  return new OneTimeCanceller();
}

class OneTimeCanceller implements Canceller {
  reason: string | undefined = undefined;
  private listeners: Array<(reason: string) => void> | undefined = undefined;

  get isCancelled(): boolean {
    return this.reason !== undefined;
  }

  cancel(reason: string): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    const waiting = this.listeners;
    this.listeners = undefined;
    if (waiting !== undefined) for (const listener of waiting) listener(reason);
  }

  subscribe(listener: (reason: string) => void): () => void {
    if (this.reason !== undefined) {
      listener(this.reason);
      return forgetNothing;
    }
    this.listeners ??= [];
    this.listeners.push(listener);
    return () => {
      const at = this.listeners?.indexOf(listener) ?? -1;
      if (at >= 0) this.listeners?.splice(at, 1);
    };
  }
}

function forgetNothing(): void {}
