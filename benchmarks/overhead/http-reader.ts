// Reads HTTP/1.1 messages from a socket's chunks: just what the two ends of this benchmark send, with as little work as
// possible, because both ends share one core.

/** One whole request or response. */
export interface HttpMessage {
  /** First line and header fields as sent, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

const endOfHead = Buffer.from('\r\n\r\n');
const lineBreak = Buffer.from('\r\n');
const nothing = Buffer.alloc(0);

/** Collects chunks until a message is whole; the other side sends the next only after ours. */
export class HttpReader {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that the whole message takes; undefined until the head is there, and always for chunked bodies. */
  #needed: number | undefined;

  /**
   * Takes a chunk.
   *
   * @returns the message when this chunk was its last
   */
  push(chunk: Buffer): HttpMessage | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#needed !== undefined && this.#length < this.#needed) return undefined;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    const message = this.#read(bytes);
    this.#chunks = message === undefined ? [bytes] : [];
    if (message !== undefined) {
      this.#length = 0;
      this.#needed = undefined;
    }
    return message;
  }

  #read(bytes: Buffer): HttpMessage | undefined {
    const end = bytes.indexOf(endOfHead);
    if (end < 0) return undefined;
    const head = bytes.toString('latin1', 0, end);
    const start = end + endOfHead.length;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#needed = start + Number(length);
      return bytes.length < this.#needed ? undefined : { head, body: bytes.subarray(start, this.#needed) };
    }
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { head, body: nothing };
    const body = readChunks(bytes, start);
    return body === undefined ? undefined : { head, body };
  }
}

/** The body of a chunked message; undefined while its last chunk is missing. */
function readChunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const end = bytes.indexOf(lineBreak, at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    const next = end + lineBreak.length + size + lineBreak.length;
    if (bytes.length < next) return undefined;
    if (size === 0) return parts.length === 1 ? parts[0] : Buffer.concat(parts);
    parts.push(bytes.subarray(end + lineBreak.length, end + lineBreak.length + size));
    at = next;
  }
}
