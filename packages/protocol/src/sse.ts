/** Server-Sent Events as bytes (WHATWG HTML §9.2): an incremental parser with caps, and the encoder. */
import { asBuffer } from './buffers.ts';
import { LineBuffer } from './line-buffer.ts';

/** What the parser found. */
export type SseItem =
  | {
      readonly kind: 'event';
      /** Event type; `message` when the stream names none. */
      readonly event: string;
      /** The data lines, joined by line feeds. */
      readonly data: Uint8Array;
      /** Last event id at this event; empty when the stream has named none. */
      readonly id: string;
    }
  /** A cap was exceeded; the parser takes no more. */
  | { readonly kind: 'fault'; readonly name: 'line-too-long' | 'event-too-large' };

/** Caps of the parser, in bytes. */
export interface SseLimits {
  readonly maxLineBytes: number;
  /** All data of one event. */
  readonly maxEventBytes: number;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const LINE_BREAK = Buffer.from('\n');
const DATA_FIELD = Buffer.from('data: ');
const EVENT_END = Buffer.from('\n\n');

/** Parses one event stream. What stands after the last blank line when the stream ends is no event, as the standard says. */
export class SseParser {
  readonly #line: LineBuffer;
  readonly #data: LineBuffer;
  #hasData = false;
  #event = '';
  #id = '';
  #isAtStart = true;
  #isAfterReturn = false;
  #isClosed = false;
  #retryMs: number | undefined;

  /**
   * @param limits caps on lines and events
   */
  constructor(limits: SseLimits) {
    this.#line = new LineBuffer(limits.maxLineBytes);
    this.#data = new LineBuffer(limits.maxEventBytes);
  }

  /** Id to resume from, events without data included; empty when the stream has named none. */
  get lastEventId(): string {
    return this.#id;
  }

  /** Reconnection time that the stream asked for, in milliseconds. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk the bytes; data may be a view into it, so it must not change afterwards
   * @returns the events that are complete now; a fault is the last item ever
   */
  push(chunk: Uint8Array): SseItem[] {
    const items: SseItem[] = [];
    let from = 0;
    let feed = chunk.indexOf(LINE_FEED);
    let carriage = chunk.indexOf(CARRIAGE_RETURN);
    while (!this.#isClosed && from < chunk.length) {
      if (this.#isAfterReturn) {
        this.#isAfterReturn = false;
        if (chunk[from] === LINE_FEED) {
          from += 1;
          if (feed < from) feed = chunk.indexOf(LINE_FEED, from);
          continue;
        }
      }
      const end = feed === -1 ? carriage : carriage === -1 ? feed : Math.min(feed, carriage);
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      if (!this.#line.add(part)) {
        this.#close(items, 'line-too-long');
        break;
      }
      if (end === -1) break;
      from = end + 1;
      this.#isAfterReturn = end === carriage;
      if (end === carriage) carriage = chunk.indexOf(CARRIAGE_RETURN, from);
      else feed = chunk.indexOf(LINE_FEED, from);
      this.#finishLine(this.#line.take(), items);
    }
    return items;
  }

  #finishLine(written: Uint8Array, items: SseItem[]): void {
    const line = this.#isAtStart ? withoutByteOrderMark(written) : written;
    this.#isAtStart = false;
    if (line.length === 0) {
      this.#dispatch(items);
      return;
    }
    const colon = line.indexOf(COLON);
    if (colon === 0) return;
    const field = asBuffer(line).toString('utf8', 0, colon === -1 ? line.length : colon);
    const start = colon === -1 ? line.length : line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    const value = line.subarray(start);
    if (field === 'data') {
      const fits = (!this.#hasData || this.#data.add(LINE_BREAK)) && this.#data.add(value);
      this.#hasData = true;
      if (!fits) this.#close(items, 'event-too-large');
    } else if (field === 'event') this.#event = asBuffer(value).toString('utf8');
    else if (field === 'id') {
      if (!value.includes(0)) this.#id = asBuffer(value).toString('utf8');
    } else if (field === 'retry') {
      const text = asBuffer(value).toString('latin1');
      if (/^[0-9]{1,9}$/.test(text)) this.#retryMs = Number(text);
    }
  }

  #dispatch(items: SseItem[]): void {
    const event = this.#event === '' ? 'message' : this.#event;
    this.#event = '';
    if (!this.#hasData) return;
    this.#hasData = false;
    items.push({ kind: 'event', event, data: this.#data.take(), id: this.#id });
  }

  #close(items: SseItem[], name: 'line-too-long' | 'event-too-large'): void {
    this.#isClosed = true;
    this.#line.take();
    this.#data.take();
    items.push({ kind: 'fault', name });
  }
}

function withoutByteOrderMark(line: Uint8Array): Uint8Array {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}

/**
 * Encodes one event.
 *
 * @param data the data, UTF-8; a JSON text with line breaks between its tokens stays the same text
 * @param id event id, for streams that can be resumed
 * @param event event type; absent for `message`
 * @returns the event with the blank line that ends it
 * @throws RangeError when id or type hold a line break or NUL, which would forge fields
 */
export function encodeSseEvent(data: Uint8Array, id?: string, event?: string): Uint8Array {
  const parts: Uint8Array[] = [];
  if (event !== undefined) parts.push(Buffer.from(`event: ${oneLine(event)}\n`));
  if (id !== undefined) parts.push(Buffer.from(`id: ${oneLine(id)}\n`));
  if (!data.includes(LINE_FEED) && !data.includes(CARRIAGE_RETURN)) parts.push(DATA_FIELD, data, EVENT_END);
  else {
    let from = 0;
    for (let pos = 0; pos <= data.length; pos += 1) {
      const byte = data[pos];
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== undefined) continue;
      parts.push(DATA_FIELD, data.subarray(from, pos), LINE_BREAK);
      if (byte === CARRIAGE_RETURN && data[pos + 1] === LINE_FEED) pos += 1;
      from = pos + 1;
    }
    parts.push(LINE_BREAK);
  }
  return Buffer.concat(parts);
}

function oneLine(value: string): string {
  if (/[\0\r\n]/.test(value)) throw new RangeError('an event id or type cannot hold a line break or NUL');
  return value;
}
