/** A caller of the matrix: what the steps of the journey need, said in the caller's era over its line. */

import { waitFor } from '@sallyport/testkit';
import type { WireMessage } from '@sallyport/testkit';
import { openModernHttp, openOldSse, openSession, openSocket, openStdio } from './lines.ts';
import type { AnswerQuestion, Destination, Line } from './lines.ts';

type Json = Readonly<Record<string, unknown>>;

/** How each kind of caller opens its line. Those over stdio and WebSocket speak both eras, one after the other. */
export const callerKinds = {
  'modern HTTP': { modern: openModernHttp },
  'legacy HTTP with session': { legacy: openSession },
  'legacy SSE': { legacy: openOldSse },
  stdio: { legacy: (to) => openStdio('legacy', to), modern: (to) => openStdio('modern', to) },
  WebSocket: { legacy: (to) => openSocket('legacy', to), modern: (to) => openSocket('modern', to) },
} as const satisfies Readonly<Record<string, Readonly<Record<string, (to: Destination) => Promise<Line>>>>>;

/** A kind of caller. */
export type CallerKind = keyof typeof callerKinds;

/** What a caller heard of a resource that it subscribed to. */
export interface Subscription {
  /** URIs of the updates so far. */
  updates(): readonly string[];
  end(): Promise<void>;
}

/** A caller at one server. */
export interface Caller {
  readonly era: 'modern' | 'legacy';
  /** Questions that servers put to it so far. */
  readonly questions: readonly WireMessage[];
  /** Names at its door: with the server before them where the door leads to all servers. */
  tool(name: string): string;
  uri(uri: string): string;
  /** How many requests it sent that reach a server, by method. */
  readonly sent: ReadonlyMap<string, number>;
  /** Asks for what is not there, so that no server is reached. */
  askForNothing(method: string, params: Json): Promise<WireMessage>;
  /** Asks, answers what it is asked, and gives the final answer. */
  ask(method: string, params: Json, hear?: (message: WireMessage) => void): Promise<WireMessage>;
  /** Asks, and calls it off once `isBegun` says so. */
  askInVain(method: string, params: Json, isBegun: () => boolean): Promise<void>;
  subscribe(uri: string): Promise<Subscription>;
  close(): Promise<void>;
}

/** Answers a question with what was in it, so that a wrong answer is seen. */
const answerQuestion: AnswerQuestion = ({ method, params }) =>
  method === 'elicitation/create'
    ? { action: 'accept', content: { name: String((params as Json)['message']) } }
    : {
        role: 'assistant',
        model: 'matrix',
        stopReason: 'endTurn',
        content: { type: 'text', text: JSON.stringify((params as Json)['messages']) },
      };

/**
 * Opens a line and speaks over it.
 * @param isForAll true where the door leads to all servers.
 */
export async function openCaller(
  open: (to: Destination) => Promise<Line>,
  to: Omit<Destination, 'answer'>,
  isForAll: boolean,
): Promise<Caller> {
  const questions: WireMessage[] = [];
  const sent = new Map<string, number>();
  const answer: AnswerQuestion = (question) => {
    questions.push(question);
    return answerQuestion(question);
  };
  const line = await open({ ...to, answer });
  const request = (method: string, params: Json, hear?: (message: WireMessage) => void) => {
    sent.set(method, (sent.get(method) ?? 0) + 1);
    return line.request(method, params, hear);
  };

  /** The next try of a modern request whose answer asks something. */
  const answersTo = (result: Json): Json => {
    const asked = Object.entries((result['inputRequests'] ?? {}) as Record<string, WireMessage>);
    const inputResponses = Object.fromEntries(asked.map(([key, question]) => [key, answer(question)]));
    return { inputResponses, requestState: result['requestState'] };
  };

  async function ask(method: string, params: Json, hear?: (message: WireMessage) => void): Promise<WireMessage> {
    let given: Json = {};
    for (let round = 0; round < 3; round += 1) {
      const response = await request(method, { ...params, ...given }, hear).answer;
      if (response === undefined) throw new Error(`no answer to ${method}`);
      if (response.result?.['resultType'] !== 'input_required') return response;
      given = answersTo(response.result);
    }
    throw new Error(`${method} asks again and again`);
  }

  async function subscribe(uri: string): Promise<Subscription> {
    if (line.era === 'legacy') {
      const response = await ask('resources/subscribe', { uri });
      if (response.result === undefined) throw new Error(`resources/subscribe: ${JSON.stringify(response.error)}`);
      return {
        updates: () => updatesIn(line.heard()),
        end: async () => void (await ask('resources/unsubscribe', { uri })),
      };
    }
    const heard: WireMessage[] = [];
    const params = { notifications: { resourceSubscriptions: [uri] } };
    const listening = request('subscriptions/listen', params, (message) => heard.push(message));
    // What goes wrong is said by the wait below.
    const failed = listening.answer.catch(String);
    const isAcknowledged = (): boolean => {
      line.heard();
      return heard.some(({ method }) => method === 'notifications/subscriptions/acknowledged');
    };
    await Promise.race([
      waitFor(isAcknowledged, { what: 'the acknowledgement', everyMs: 5 }),
      failed.then((why) => Promise.reject(new Error(`subscriptions/listen: ${JSON.stringify(why)}`))),
    ]);
    return {
      updates() {
        line.heard();
        return updatesIn(heard);
      },
      async end() {
        await listening.cancel();
        await failed;
      },
    };
  }

  return {
    era: line.era,
    questions,
    tool: (name) => (isForAll ? `${to.server}__${name}` : name),
    uri: (uri) => (isForAll ? `mcp+${to.server}:${uri}` : uri),
    sent,
    ask,
    async askInVain(method, params, isBegun) {
      const asked = request(method, params);
      const answered = asked.answer.catch(String);
      await waitFor(isBegun, { what: `${method} to begin`, everyMs: 5 });
      await asked.cancel();
      if (line.era === 'modern') await answered;
    },
    async askForNothing(method, params) {
      const response = await line.request(method, params).answer;
      if (response === undefined) throw new Error(`no answer to ${method}`);
      return response;
    },
    subscribe,
    close: () => line.close(),
  };
}

const updatesIn = (messages: readonly WireMessage[]): string[] =>
  messages
    .filter(({ method }) => method === 'notifications/resources/updated')
    .map(({ params }) => String((params as Json)['uri']));
