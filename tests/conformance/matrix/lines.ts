/** What the callers of the matrix speak over: requests of one era on one transport, and what is heard outside them. */

import { LegacySession, openRawWebSocket, openSse, postModern, startStdioDoor, waitFor } from '@sallyport/testkit';
import type { WireMessage } from '@sallyport/testkit';
import type { Era } from '@sallyport/protocol';

type Json = Readonly<Record<string, unknown>>;

/** A request on its way. */
export interface Asked {
  readonly answer: Promise<WireMessage | undefined>;
  /** Calls it off, in the way of the era and the transport. */
  cancel(): Promise<void>;
}

/** An open line. */
export interface Line {
  readonly era: Era;
  /** @param hear told each notification that may belong to the request */
  request(method: string, params: Json, hear?: (message: WireMessage) => void): Asked;
  /** Notifications so far that no request has to hear. */
  heard(): readonly WireMessage[];
  close(): Promise<void>;
}

/** Answers what a server asks over the line. */
export type AnswerQuestion = (question: WireMessage) => Json;

/** Where a line leads, and as whom. */
export interface Destination {
  /** `http://…`, without a path. */
  readonly origin: string;
  readonly server: string;
  readonly key: string;
  readonly configPath: string;
  readonly dir: string;
  readonly answer: AnswerQuestion;
}

/** What every caller of the matrix can answer. */
export const declared = { elicitation: { form: {} }, sampling: {} };

const clientInfo = { name: 'matrix', version: '1.0.0' };
const none = (): readonly WireMessage[] => [];
const end = Promise.resolve();

/** 2026-07-28 over Streamable HTTP: one POST a request. */
export function openModernHttp({ origin, server, key }: Destination): Promise<Line> {
  const open = new Set<AbortController>();
  let lastId = 0;
  const line: Line = {
    era: 'modern',
    request(method, params, hear) {
      const aborted = new AbortController();
      open.add(aborted);
      const { _meta: meta = {}, ...rest } = params;
      const request = { method, params: rest, meta: meta as Json, id: (lastId += 1), key, capabilities: declared };
      const answer = postModern(`${origin}/mcp/${server}`, {
        ...request,
        signal: aborted.signal,
        ...(hear === undefined ? {} : { onMessage: hear }),
      }).then(
        ({ response }) => response,
        (error: unknown) => {
          if (!aborted.signal.aborted) throw error;
          return undefined;
        },
      );
      return {
        answer,
        cancel() {
          aborted.abort();
          return end;
        },
      };
    },
    heard: none,
    close() {
      for (const aborted of open) aborted.abort();
      return end;
    },
  };
  return Promise.resolve(line);
}

/** 2025-11-25 over Streamable HTTP: a session with a standing stream. */
export async function openSession({ origin, server, key, answer }: Destination): Promise<Line> {
  const session = await LegacySession.open(`${origin}/mcp/${server}`, { key, answer, capabilities: declared });
  const heard: WireMessage[] = [];
  const stream = await session.stream();
  const listening = (async () => {
    for await (const message of stream.messages) heard.push(message);
  })().catch(() => undefined);
  const aborted = new AbortController();
  let lastId = 100;
  return {
    era: 'legacy',
    request(method, params, hear) {
      const id = (lastId += 1);
      const options = { id, signal: aborted.signal, ...(hear === undefined ? {} : { onMessage: hear }) };
      const answering = session.request(method, params, options).then(
        ({ response }) => response,
        (error: unknown) => {
          if (!aborted.signal.aborted) throw error;
          return undefined;
        },
      );
      return {
        answer: answering,
        cancel: async () => void (await session.notify('notifications/cancelled', { requestId: id })),
      };
    },
    heard: () => heard,
    async close() {
      aborted.abort();
      stream.close();
      await listening;
      await session.close();
    },
  };
}

/** A connection that carries everything. */
interface Pipe {
  send(message: Json): void;
  /** Messages since the last time. */
  take(): readonly WireMessage[];
  close(): Promise<unknown>;
}

/** Speaks one era over a pipe; a legacy one begins with initialize. */
async function speak(pipe: Pipe, era: Era, answer: AnswerQuestion): Promise<Line> {
  const answers = new Map<unknown, WireMessage>();
  const heard: WireMessage[] = [];
  const hearing = new Set<(message: WireMessage) => void>();
  let lastId = 0;

  const take = (): void => {
    for (const message of pipe.take()) {
      if (message.method === undefined) answers.set(message.id, message);
      else if (message.id !== undefined) pipe.send({ id: message.id, result: answer(message) });
      else {
        heard.push(message);
        for (const hear of hearing) hear(message);
      }
    }
  };
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': declared,
    'io.modelcontextprotocol/clientInfo': clientInfo,
  };
  const line: Line = {
    era,
    request(method, params, hear) {
      const id = (lastId += 1);
      if (hear !== undefined) hearing.add(hear);
      const meta = { ...(params['_meta'] as Json | undefined), ...(era === 'modern' ? envelope : {}) };
      const whole = Object.keys(meta).length === 0 ? params : { ...params, _meta: meta };
      pipe.send({ id, method, params: whole });
      let isCancelled = false;
      const find = (): WireMessage | 'none' | undefined => {
        take();
        return answers.get(id) ?? (isCancelled ? 'none' : undefined);
      };
      return {
        answer: waitFor(find, { everyMs: 5, ceilingMs: 30_000, what: `the answer to ${method}` }).then((message) => {
          // What comes after a cancellation has to be seen.
          if (message === 'none') return undefined;
          if (hear !== undefined) hearing.delete(hear);
          return message;
        }),
        cancel() {
          isCancelled = true;
          pipe.send({ method: 'notifications/cancelled', params: { requestId: id } });
          return end;
        },
      };
    },
    heard() {
      take();
      return heard;
    },
    close: async () => void (await pipe.close()),
  };
  if (era === 'legacy') {
    const params = { protocolVersion: '2025-11-25', capabilities: declared, clientInfo };
    await line.request('initialize', params).answer;
    pipe.send({ method: 'notifications/initialized' });
  }
  return line;
}

/** Gives each element of a growing list once. */
const onlyNew = <T>(list: () => readonly T[]): (() => readonly T[]) => {
  let taken = 0;
  return () => {
    const fresh = list().slice(taken);
    taken += fresh.length;
    return fresh;
  };
};

/** The transport of 2024-11-05. */
export async function openOldSse({ origin, server, key, answer }: Destination): Promise<Line> {
  const caller = await openSse(`${origin}/sse/${server}`, { key });
  // Each message is a POST of its own, and they have to arrive in order.
  let posted: Promise<unknown> = end;
  return speak(
    {
      send: (message) => {
        posted = posted.then(() => caller.say(message));
      },
      take: onlyNew(() => caller.messages),
      close() {
        caller.close();
        return end;
      },
    },
    'legacy',
    answer,
  );
}

/** A stdio door, which joins the gateway and leads to all servers. */
export function openStdio(era: Era, { configPath, dir, answer }: Destination): Promise<Line> {
  const peer = startStdioDoor(configPath, dir);
  return speak(
    {
      send: (message) => peer.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
      take: onlyNew(() => peer.messages),
      close: () => peer.stop(),
    },
    era,
    answer,
  );
}

/** A WebSocket. */
export async function openSocket(era: Era, { origin, server, key, answer }: Destination): Promise<Line> {
  const socket = await openRawWebSocket(`${origin}/mcp/${server}`, { key });
  const fresh = onlyNew(() => socket.frames);
  return speak(
    {
      send: (message) => socket.send(message),
      take: () =>
        fresh()
          .filter(({ opcode }) => opcode === 1)
          .map(({ payload }) => JSON.parse(payload.toString()) as WireMessage),
      close() {
        socket.destroy();
        return socket.closed;
      },
    },
    era,
    answer,
  );
}
