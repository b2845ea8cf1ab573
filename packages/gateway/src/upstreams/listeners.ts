/** A set of callbacks. One that throws must not keep the others from hearing, so its error goes to the process. */

/** Callbacks that hear the same values. */
export class Listeners<Value> {
  readonly #listeners = new Set<(value: Value) => void>();

  /** Adds a callback. Returns a function that removes it. */
  add(listener: (value: Value) => void): () => void {
    const entry = (value: Value): void => listener(value);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Calls every callback. */
  emit(value: Value): void {
    for (const listener of this.#listeners) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
