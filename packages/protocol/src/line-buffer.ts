/** Bytes of one line that arrives in pieces. Many small pieces cost neither a copy of the whole each nor an object each. */

const FIRST_CAPACITY = 1024;

/** Gathers pieces up to a limit. */
export class LineBuffer {
  readonly #limit: number;
  /** The only piece so far, or a buffer of our own that later pieces are copied into. */
  #bytes: Uint8Array = new Uint8Array(0);
  #isOwn = false;
  #size = 0;

  /**
   * @param limit most bytes to keep
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes gathered so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a piece.
   *
   * @param piece the bytes; a first piece is kept, later ones are copied
   * @returns false, with everything forgotten, when the limit would be exceeded
   */
  add(piece: Uint8Array): boolean {
    const size = this.#size + piece.length;
    if (size > this.#limit) {
      this.take();
      return false;
    }
    if (piece.length === 0) return true;
    if (this.#size === 0) {
      this.#bytes = piece;
      this.#isOwn = false;
    } else {
      if (!this.#isOwn || size > this.#bytes.length) this.#grow(size);
      this.#bytes.set(piece, this.#size);
    }
    this.#size = size;
    return true;
  }

  /**
   * Gives the bytes so far and forgets them.
   *
   * @returns the pieces as one
   */
  take(): Uint8Array {
    const whole = this.#bytes.subarray(0, this.#size);
    this.#bytes = new Uint8Array(0);
    this.#isOwn = false;
    this.#size = 0;
    return whole;
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(FIRST_CAPACITY, size, Math.min(2 * size, this.#limit)));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
    this.#isOwn = true;
  }
}
