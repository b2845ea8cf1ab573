/** JSON-RPC envelopes that the gateway itself writes towards upstreams. Params and answers are spliced in as bytes. */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

const frame = (head: string, body: Uint8Array | undefined, tail: string): Buffer => {
  const headBytes = Buffer.byteLength(head);
  const bodyBytes = body === undefined ? 0 : body.byteLength;
  const message = Buffer.allocUnsafe(headBytes + bodyBytes + tail.length);
  message.write(head, 0, 'utf8');
  if (body !== undefined) message.set(body, headBytes);
  message.write(tail, headBytes + bodyBytes, 'latin1');
  return message;
};

/** Returns the bytes of a request. `params` are the bytes of the params object. */
export const encodeRequest = (id: number, method: string, params: Uint8Array | undefined): Buffer =>
  params === undefined
    ? frame(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}}`, undefined, '')
    : frame(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":`, params, '}');

/** Returns the bytes of a notification. */
export const encodeNotification = (method: string, params: Uint8Array | undefined): Buffer =>
  params === undefined
    ? frame(`{"jsonrpc":"2.0","method":${JSON.stringify(method)}}`, undefined, '')
    : frame(`{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":`, params, '}');

/** Returns the bytes of the answer to a request that a server made. `body` are the bytes of its result or error. */
export const encodeResponse = (id: string | number, kind: 'result' | 'error', body: Uint8Array): Buffer =>
  frame(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"${kind}":`, body, '}');

/** Returns the UTF-8 bytes of a value's JSON. */
export const encodeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/**
 * Returns a message as one line. Line breaks in JSON can only be white space between tokens, so each becomes a space.
 *
 * @param message - a JSON message that this process wrote; changed in place where it holds line breaks
 */
export const toLine = (message: Buffer): Buffer => {
  for (const breakByte of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = message.indexOf(breakByte); at !== -1; at = message.indexOf(breakByte, at + 1)) message[at] = SPACE;
  }
  const line = Buffer.allocUnsafe(message.length + 1);
  line.set(message, 0);
  line[message.length] = LINE_FEED;
  return line;
};
