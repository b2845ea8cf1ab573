/**
 * What is in flight, by id. Not a Map or a Set: V8 chains their outgrown tables to the next, and once a collection has
 * moved one of them to the old generation, steady adding and deleting drags every finished request there after it.
 */

/** Values in flight by their whole-numbered ids. */
export class InFlight<Value> {
  readonly #values: Record<number, Value> = Object.create(null) as Record<number, Value>;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Value | undefined {
    return this.#values[id];
  }

  /** Adds a value; its id must not be in flight. */
  add(id: number, value: Value): void {
    this.#values[id] = value;
    this.#size += 1;
  }

  /** Takes a value out, if it is there. */
  delete(id: number): boolean {
    if (this.#values[id] === undefined) return false;
    // oxlint-disable-next-line typescript/no-dynamic-delete -- a table of its own, and Reflect would leave the fast path
    delete this.#values[id];
    this.#size -= 1;
    return true;
  }

  /** All values, oldest id first; a copy. */
  values(): Value[] {
    return Object.values(this.#values);
  }
}
