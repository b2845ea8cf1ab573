/** The servers of the matrix: one of every kind, each of one era only, that do whatever a step of the journey needs. */

import { randomUUID } from 'node:crypto';
import {
  startRecordingSocket,
  startRecordingSse,
  startRecordingStdio,
  startRecordingUpstream,
  waitFor,
} from '@sallyport/testkit';
import type { Outcome, Playing, RecordedRequest, Recording, RecordingOptions, UpstreamCall } from '@sallyport/testkit';
import type { Era } from '@sallyport/protocol';

type Json = Readonly<Record<string, unknown>>;

/** A server that the journeys go to. */
export interface MatrixServer {
  readonly era: Era;
  /** Where it is, for the configuration. */
  readonly entry: Json;
  /** Tells whoever subscribed to a resource that it has changed. */
  touch(uri: string): void;
  /** Marks of the calls of `wait` that have come in. */
  readonly begun: ReadonlySet<string>;
  /** Marks of those whose end it has heard of, in the way of its transport and era. */
  readonly cancelled: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Tools, in the order of the list. */
export const toolNames = ['ask', 'big', 'count', 'echo', 'fail', 'think', 'wait'] as const;

/** How much text `big` answers with, bytes. */
export const bigSize = 1024 * 1024;

const big = 'x'.repeat(bigSize);
const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {} };
const serverInfo = { name: 'matrix', version: '1.0.0' };
const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

/** What the server asks its caller, and how its tool ends with the answer. */
const questions: Readonly<Record<string, (mark: string) => Json>> = {
  ask: (mark) => ({
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: `Who is ${mark}?`,
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    },
  }),
  think: (mark) => ({
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: `What of ${mark}?` } }], maxTokens: 10 },
  }),
};

type Listener = (uri: string) => void;

/** What one server has heard, and what it answers. */
class Behaviour {
  readonly begun = new Set<string>();
  readonly cancelled = new Set<string>();
  readonly #era: Era;
  readonly #requests: () => readonly RecordedRequest[];
  readonly #listeners = new Map<string, Listener>();
  #asked = 0;

  constructor(era: Era, requests: () => readonly RecordedRequest[]) {
    this.#era = era;
    this.#requests = requests;
  }

  readonly script: NonNullable<RecordingOptions['script']> = (call) => {
    // What speaks another era is refused as a server refuses that does not know it.
    if (call.era !== this.#era) return undefined;
    switch (call.method) {
      case 'initialize': {
        const result = { protocolVersion: call.params['protocolVersion'], capabilities, serverInfo };
        return { kind: 'result', result, headers: { 'mcp-session-id': randomUUID() } };
      }
      case 'server/discover': {
        const result = { supportedVersions: ['2026-07-28'], capabilities, ttlMs: 60_000, cacheScope: 'private' };
        return { kind: 'result', result: this.#complete(result) };
      }
      case 'resources/read':
        return call.name === 'test://absent' ? this.#absent(call.name) : undefined;
      case 'resources/subscribe':
      case 'resources/unsubscribe':
      case 'subscriptions/listen':
        return { kind: 'play', play: (playing) => this.#listen(call, playing) };
      case 'tools/call':
        return call.name === 'echo' ? undefined : { kind: 'play', play: (playing) => this.#run(call, playing) };
      default:
        return undefined;
    }
  };

  touch(uri: string): void {
    for (const listener of this.#listeners.values()) listener(uri);
  }

  #complete(result: Json): Json {
    return this.#era === 'modern' ? { resultType: 'complete', ...result } : result;
  }

  #text(text: string): Outcome {
    return { kind: 'result', result: this.#complete({ content: [{ type: 'text', text }] }) };
  }

  #absent(uri: string): Outcome {
    const code = this.#era === 'modern' ? -32_602 : -32_002;
    return { kind: 'error', error: { code, message: 'Resource not found', data: { uri } } };
  }

  async #run(call: UpstreamCall, playing: Playing): Promise<Outcome> {
    const mark = String((call.params['arguments'] as Json | undefined)?.['mark']);
    switch (call.name) {
      case 'big':
        return this.#text(`${mark}${big}`);
      case 'fail': {
        const content = [{ type: 'text', text: `${mark} cannot be done` }];
        return { kind: 'result', result: this.#complete({ content, isError: true }) };
      }
      case 'count':
        for (const progress of [1, 2, 3]) {
          const params = { progressToken: call.meta['progressToken'], progress, total: 3 };
          playing.send({ jsonrpc: '2.0', method: 'notifications/progress', params });
        }
        return this.#text(mark);
      case 'wait':
        this.begun.add(mark);
        await this.#isCancelled(call, playing.signal);
        this.cancelled.add(mark);
        return this.#text(mark);
      default: {
        const question = questions[call.name ?? '']?.(mark);
        if (question === undefined) return { kind: 'error', error: { code: -32_602, message: 'Unknown tool' } };
        return this.#era === 'modern' ? this.#askInRounds(call, question) : await this.#ask(call, question, playing);
      }
    }
  }

  #askInRounds({ params }: UpstreamCall, question: Json): Outcome {
    const answer = (params['inputResponses'] as Json | undefined)?.['key'];
    if (answer !== undefined && params['requestState'] === 'state') return this.#text(JSON.stringify(answer));
    const result = { resultType: 'input_required', inputRequests: { key: question }, requestState: 'state' };
    return { kind: 'result', result };
  }

  async #ask(call: UpstreamCall, question: Json, { send }: Playing): Promise<Outcome> {
    const id = `question-${(this.#asked += 1)}`;
    send({ jsonrpc: '2.0', id, ...question });
    const { message } = await waitFor(
      () => this.#requests().find((each) => each.method === undefined && each.message['id'] === id),
      { what: `the answer to ${call.name}`, everyMs: 5 },
    );
    return this.#text(JSON.stringify(message['result'] ?? message['error']));
  }

  /** Over HTTP a modern call ends with its connection; everywhere else it is called off by name. */
  async #isCancelled(call: UpstreamCall, signal: AbortSignal): Promise<void> {
    const from = this.#requests().length;
    const isSame = ({ headers, path }: RecordedRequest): boolean =>
      path === call.request.path && headers['mcp-session-id'] === call.request.headers['mcp-session-id'];
    await waitFor(
      () =>
        (this.#era === 'modern' && call.request.httpMethod === 'POST' && signal.aborted) ||
        this.#requests()
          .slice(from)
          .some((each) => {
            const { requestId } = (each.message['params'] ?? {}) as { readonly requestId?: unknown };
            return each.method === 'notifications/cancelled' && requestId === call.id && isSame(each);
          }),
      { what: 'the end of a call', everyMs: 5 },
    );
  }

  async #listen(call: UpstreamCall, { send, say, signal }: Playing): Promise<Outcome> {
    const conversation = call.request.headers['mcp-session-id'] ?? call.request.path;
    const key = `${conversation} ${this.#era === 'modern' ? call.id : call.name}`;
    const notify = (method: string, params: Json): Json => ({ jsonrpc: '2.0', method, params });
    if (this.#era === 'legacy') {
      const { name } = call;
      if (call.method === 'resources/unsubscribe') this.#listeners.delete(key);
      else {
        this.#listeners.set(key, (uri) => {
          if (uri === name) say(notify('notifications/resources/updated', { uri }));
        });
      }
      return { kind: 'result', result: {} };
    }
    const notifications = call.params['notifications'] as Json;
    const _meta = { [subscriptionKey]: call.id };
    send(notify('notifications/subscriptions/acknowledged', { notifications, _meta }));
    this.#listeners.set(key, (uri) => {
      const wanted = notifications['resourceSubscriptions'];
      if (Array.isArray(wanted) && wanted.includes(uri))
        send(notify('notifications/resources/updated', { uri, _meta }));
    });
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    this.#listeners.delete(key);
    return { kind: 'result', result: this.#complete({ _meta }) };
  }
}

/** How a kind of server is started, and what the configuration says of it. */
type Carrier = (options: RecordingOptions & { readonly era: Era }) => Promise<Started>;
type Started = Pick<Recording, 'requests' | 'close'> & { readonly entry: Json };

const atUrl = (server: Recording): Started => ({
  entry: { url: server.url },
  requests: server.requests,
  close: () => server.close(),
});

const carriers = {
  http: async (options) => atUrl(await startRecordingUpstream({ ...options, hasStreams: options.era === 'legacy' })),
  sse: async (options) => atUrl(await startRecordingSse(options)),
  websocket: async (options) => atUrl(await startRecordingSocket(options)),
  stdio: async (options) => {
    const server = await startRecordingStdio(options);
    return { entry: { command: server.command }, requests: server.requests, close: () => server.close() };
  },
} satisfies Readonly<Record<string, Carrier>>;

/** Every server by its name in the configuration. That over WebSocket is there in both eras. */
export const serverKinds = {
  'http-modern': ['http', 'modern'],
  'http-legacy': ['http', 'legacy'],
  'stdio-modern': ['stdio', 'modern'],
  'stdio-legacy': ['stdio', 'legacy'],
  sse: ['sse', 'legacy'],
  'websocket-modern': ['websocket', 'modern'],
  'websocket-legacy': ['websocket', 'legacy'],
} as const satisfies Readonly<Record<string, readonly [keyof typeof carriers, Era]>>;

/** A server's name. */
export type ServerName = keyof typeof serverKinds;

/** Starts one. */
export async function startServer(name: ServerName): Promise<MatrixServer> {
  const [kind, era] = serverKinds[name];
  let requests: readonly RecordedRequest[] = [];
  const behaviour = new Behaviour(era, () => requests);
  const tools = toolNames.map((tool) => ({ name: tool }));
  const started = await carriers[kind]({ era, tools, script: behaviour.script });
  ({ requests } = started);
  return {
    era,
    entry: started.entry,
    touch: (uri) => behaviour.touch(uri),
    begun: behaviour.begun,
    cancelled: behaviour.cancelled,
    close: () => started.close(),
  };
}
