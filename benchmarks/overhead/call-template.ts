// The bytes of one caller's tools/call. Ids, marks, keys and tool names have fixed lengths, so a call is made by writing
// over a few places of one buffer.
import { toolName } from './echo.ts';

/** How an arm wants to be called. */
export interface Dialect {
  readonly era: 'modern' | 'legacy';
  /** Path of the endpoint. */
  readonly path: string;
  /** What stands before a tool's name. */
  readonly prefix: string;
  /** What a connection with TLS needs, PEM texts; absent for plain TCP. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

/** What calls are like. */
export interface CallShape {
  /** Bytes of the body, at the least what a call needs. */
  readonly bytes: number;
  readonly tools: number;
  /** API keys, used in turn; none sends no Authorization. */
  readonly keys: readonly string[];
  /** Default: a tools/call. `list` asks for all tools instead, which takes no text. */
  readonly request?: 'call' | 'list';
}

/** Ids have nine digits. */
export const firstId = 100_000_000;

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

const idPlace = '"id":';
const markPlace = '"text":"m';

/** One caller's request, written over for each call. */
export class CallTemplate {
  readonly bytes: Buffer;
  readonly #idAt: number;
  readonly #markAt: number;
  readonly #keyAt: number;
  readonly #isList: boolean;
  readonly #nameAts: readonly number[];
  readonly #keys: readonly Buffer[];
  readonly #names: readonly Buffer[];
  #turn: number;

  /**
   * @param turn - where in the lists of keys and tools this caller begins
   * @param session - legacy session, where the server gave one
   */
  constructor(port: number, dialect: Dialect, shape: CallShape, turn: number, session: string | undefined) {
    const name = `${dialect.prefix}${toolName(0)}`;
    const isList = shape.request === 'list';
    const body = isList ? encodeList(dialect) : encodeBody(dialect, shape.bytes, name);
    this.#isList = isList;
    const headers = [
      `POST ${dialect.path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      ...(dialect.era === 'modern'
        ? [
            'MCP-Protocol-Version: 2026-07-28',
            ...(isList ? ['Mcp-Method: tools/list'] : ['Mcp-Method: tools/call', `Mcp-Name: ${name}`]),
          ]
        : ['MCP-Protocol-Version: 2025-11-25']),
      ...(session === undefined ? [] : [`Mcp-Session-Id: ${session}`]),
      ...(shape.keys.length === 0 ? [] : [`Authorization: Bearer ${shape.keys[0] ?? ''}`]),
      `Content-Length: ${body.length}`,
    ];
    this.bytes = Buffer.from(`${headers.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    const bodyAt = this.bytes.length - body.length;
    this.#idAt = this.bytes.indexOf(idPlace, bodyAt) + idPlace.length;
    this.#markAt = this.bytes.indexOf(markPlace, bodyAt) + markPlace.length;
    this.#keyAt = this.bytes.indexOf('Bearer ') + 'Bearer '.length;
    this.#nameAts = isList ? [] : placesOf(this.bytes, name).map((place) => place + dialect.prefix.length);
    this.#keys = shape.keys.map((key) => Buffer.from(key, 'latin1'));
    this.#names = Array.from({ length: shape.tools }, (_, index) => Buffer.from(toolName(index), 'latin1'));
    this.#turn = turn;
  }

  /** Whether a body is the answer to the call with this id. */
  isAnswer(body: Buffer, id: number): boolean {
    return this.#isList ? isListAnswer(body, id) : isCallAnswer(body, id);
  }

  /** Makes the bytes those of the next call. */
  next(id: number): void {
    this.#turn += 1;
    const digits = String(id);
    this.bytes.write(digits, this.#idAt, 'latin1');
    if (!this.#isList) this.bytes.write(digits, this.#markAt, 'latin1');
    const key = this.#keys.length > 1 ? this.#keys[this.#turn % this.#keys.length] : undefined;
    key?.copy(this.bytes, this.#keyAt);
    const name = this.#names.length > 1 ? this.#names[this.#turn % this.#names.length] : undefined;
    if (name !== undefined) for (const place of this.#nameAts) name.copy(this.bytes, place);
  }
}

/** Whether a body is the answer to the call with this id: its id and its mark, and no error. */
function isCallAnswer(body: Buffer, id: number): boolean {
  return (
    body.includes(`"id":${id}`) &&
    body.includes(`"m${id}`) &&
    !body.includes('"error":') &&
    !body.includes('"isError":true')
  );
}

/** Whether a body is a list with tools in it, under this id. What is long is not looked through. */
function isListAnswer(body: Buffer, id: number): boolean {
  const head = body.toString('latin1', 0, 200);
  return head.includes(`"id":${id}`) && head.includes('"tools":[{');
}

function encodeList(dialect: Dialect): string {
  const params = dialect.era === 'modern' ? { params: { _meta: envelope } } : {};
  return JSON.stringify({ jsonrpc: '2.0', id: firstId, method: 'tools/list', ...params });
}

function encodeBody(dialect: Dialect, bytes: number, name: string): string {
  const make = (padding: number): string =>
    JSON.stringify({
      jsonrpc: '2.0',
      id: firstId,
      method: 'tools/call',
      params: {
        name,
        arguments: { text: `m${firstId}${'x'.repeat(padding)}`, count: 3, mode: 'exact', tags: ['a', 'b'] },
        ...(dialect.era === 'modern' ? { _meta: envelope } : {}),
      },
    });
  return make(Math.max(0, bytes - make(0).length));
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
