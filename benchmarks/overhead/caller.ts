// One caller: a keep-alive connection on a bare socket that sends a call, checks the answer, and tells how long it took.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CallTemplate, type CallShape, type Dialect } from './call-template.ts';
import { HttpReader, type HttpMessage } from './http-reader.ts';

/** Hears what becomes of calls. */
export interface CallerEvents {
  /** A call was answered; `began` is what `call` was given. */
  onAnswer(caller: Caller, began: number): void;
  /** A call failed; the caller can be used again. */
  onError(caller: Caller, what: string): void;
}

/** One connection. */
export class Caller {
  readonly #port: number;
  readonly #dialect: Dialect;
  readonly #events: CallerEvents;
  readonly #reader = new HttpReader();
  #socket: Socket;
  #template: CallTemplate | undefined;
  #session: string | undefined;
  #id = 0;
  #began = 0;
  #take: ((response: HttpMessage | Error) => void) | undefined;
  #isClosed = false;

  constructor(port: number, dialect: Dialect, events: CallerEvents) {
    this.#port = port;
    this.#dialect = dialect;
    this.#events = events;
    this.#socket = this.#connect();
  }

  /** Makes ready to call: begins a session where the dialect has one. */
  async open(shape: CallShape, turn: number): Promise<void> {
    if (this.#dialect.era === 'legacy') await this.#initialize(shape.keys[0]);
    this.#template = new CallTemplate(this.#port, this.#dialect, shape, turn, this.#session);
  }

  /** Sends the next call. */
  call(id: number, began: number): void {
    const template = this.#template;
    if (template === undefined) throw new Error('the caller is not open');
    this.#id = id;
    this.#began = began;
    template.next(id);
    this.#socket.write(template.bytes);
  }

  /** Ends the session and the connection. */
  async close(): Promise<void> {
    if (this.#session !== undefined && !this.#socket.destroyed) {
      await this.#exchange(`DELETE ${this.#dialect.path} HTTP/1.1`, [`Mcp-Session-Id: ${this.#session}`], '').catch(
        () => undefined,
      );
    }
    this.#isClosed = true;
    this.#socket.destroy();
  }

  /** Cuts the connection and leaves the session open. */
  abandon(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #connect(): Socket {
    const { tls } = this.#dialect;
    const place = { host: '127.0.0.1', port: this.#port };
    const socket = tls === undefined ? connect({ ...place, noDelay: true }) : connectTls({ ...place, ...tls });
    socket.on('data', (chunk: Buffer) => {
      const response = this.#reader.push(chunk);
      if (response !== undefined) this.#receive(response);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#isClosed) return;
      this.#socket = this.#connect();
      this.#take?.(new Error('the connection ended'));
      if (this.#id !== 0) this.#fail('the connection ended');
    });
    return socket;
  }

  #receive(response: HttpMessage): void {
    if (this.#take !== undefined) {
      this.#take(response);
      return;
    }
    const id = this.#id;
    if (!isOk(response) || this.#template?.isAnswer(response.body, id) !== true) {
      this.#fail(`${firstLine(response)} ${response.body.toString('utf8', 0, 300)}`);
      return;
    }
    this.#id = 0;
    this.#events.onAnswer(this, this.#began);
  }

  #fail(what: string): void {
    this.#id = 0;
    this.#events.onError(this, what);
  }

  async #initialize(key: string | undefined): Promise<void> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'load', version: '1.0.0' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const post = `POST ${this.#dialect.path} HTTP/1.1`;
    const credential = key === undefined ? [] : [`Authorization: Bearer ${key}`];
    const answer = await this.#exchange(post, credential, body);
    if (!isOk(answer)) throw new Error(`initialize: ${firstLine(answer)} ${answer.body.toString('utf8', 0, 300)}`);
    this.#session = /\r\nmcp-session-id: *([^\r\n]+)/i.exec(answer.head)?.[1];
    const session = this.#session === undefined ? [] : [`Mcp-Session-Id: ${this.#session}`];
    const ready = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await this.#exchange(post, [...credential, ...session, 'MCP-Protocol-Version: 2025-11-25'], ready);
  }

  #exchange(first: string, headers: readonly string[], body: string): Promise<HttpMessage> {
    const lines = [
      first,
      `Host: 127.0.0.1:${this.#port}`,
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      ...headers,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take?.(new Error(`no answer to ${first}`)), 20_000);
      this.#take = (response) => {
        clearTimeout(timer);
        this.#take = undefined;
        if (response instanceof Error) reject(response);
        else resolve(response);
      };
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
    });
  }
}

function isOk({ head }: HttpMessage): boolean {
  return head.startsWith('HTTP/1.1 200');
}

function firstLine({ head }: HttpMessage): string {
  return head.slice(0, Math.max(0, head.indexOf('\r\n')));
}
