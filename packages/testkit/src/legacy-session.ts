/** A legacy session (2025-11-25 and older) over Streamable HTTP, from initialize to DELETE, without the SDK. */

import { readEvents } from './sse.ts';
import { open, post } from './http-client.ts';
import type { HttpAnswer, OnMessage, WireMessage } from './http-client.ts';

/** How to begin a session. */
export interface LegacyOptions {
  /** API key, sent as bearer token; none by default. */
  readonly key?: string;
  /** `2025-11-25` by default. */
  readonly revision?: string;
  /** Client capabilities; none by default. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers requests that the server sends; without it they stay unanswered. */
  readonly answer?: (request: WireMessage) => Readonly<Record<string, unknown>> | undefined;
}

/** An open standalone stream. */
export interface LegacyStream {
  readonly messages: AsyncGenerator<WireMessage>;
  close(): void;
}

/** A session; made by `LegacySession.open`. */
export class LegacySession {
  readonly url: string;
  readonly id: string | undefined;
  /** What initialize answered. */
  readonly initialized: HttpAnswer;
  readonly #options: LegacyOptions;
  #lastId = 0;

  private constructor(url: string, options: LegacyOptions, initialized: HttpAnswer) {
    this.url = url;
    this.#options = options;
    this.initialized = initialized;
    this.id = initialized.headers['mcp-session-id'];
  }

  /**
   * Sends initialize and notifications/initialized.
   * @param url endpoint.
   */
  static async open(url: string, options: LegacyOptions = {}): Promise<LegacySession> {
    const { revision = '2025-11-25', capabilities = {}, key, headers = {} } = options;
    const params = { protocolVersion: revision, capabilities, clientInfo: { name: 'testkit', version: '1.0.0' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const credentials = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const session = new LegacySession(url, options, await post(url, body, { headers: { ...credentials, ...headers } }));
    if (session.initialized.response?.result !== undefined) await session.notify('notifications/initialized');
    return session;
  }

  /** Headers of every request of this session. */
  headers(): Record<string, string> {
    const { key, headers = {} } = this.#options;
    const agreed = this.initialized.response?.result?.['protocolVersion'];
    return {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(this.id === undefined ? {} : { 'mcp-session-id': this.id }),
      ...(typeof agreed === 'string' ? { 'mcp-protocol-version': agreed } : {}),
      ...headers,
    };
  }

  /**
   * Sends a request and waits for its answer.
   * @param id JSON-RPC id; counted up by default.
   */
  request(
    method: string,
    params?: Readonly<Record<string, unknown>>,
    { id, onMessage, signal }: { id?: string | number; onMessage?: OnMessage; signal?: AbortSignal } = {},
  ): Promise<HttpAnswer> {
    this.#lastId += 1;
    const message = { jsonrpc: '2.0', id: id ?? this.#lastId, method, ...(params === undefined ? {} : { params }) };
    return this.send(JSON.stringify(message), {
      onMessage: (received) => {
        onMessage?.(received);
        void this.#answer(received);
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Sends a notification; the answer should be 202. */
  notify(method: string, params?: Readonly<Record<string, unknown>>): Promise<HttpAnswer> {
    return this.send(JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }));
  }

  /** Sends a body as it is, within this session. */
  send(body: string | Uint8Array, options: { onMessage?: OnMessage; signal?: AbortSignal } = {}): Promise<HttpAnswer> {
    return post(this.url, body, { headers: this.headers(), ...options });
  }

  /** Opens the standalone stream (GET). */
  async stream(): Promise<LegacyStream> {
    const response = await open(this.url, undefined, {
      method: 'GET',
      headers: { ...this.headers(), accept: 'text/event-stream' },
    });
    if (response.statusCode !== 200) throw new Error(`GET answered ${response.statusCode}`);
    const answer = (message: WireMessage) => void this.#answer(message);
    async function* messages(): AsyncGenerator<WireMessage> {
      for await (const event of readEvents(response)) {
        // An event without data only names an id to come back with.
        if (event.data === '') continue;
        const message = JSON.parse(event.data) as WireMessage;
        answer(message);
        yield message;
      }
    }
    return { messages: messages(), close: () => void response.destroy() };
  }

  /** Ends the session with DELETE. */
  async close(): Promise<number> {
    const response = await open(this.url, undefined, { method: 'DELETE', headers: this.headers() });
    response.resume();
    return response.statusCode ?? 0;
  }

  async #answer(message: WireMessage): Promise<void> {
    if (message.method === undefined || message.id === undefined || this.#options.answer === undefined) return;
    const result = this.#options.answer(message);
    if (result !== undefined) await this.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  }
}
