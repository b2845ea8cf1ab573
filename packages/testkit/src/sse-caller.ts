/** A caller of the HTTP+SSE transport of 2024-11-05, without the SDK. */

import type { IncomingMessage } from 'node:http';
import { open, post, type HttpAnswer, type WireMessage } from './http-client.ts';
import { readEvents } from './sse.ts';
import { waitFor } from './wait.ts';

/** How to open the stream. */
export interface SseCallerOptions {
  /** API key, sent as bearer token; none by default. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An open stream, or the answer of a server that did not open one. */
export interface SseCaller {
  readonly status: number;
  /** Where messages are posted to; absolute. */
  readonly endpoint: string;
  /** The endpoint as the server named it. */
  readonly named: string;
  readonly messages: readonly WireMessage[];
  /** Posts one message; `init` overrides what goes with it. */
  say(message: object, init?: { readonly endpoint?: string; readonly key?: string | undefined }): Promise<HttpAnswer>;
  /** Waits for the answer to a request. */
  answerTo(id: string | number): Promise<WireMessage>;
  readonly isClosed: boolean;
  close(): void;
}

/** Opens the stream at a URL. */
export async function openSse(url: string, options: SseCallerOptions = {}): Promise<SseCaller> {
  const credentials = (key: string | undefined) => (key === undefined ? {} : { authorization: `Bearer ${key}` });
  const response = await open(url, undefined, {
    method: 'GET',
    headers: { accept: 'text/event-stream', ...credentials(options.key), ...options.headers },
  });
  const messages: WireMessage[] = [];
  const state = { named: '', isClosed: false };
  const status = response.statusCode ?? 0;
  void listen(response, messages, state);
  if (status === 200) await waitFor(() => state.named !== '', { what: 'the endpoint event' });
  return {
    status,
    endpoint: new URL(state.named, url).href,
    named: state.named,
    messages,
    say(message, { endpoint = new URL(state.named, url).href, ...init } = {}) {
      const key = 'key' in init ? init.key : options.key;
      return post(endpoint, JSON.stringify({ jsonrpc: '2.0', ...message }), { headers: credentials(key) });
    },
    answerTo: (id) =>
      waitFor(() => messages.find((message) => message.id === id && message.method === undefined), {
        what: `the answer to ${id}`,
      }),
    get isClosed() {
      return state.isClosed;
    },
    close: () => void response.destroy(),
  };
}

async function listen(
  response: IncomingMessage,
  messages: WireMessage[],
  state: { named: string; isClosed: boolean },
): Promise<void> {
  try {
    for await (const { event, data } of readEvents(response)) {
      if (event === 'endpoint') state.named = data;
      else messages.push(JSON.parse(data) as WireMessage);
    }
  } catch {
    // A connection that breaks is as closed as one that ends.
  }
  state.isClosed = true;
}
