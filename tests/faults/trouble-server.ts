// A modern MCP server over HTTP that answers well, tells when its list of tools changes, and has tools whose answers
// come slowly, stop in the middle or never end.
import type { ServerResponse } from 'node:http';
import {
  discovery,
  openEvents,
  sendEvent,
  sendJson,
  startHttpFixture,
  type Call,
  type Incoming,
} from '../fixtures/upstreams/http-server.ts';

/** Ways in which an answer does not come. */
export const troubles = ['slow-head', 'slow-body', 'stall', 'endless-body', 'endless-events', 'silent'] as const;

/** One of them. */
export type Trouble = (typeof troubles)[number];

/** A running server. */
export interface TroubleServer {
  readonly url: string;
  /** Answers that the other side gave up before they ended. */
  readonly abandoned: number;
  /** Adds a tool and says so to whoever listens. */
  change(): void;
  close(): Promise<void>;
}

/** Milliseconds between two pieces of a slow answer. */
const pieceMs = 100;
const complete = { resultType: 'complete' };
const uncached = { ...complete, ttlMs: 0, cacheScope: 'private' };

/**
 * Starts the server.
 *
 * @param bigBytes - size of the answer of the tool `big`
 */
export async function startTroubleServer(bigBytes = 5 * 1024 * 1024): Promise<TroubleServer> {
  const big = 'x'.repeat(bigBytes);
  const extra: string[] = [];
  const listening = new Map<ServerResponse, Incoming['id']>();
  const pieces = new Set<NodeJS.Timeout>();
  let abandoned = 0;

  /** Sends piece after piece until the other side is gone. */
  function keepSending(response: ServerResponse, piece: () => void): void {
    const timer = setInterval(piece, pieceMs);
    pieces.add(timer);
    response.on('close', () => {
      clearInterval(timer);
      pieces.delete(timer);
    });
  }

  function callTool({ response, message }: Call): void {
    const { id } = message;
    const text = (value: string) => ({ result: { ...complete, content: [{ type: 'text', text: value }] } });
    const name = String(message.params?.['name']);
    if (name === 'echo') return sendJson(response, { id, ...text(JSON.stringify(message.params?.['arguments'])) });
    if (name === 'big') return sendJson(response, { id, ...text(big) });
    response.on('close', () => {
      if (!response.writableFinished) abandoned += 1;
    });
    if (name === 'chatty') {
      chat(response, message);
      return;
    }
    play(name as Trouble, response, message);
  }

  /** Reports progress without end, as fast as it is taken. */
  function chat(response: ServerResponse, { params }: Incoming): void {
    openEvents(response);
    const { progressToken } = (params?.['_meta'] ?? {}) as { readonly progressToken?: unknown };
    let progress = 0;
    const words = 'x'.repeat(64 * 1024);
    const more = (): void => {
      while (!response.destroyed) {
        progress += 1;
        const note = { progressToken, progress, message: words };
        sendEvent(response, { method: 'notifications/progress', params: note });
        if (response.writableNeedDrain) {
          response.once('drain', () => void setImmediate(more));
          return;
        }
      }
    };
    more();
  }

  function play(trouble: Trouble, response: ServerResponse, { id }: Incoming): void {
    const json = { 'content-type': 'application/json' };
    switch (trouble) {
      case 'slow-head':
        response.socket?.write('HTTP/1.1 200 OK\r\nX-Slow: ');
        keepSending(response, () => response.socket?.write('x'));
        break;
      case 'slow-body':
        response.writeHead(200, { ...json, 'content-length': 1024 * 1024 });
        keepSending(response, () => response.write(' '));
        break;
      case 'stall':
        response.writeHead(200, { ...json, 'content-length': 1024 });
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{`);
        break;
      case 'endless-body':
        response.writeHead(200, json);
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"text":"`);
        keepSending(response, () => response.write('x'.repeat(64 * 1024)));
        break;
      case 'endless-events':
        openEvents(response);
        keepSending(response, () => response.write(': still here\n\n'));
        break;
      case 'silent':
        break;
    }
  }

  const fixture = await startHttpFixture((call) => {
    const { response, message } = call;
    const { id } = message;
    switch (message.method) {
      case 'server/discover':
        sendJson(response, { id, result: { ...discovery(), capabilities: { tools: { listChanged: true } } } });
        break;
      case 'tools/list': {
        const names = ['echo', 'big', 'chatty', ...troubles, ...extra];
        const tools = names.map((name) => ({ name, description: name, inputSchema: { type: 'object' } }));
        sendJson(response, { id, result: { ...uncached, tools } });
        break;
      }
      case 'subscriptions/listen':
        openEvents(response);
        listening.set(response, id);
        response.on('close', () => listening.delete(response));
        sendEvent(response, stamped('notifications/subscriptions/acknowledged', id));
        break;
      case 'tools/call':
        callTool(call);
        break;
      case 'initialize':
        sendJson(response, { id, error: { code: -32022, message: 'no', data: { supported: ['2026-07-28'] } } }, 400);
        break;
      default:
        if (id === undefined) response.writeHead(202).end();
        else sendJson(response, { id, error: { code: -32601, message: 'Method not found' } }, 404);
    }
  });
  return {
    url: fixture.url,
    get abandoned() {
      return abandoned;
    },
    change() {
      extra.push(`extra-${extra.length}`);
      for (const [response, id] of listening) sendEvent(response, stamped('notifications/tools/list_changed', id));
    },
    async close() {
      for (const timer of pieces) clearInterval(timer);
      await fixture.close();
    },
  };
}

function stamped(method: string, id: Incoming['id']): object {
  const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
  return { method, params: { _meta, notifications: { toolsListChanged: true } } };
}
