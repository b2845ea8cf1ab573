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
    for (const item of this.read(chunk)) items.push(item);
    return items;
  }

  /**
   * Takes the next bytes as `push` does, a line at a time, so that the taker can pause between two lines. What it gives
   * must be taken to its end before the next bytes.
   *
   * @param chunk the bytes; lines within it are views into it, so it must not change afterwards
   */
  *read(chunk: Uint8Array): Generator<LineItem, undefined> {
    let from = 0;
    for (let feed = chunk.indexOf(LINE_FEED); feed !== -1; feed = chunk.indexOf(LINE_FEED, from)) {
      if (this.#isEmpty(chunk, from, feed)) {
        from = feed + 1;
        continue;
      }
      const fault = this.#hold(chunk.subarray(from, feed));
      from = feed + 1;
      const item = fault ?? (this.#isSkipping ? undefined : this.#finish());
      this.#isSkipping = false;
      if (item !== undefined) yield item;
    }
    if (from === chunk.length) return undefined;
    const fault = this.#hold(chunk.subarray(from));
    if (fault !== undefined) yield fault;
    return undefined;
  }

  /**
   * Ends the stream.
   *
   * @returns the last line, when the stream ended without a line feed
   */
  end(): LineItem[] {
    const item = this.#isSkipping ? undefined : this.#finish();
    this.#isSkipping = false;
    return item === undefined ? [] : [item];
  }

  /** Tells whether nothing stands in a line, without any cost for those who send only line ends. */
  #isEmpty(chunk: Uint8Array, from: number, feed: number): boolean {
    if (this.#isSkipping || this.#held.size > 0) return false;
    return feed === from || (feed === from + 1 && chunk[from] === CARRIAGE_RETURN);
  }

  #hold(part: Uint8Array): LineItem | undefined {
    if (this.#isSkipping || this.#held.add(part)) return undefined;
    this.#isSkipping = true;
    return { kind: 'fault', name: 'line-too-long' };
  }

  #finish(): LineItem | undefined {
    if (this.#held.size === 0) return undefined;
    const line = this.#held.take();
    const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (end === 0) return undefined;
    return { kind: 'line', bytes: end === line.length ? line : line.subarray(0, end) };
  }
}
