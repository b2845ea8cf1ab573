/** Newline framing of the stdio transport: bytes in, complete lines out, with a cap on what is held. */
import { LineBuffer } from './line-buffer.ts';

/** What the framing found. */
export type LineItem =
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  /** A line went over the cap; its bytes are dropped up to the next line feed. */
  | { readonly kind: 'fault'; readonly name: 'line-too-long' };

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Cuts one byte stream into lines. */
export class LineReader {
  readonly #held: LineBuffer;
  #isSkipping = false;

  /**
   * @param maxLineBytes longest line taken, without its line feed
   */
  constructor(maxLineBytes: number) {
    this.#held = new LineBuffer(maxLineBytes);
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk the bytes; lines within it are views into it, so it must not change afterwards
   * @returns the lines that are complete now, without line ends; empty lines are left out
   */
  push(chunk: Uint8Array): LineItem[] {
    const items: LineItem[] = [];
    let from = 0;
    for (let feed = chunk.indexOf(LINE_FEED); feed !== -1; feed = chunk.indexOf(LINE_FEED, from)) {
      this.#hold(chunk.subarray(from, feed), items);
      from = feed + 1;
      if (this.#isSkipping) this.#isSkipping = false;
      else this.#finish(items);
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from), items);
    return items;
  }

  /**
   * Ends the stream.
   *
   * @returns the last line, when the stream ended without a line feed
   */
  end(): LineItem[] {
    const items: LineItem[] = [];
    if (!this.#isSkipping) this.#finish(items);
    this.#isSkipping = false;
    return items;
  }

  #hold(part: Uint8Array, items: LineItem[]): void {
    if (this.#isSkipping || this.#held.add(part)) return;
    this.#isSkipping = true;
    items.push({ kind: 'fault', name: 'line-too-long' });
  }

  #finish(items: LineItem[]): void {
    if (this.#held.size === 0) return;
    const line = this.#held.take();
    const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (end > 0) items.push({ kind: 'line', bytes: end === line.length ? line : line.subarray(0, end) });
  }
}
