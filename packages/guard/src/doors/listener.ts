/**
 * Listens for HTTP, with TLS in front or without, and leads each request to its door: Streamable HTTP, WebSocket, or the
 * SSE of 2024-11-05.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createBacklog, type BacklogOptions } from './backlog.ts';
import { createBodies } from './body.ts';
import { preflightMethod } from './cors.ts';
import type { DoorContext } from './door.ts';
import type { EventStreamOptions } from './event-stream.ts';
import { serveHttp } from './http.ts';
import { paceOf } from './pace.ts';
import { servePreflight } from './preflight.ts';
import { senderOf } from '../addresses.ts';
import { pagePathOf, servePage } from './pages.ts';
import { arrivalOf, type HttpContext } from './request.ts';
import { headersUnder } from './security-headers.ts';
import { createSilent } from './silent.ts';
import { serveSse } from './sse.ts';
import { isFromProxy } from './standing.ts';
import { createTlsFront, type TlsFront, type TlsMaterial } from './tls.ts';
import { answerPlainHttp, answerUnreadable, bareAnswer } from './unreadable.ts';
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
  /** What TLS needs; without it the door speaks plain HTTP. */
  readonly tls?: TlsMaterial;
  /** How long a TLS handshake may take. Default 10,000, or the time for a request where that is shorter. */
  readonly handshakeMs?: number;
}

/** A listener with its doors open. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /**
   * Takes other TLS material, or none, for the connections that come from now on; those that are open go on. Throws
   * where the material does not fit together, and leaves what was.
   */
  secure(material: TlsMaterial | undefined): void;
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
  let front: TlsFront | undefined;
  const shared: HttpContext = {
    ...context,
    bodies: createBodies(),
    // Connections that came over TLS keep what they showed, whatever the door speaks by now.
    shown: (socket, anchors, now) => lastFront?.shown(socket, anchors, now) ?? {},
  };
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
      // What lacks it is refused by the stage that judges it, with the headers of every answer.
      requireHostHeader: false,
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
  const isSecure = (): boolean => context.rules().isSecure === true;
  // The parser takes connections from here, so that TLS can be put before it and taken away.
  const parse = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const take = (socket: Socket): void => {
    // A proxy's connections are many, and none of them is one caller's.
    if (!isFromProxy(socket, context.rules())) silent.join(socket);
  };
  const serveOn = (socket: Socket): void => {
    for (const listener of parse) listener.call(server, socket);
  };
  const makeFront = (material: TlsMaterial): TlsFront =>
    createTlsFront(material, {
      handshakeMs: options.handshakeMs ?? Math.min(10_000, limits.requestTimeoutMs),
      onSecure: (socket, raw) => {
        silent.spoke(raw);
        take(socket);
        serveOn(socket);
      },
      onPlain: answerPlainHttp,
    });
  let lastFront: TlsFront | undefined;
  const secure = (material: TlsMaterial | undefined): void => {
    if (material === undefined) front = undefined;
    else if (lastFront === undefined) front = lastFront = makeFront(material);
    else {
      lastFront.replace(material);
      front = lastFront;
    }
  };
  secure(options.tls);
  server.on('connection', (socket) => {
    take(socket);
    if (front === undefined) serveOn(socket);
    // A handshake costs more than any refusal, so it is counted before it is made.
    else if (mayShakeHands(socket, context)) front.accept(socket);
    else socket.destroy();
  });
  server.on('upgrade', (request, socket, early) => {
    silent.spoke(request.socket);
    const arrival = arrivalOf('GET', request.url ?? '', context.rules());
    serveWebSocket(request, socket, early, arrival, shared, sockets).catch(() => socket.destroy());
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerUnreadable(error, socket, isSecure()));
  server.on('connect', (_, socket) => socket.end(bareAnswer({ status: 405, isSecure: isSecure() })));
  server.on('checkExpectation', (request, response) => {
    silent.spoke(request.socket);
    response.writeHead(417, ['Connection', 'close', 'Content-Length', '0', ...headersUnder(context.rules())]);
    response.end();
  });
  server.on('dropRequest', (_, socket) => socket.destroy());
  await listen(server, options);
  const address = server.address() as AddressInfo;
  return {
    host: options.host,
    port: address.port,
    secure,
    close: (deadlineMs) => {
      lastFront?.close();
      return close(server, deadlineMs);
    },
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
  const method = request.method ?? '';
  if (method === 'OPTIONS') {
    const wanted = preflightMethod(method, request.headers as Record<string, string | undefined>);
    if (wanted !== undefined) return servePreflight(request, response, wanted, context);
  }
  const arrival = arrivalOf(method, request.url ?? '', rules);
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

/** Charges a handshake to its address; a proxy's are everybody's. */
function mayShakeHands(socket: Socket, { rules, ports }: DoorContext): boolean {
  const inForce = rules();
  if (isFromProxy(socket, inForce)) return true;
  return ports.buckets.take(`handshake:${senderOf(socket.remoteAddress ?? '')}`, inForce.limits.perAddress).isAllowed;
}
