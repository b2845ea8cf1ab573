/** Listens for HTTP, and leads each request to its door: Streamable HTTP, WebSocket, or the SSE of 2024-11-05. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBacklog, type BacklogOptions } from './backlog.ts';
import { createBodies } from './body.ts';
import type { DoorContext } from './door.ts';
import type { EventStreamOptions } from './event-stream.ts';
import { serveHttp } from './http.ts';
import { paceOf } from './pace.ts';
import { pagePathOf, servePage } from './pages.ts';
import { arrivalOf, type HttpContext } from './request.ts';
import { createSilent } from './silent.ts';
import { serveSse } from './sse.ts';
import { answerUnreadable, bareAnswer } from './unreadable.ts';
import { serveWebSocket, wantsWebSocket, type WebSocketOptions } from './websocket.ts';
import { serveMetadata, wantsMetadata } from './well-known.ts';

/** Where to listen, and how patient to be. Times in milliseconds. */
export interface ListenerOptions extends BacklogOptions {
  readonly host: string;
  readonly port: number;
  /** Between two comments on an event stream that has nothing to say. Default 15,000. */
  readonly keepAliveMs?: number;
  /** Between two pings on a WebSocket. Default 30,000. */
  readonly pingMs?: number;
  /** Connections of one address that have made no request yet; the oldest makes room. Default 1024. */
  readonly silentPerAddress?: number;
  /** Milliseconds for which a new connection does not make room. Default 1000. */
  readonly silentGraceMs?: number;
}

/** A listener with its doors open. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops listening, lets running exchanges end until the deadline, then cuts them. */
  close(deadlineMs: number): Promise<void>;
}

/** Requests whose head is larger are answered 431 by the parser. */
const maxHeaderBytes = 16 * 1024;

/**
 * Opens the doors.
 *
 * @param context - rules, ports, sessions and conversations
 * @param options - where to listen
 * @returns the listener, once it listens; rejects when the address cannot be had
 */
export async function openListener(context: DoorContext, options: ListenerOptions): Promise<Listener> {
  const { limits } = context.rules();
  const shared: HttpContext = { ...context, bodies: createBodies() };
  const backlog = createBacklog(options);
  const { keepAliveMs, pingMs } = options;
  const streams: EventStreamOptions = {
    backlog,
    stallMs: limits.requestTimeoutMs,
    ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
  };
  const sockets: WebSocketOptions = { backlog, ...(pingMs === undefined ? {} : { pingMs }) };
  const silent = createSilent({
    clock: context.ports.clock,
    perAddress: options.silentPerAddress ?? 1024,
    graceMs: options.silentGraceMs ?? 1000,
  });
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.requestTimeoutMs),
      keepAliveTimeout: 72_000,
      noDelay: true,
      joinDuplicateHeaders: false,
      // Every other upgrade is not taken, and HTTP/1.1 goes on (RFC 9110 §7.8).
      shouldUpgradeCallback: (request) => wantsWebSocket(request) && context.rules().doors.websocket,
    },
    (request, response) => {
      silent.spoke(request.socket);
      if (!isInPace(request, response)) return;
      // A rejection here is a bug that no stage could turn into an answer; the caller sees a broken connection.
      serve(request, response, shared, streams).catch(() => response.destroy());
    },
  );
  server.on('connection', (socket) => silent.join(socket));
  server.on('upgrade', (request, socket, early) => {
    silent.spoke(request.socket);
    const arrival = arrivalOf('GET', request.url ?? '', context.rules());
    serveWebSocket(request, socket, early, arrival, shared, sockets).catch(() => socket.destroy());
  });
  server.on('clientError', answerUnreadable);
  server.on('connect', (_, socket) => socket.end(bareAnswer(405)));
  server.on('dropRequest', (_, socket) => socket.destroy());
  await listen(server, options);
  const address = server.address() as AddressInfo;
  return {
    host: options.host,
    port: address.port,
    close: (deadlineMs) => close(server, deadlineMs),
  };
}

/** False for a request of a connection that has had its last answer, or will; who goes on sending is cut. */
function isInPace({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const step = paceOf(socket).step();
  if (step === 'go') return true;
  if (step === 'last') response.shouldKeepAlive = false;
  else if (step === 'cut') socket.destroy();
  return step === 'last';
}

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpContext,
  options: EventStreamOptions,
): Promise<void> {
  const rules = context.rules();
  const { pages } = context;
  const page = pages === undefined ? undefined : pagePathOf(request, pages);
  if (pages !== undefined && page !== undefined) return servePage(request, response, page, pages, rules, context);
  if (wantsMetadata(request.url ?? '', rules)) return serveMetadata(request, response, rules, context);
  const arrival = arrivalOf(request.method ?? '', request.url ?? '', rules);
  const door = arrival.door === 'sse' ? serveSse : serveHttp;
  return door(request, response, arrival, rules, context, options);
}

function listen(server: Server, options: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
